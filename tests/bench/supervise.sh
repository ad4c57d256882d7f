#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What supervision costs: xctld beside systemd's services, Podman, conmon, containerd-shim and crun. How soon a program that
# died runs again, memory per idle container, run and exec, and a crowd of containers. $BENCH_ROUNDS and $BENCH_CROWD
# change how much.
. "$(dirname "$0")/../system/lib.sh"

mkfifo "$work/fifo"
busybox_root "$work/busybox"
: >"$work/busybox/fifo"
again='echo >/fifo; exec sleep 1000000'
script_bundle "$work/again" "$again" ".mounts += [{destination: \"/fifo\", type: \"bind\", source: \"$work/fifo\", options: [\"bind\"]}]"
bundle "$work/true" '.process.args = ["/bin/true"] | .process.capabilities.ambient = []'
bundle "$work/sleeper" '.process.args = ["/bin/sleep", "1000000"]'
xctl list >/dev/null  # the daemon is running from here on
"$(dirname "$0")/supervise.py" "$work" "${BENCH_ROUNDS:-20}" "${BENCH_CROWD:-1000}"
