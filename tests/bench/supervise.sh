#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What supervision costs, beside what others take for the same: see supervise.py. Sections may be named; $BENCH_ROUNDS
# and $BENCH_CROWD change how much.
. "$(dirname "$0")/../engines/podman_lib.sh"

mkfifo "$work/fifo"
busybox_root "$work/busybox"
: >"$work/busybox/fifo"
script_bundle "$work/again" 'echo >/fifo; exec sleep 1000000' \
    ".mounts += [{destination: \"/fifo\", type: \"bind\", source: \"$work/fifo\", options: [\"bind\"]}]"
bundle "$work/true" '.process.args = ["/bin/true"] | .process.capabilities.ambient = []'
bundle "$work/sleeper" '.process.args = ["/bin/sleep", "1000000"]'
# What prints begins and ends with a word to the clock.
mkdir "$work/out"
mkfifo "$work/out/clock"
for kind in pipe terminal; do
    script_bundle "$work/$kind" \
        'echo begin >/out/clock; dd if=/out/text bs=64k count=$(cat /out/blocks) 2>/dev/null; echo end >/out/clock' \
        ".process.terminal = (\"$kind\" == \"terminal\") | .mounts +=
         [{destination: \"/out\", type: \"bind\", source: \"$work/out\", options: [\"bind\"]}]"
done
mkdir -p /etc/xctl/containers
configure_podman
xctl list >/dev/null  # the daemon is running from here on
exec "$(dirname "$0")/supervise.py" "$work" "${BENCH_ROUNDS:-20}" "${BENCH_CROWD:-1000}" "$@"
