#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What protects xctld is in force, and reaches neither containers nor hooks: limits and memory flags. OOM scores cannot be
# lowered in such a system: tests/vm/hostile_oom.sh has them. A loop that turns no more is ended by the watchdog. A daemon
# that cannot start is tried at growing intervals, and one that is killed is started again at once.
. /src/tests/system/lib.sh

property() { systemctl show --property="$2" --value "$1"; }
xctld_pid() { property xctld MainPID; }
ask() { "$(dirname "$0")/../support/prctl_of.py" "$(xctld_pid)" "$1"; }
get_dumpable=3 get_mdwe=66

# A root with the system's own programs.
plain='del(.process.rlimits) | .mounts += [{destination: "/usr", type: "bind", source: "/usr", options: ["rbind", "ro"]}]'
print='cat /proc/self/limits; echo "score $(cat /proc/self/oom_score_adj)"
    python3 -c "import ctypes; print(\"mdwe\", ctypes.CDLL(None).prctl(66, 0, 0, 0, 0))"'
plain_bundle() { # DIRECTORY SCRIPT [JQ-FILTER]
    script_bundle "$1" "$2" "$plain | ${3:-.}"
    jq '.process.args[0] = "/usr/bin/sh"' "$1/config.json" >"$1/new" && mv "$1/new" "$1/config.json"
    mkdir -p "$1/rootfs/usr"
    ln -s usr/lib usr/lib64 "$1/rootfs/"
}

# Those of a service that says nothing about limits, with the number of descriptors that systemd gives by default.
expected() {
    systemd-run --quiet --pipe --wait --property=LimitNOFILE=1024:524288 cat /proc/self/limits
    printf 'score %s\nmdwe 0\n' "${1:-0}"
}

test_daemon() {
    systemctl start xctld
    equal 'xctld is not dumpable' 0 "$(ask $get_dumpable)"
    case $(ask $get_mdwe) in
    3) note 'xctld makes nothing executable that was writable, and its children may' ;;
    -22) note 'this kernel has no PR_GET_MDWE' ;;
    *) fail "PR_GET_MDWE answers $(ask $get_mdwe)" ;;
    esac
    contains 'its own memory is limited' "$(cat "/proc/$(xctld_pid)/limits")" '^Max data size +1073741824 +unlimited'
    check 'it answers' xctl list
}

test_children() {
    plain_bundle "$work/plain" "$print"
    xctl create plain "$work/plain"
    equal 'a container gets what any service gets' "$(expected)" "$(xctl run --rm plain-run "$work/plain")"

    plain_bundle "$work/scored" "$print" '.process.oomScoreAdj = 500'
    equal 'its own score is as it says' "$(expected 500)" "$(xctl run --rm scored "$work/scored")"

    plain_bundle "$work/long" 'sleep 1000'
    xctl create long "$work/long"
    xctl start long
    equal 'an exec gets the same' "$(expected)" "$(xctl exec long -- /usr/bin/sh -c "$print")"

    printf '#!/bin/sh\n{ %s; } >%s/hook.out 2>&1\n' "$print" "$work" >"$work/hook"
    chmod +x "$work/hook"
    plain_bundle "$work/hooked" 'true' ".hooks = {createRuntime: [{path: \"$work/hook\"}]}"
    xctl run --rm hooked "$work/hooked"
    equal 'a hook gets the same' "$(expected)" "$(cat "$work/hook.out")"
    xctl stop long --timeout=0
}

revive() { # WHAT: another process, that answers
    check "$1" until_true eval "[ \"\$(xctld_pid)\" != 0 ] && [ \"\$(xctld_pid)\" != $before ]"
    check 'it answers' until_true timeout $patience xctl list
}

test_watchdog() {
    equal 'there is a watchdog' 3min "$(property xctld WatchdogUSec)"
    mkdir -p /run/systemd/system/xctld.service.d
    printf '[Service]\nWatchdogSec=10s\n' >/run/systemd/system/xctld.service.d/test.conf
    systemctl daemon-reload
    systemctl restart xctld
    before=$(xctld_pid)
    for _ in 1 2 3; do
        fed=$(property xctld WatchdogTimestampMonotonic)
        check 'a daemon with nothing to do feeds it' until_true eval '[ "$(property xctld WatchdogTimestampMonotonic)" != "$fed" ]'
    done
    equal 'in time' "$before" "$(xctld_pid)"
    kill -STOP "$before"
    revive 'one that stands still is replaced'
    rm /run/systemd/system/xctld.service.d/test.conf
    systemctl daemon-reload
    systemctl restart xctld
}

test_restarts() {
    local program
    for _ in 1 2 3 4 5 6; do
        before=$(xctld_pid)
        kill -KILL "$before"
        revive 'a daemon that is killed is back soon'
    done
    equal 'as soon as the first time' 100ms "$(property xctld RestartUSecNext)"

    program=$(property xctld ExecStart | sed -n 's/.*path=\([^ ;]*\).*/\1/p')
    mv "$program" "$program.away"
    kill -KILL "$(xctld_pid)"
    check 'without its program it is tried' until_true eval '[ "$(property xctld NRestarts)" -ge 4 ]'
    check 'more and more seldom' until_true eval 'property xctld RestartUSecNext | grep -Eq "(^| )[0-9.]+s"'
    sleep 2
    check 'after seconds in the end' [ "$(property xctld NRestarts)" -lt 12 ]
    mv "$program.away" "$program"
    systemctl restart xctld
    check 'it is back' timeout $patience xctl list
    equal 'as if nothing had been' '0 100ms' "$(property xctld NRestarts) $(property xctld RestartUSecNext)"
}

test_daemon
test_children
test_watchdog
test_restarts
