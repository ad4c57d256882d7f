#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# How fast a container can print: through xctld, with and without entries in the journal; through conmon, which writes a
# log file; and to a program that only reads. By pipe and by terminal, interleaved in one run; no verdict.
# $BENCH_ROUNDS, $BENCH_PIPE_MB and $BENCH_TERMINAL_MB change how much.
. "$(dirname "$0")/../system/lib.sh"

[ -x /usr/bin/conmon ] || { echo "conmon is not here: box bench has it" >&2; exit 77; }
# The payload itself takes the time that its output takes, into a directory that it shares with us.
mkdir -p "$work/out"
for kind in pipe terminal; do
    script_bundle "$work/$kind" 'time -p dd if=/out/text bs=64k 2>/out/report' \
        ".process.terminal = (\"$kind\" == \"terminal\") | .mounts += [{destination: \"/out\", type: \"bind\",
         source: \"$work/out\", options: [\"rbind\", \"rw\"]}]"
done
"$(dirname "$0")/console.py" "$work" "${BENCH_ROUNDS:-10}" "${BENCH_PIPE_MB:-256}" "${BENCH_TERMINAL_MB:-16}"
