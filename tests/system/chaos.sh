#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# 200 times SIGKILL for xctld at random moments, while containers count lines on pipes and on a terminal, in scopes
# and in a unit, and a client watches: no container dies or is restarted by it, every line is there exactly once,
# every exit status is right. $CHAOS_KILLS changes the number.
. "$(dirname "$0")/lib.sh"

kills=${CHAOS_KILLS:-200}

# Counts until the file /tmp/stop appears, then prints the number it reached and exits with its own code.
counter='i=0
while [ ! -e /stop/now ]; do i=$((i+1)); echo "line $i"; [ $((i % 20)) != 0 ] || sleep 0.02; done
echo "last $i"; exit'
mkdir -p "$work/stop"
share='.mounts += [{destination: "/stop", source: env.stop, type: "bind", options: ["bind", "ro"]}]'
export stop="$work/stop"

names='pipe tty unit'
script_bundle "$work/pipe" "$counter 21" "$share"
script_bundle "$work/tty" "$counter 22" "$share | .process.terminal = true"
script_bundle "$work/unit" "$counter 23" "$share"
for name in $names; do check "$name created" xctl create "$name" "$work/$name" --scrollback=64M; done
check "pipe started" xctl start pipe
check "tty started" xctl start tty
check "unit started" systemctl start oci@unit
xctl attach --observe pipe >"$work/watched" 2>"$work/watched.err" & watcher=$!
for name in $names; do pids+="$(field "$name" pid) "; done

RANDOM=${CHAOS_SEED:-$$}
note "seed ${CHAOS_SEED:-$$}"
main_pid() { systemctl show -p MainPID --value xctld; }
killed=0
while [ "$killed" -lt "$kills" ]; do
    pid=$(main_pid)
    if [ "$pid" = 0 ] || ! kill -KILL "$pid" 2>/dev/null; then sleep 0.01; continue; fi
    killed=$((killed + 1))
    # From at once, while the next one starts, to well after it has settled.
    case $((RANDOM % 4)) in
    0) sleep "0.0$((RANDOM % 90 + 10))" ;;
    1) sleep "0.1$((RANDOM % 90 + 10))" ;;
    2) sleep "0.2$((RANDOM % 90 + 10))" ;;
    3) sleep "0.4$((RANDOM % 90 + 10))" ;;
    esac
done
note "xctld was killed $killed times"

equal "no container died or was replaced" "$pids" "$(for name in $names; do printf '%s ' "$(field "$name" pid)"; done)"
for name in $names; do equal "$name ran once" 1 "$(field "$name" runs)"; done

# The end comes while no xctld is there to see it.
systemctl kill -s KILL xctld
touch "$stop/now"
code=20
for name in $names; do
    code=$((code + 1))
    r=0; timeout 60 xctl wait "$name" || r=$?
    equal "$name: the exit status" "$code" "$r"
    equal "$name: its reason" exited "$(field "$name" exitReason)"
    xctl logs "$name" 2>/dev/null | tr -d '\r' >"$work/$name.log"
    last=$(sed -n 's/^last //p' "$work/$name.log")
    { seq -f 'line %.0f' 1 "$last"; echo "last $last"; } >"$work/$name.expected"
    cmp -s "$work/$name.expected" "$work/$name.log" ||
        fail "$name: lines lost, doubled or mixed: $(diff "$work/$name.expected" "$work/$name.log" | head -n 5)"
    note "$name: all $last lines, each once, in order"
done
r=0; wait "$watcher" || r=$?
equal "the watching client learnt the status" 21 "$r"
check "and saw every line once" cmp "$work/pipe.expected" "$work/watched"
equal "systemd knows the unit's status" 23 "$(systemctl show -p ExecMainStatus --value oci@unit)"

check "nothing is left of the scopes" until_true 10 sh -c '! systemctl is-active -q xctl-pipe.scope xctl-tty.scope'
for name in $names; do check "$name deleted" xctl delete "$name"; done
equal "no process is left in the slice" "" "$(cat /sys/fs/cgroup/xctl.slice/cgroup.procs /sys/fs/cgroup/xctl.slice/*/cgroup.procs 2>/dev/null)"
equal "no keeper is left" "" "$(pgrep -x xctl-keeper || true)"
equal "the daemon holds no more than it should" yes "$([ "$(ls /proc/$(main_pid)/fd | wc -l)" -lt 60 ] && echo yes)"
