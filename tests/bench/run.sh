#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The whole life of /bin/true: through xctld with a scope of its own, against crun with and without one. Interleaved
# in one run; medians and ratios, no verdict. $BENCH_ROUNDS changes the number of rounds.
. "$(dirname "$0")/../system/lib.sh"

rounds=${BENCH_ROUNDS:-60}
bundle "$work/true" '.process.args = ["/bin/true"] | .process.capabilities.ambient = []'
cd "$work/true"
xctl list >/dev/null  # the daemon is running from here on

xctl_run() { xctl run --rm "bench$1" "$work/true"; }
xctl_verbs() { xctl create "v$1" "$work/true" && xctl start "v$1" && xctl wait "v$1" && xctl delete "v$1"; }
crun_systemd() { crun --systemd-cgroup run "s$1"; }
crun_plain() { crun run "p$1"; }

cases='crun_plain crun_systemd xctl_run xctl_verbs'
for name in $cases; do "$name" 0 </dev/null || fail "$name does not run here"; done
round=1
while [ $round -le "$rounds" ]; do
    for name in $cases; do
        begin=$EPOCHREALTIME
        "$name" "$round" </dev/null
        end=$EPOCHREALTIME
        echo "$name $(((${end/./} - ${begin/./})))" >>"$work/times"
    done
    round=$((round + 1))
done

python3 - "$work/times" <<'PY'
import collections, statistics, sys
times = collections.defaultdict(list)
for line in open(sys.argv[1]):
    name, usec = line.split()
    times[name].append(int(usec) / 1000)
base = {name: statistics.median(values) for name, values in times.items()}
print(f"{'case':14}{'min ms':>9}{'median ms':>11}{'x crun':>9}{'x crun --systemd-cgroup':>25}")
for name, values in times.items():
    print(f"{name:14}{min(values):9.1f}{base[name]:11.1f}{base[name] / base['crun_plain']:9.2f}"
          f"{base[name] / base['crun_systemd']:25.2f}")
PY
