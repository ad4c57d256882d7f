#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# xrun beside crun and runc, as engines run them: with the default spec, with a seccomp profile of Docker's kind, with
# ten bind mounts; each verb alone; and beside many containers. $BENCH_ROUNDS and $BENCH_CROWD change how much.
. "$(dirname "$0")/../system/lib.sh"

umount -Rl /sys; mount -t sysfs sysfs /sys; mount -t cgroup2 cgroup2 /sys/fs/cgroup
true='.process.args = ["/bin/true"]'
bundle "$work/plain" "$true"
bundle "$work/sleeper" '.process.args = ["/bin/sleep", "1000000"]'
bundle "$work/mounts" "$true | .mounts += [range(10) |
    {destination: \"/mnt/\(.)\", type: \"bind\", source: \"/usr/share\", options: [\"rbind\", \"ro\"]}]"
bundle "$work/seccomp" "$true | .linux.seccomp = $("$(dirname "$0")/seccomp_profile.py")"
"$(dirname "$0")/runtime.py" "$work" "${BENCH_ROUNDS:-40}" "${BENCH_CROWD:-500}"
