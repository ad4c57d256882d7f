#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# xctl events goes on when xctld is restarted, and ends with an error when there was none.
. "$(dirname "$0")/lib.sh"

bundle "$work/b" '.process.args = ["true"]'
xctl events --json >"$work/events" 2>"$work/errors" & watcher=$!
has() { jq -e "select(.name == \"$1\" and .event == \"$2\")" "$work/events"; }
told() { # NAME: of its creation, as soon as somebody listens
    until_true sh -c "xctl create $1 '$work/b' && xctl delete $1 && grep -q '\"name\":\"$1\"' '$work/events'" ||
        fail "nothing is told of $1: $(cat "$work/errors")"
    note "what happens to $1 is told"
}
told before
systemctl restart xctld
told after
systemctl kill --signal=KILL --kill-whom=main xctld
told later
systemctl stop xctld.socket xctld-launch.socket xctld
sleep 1
systemctl start xctld.socket xctld-launch.socket
told last
check 'it is the same client' kill -0 "$watcher"
check 'each is one event' has last deleted
kill "$watcher"
systemctl stop xctld.socket xctld-launch.socket xctld
equal 'without xctld it says so at once' 1 "$(status_of timeout $patience xctl events)"
contains 'and what to do' "$(cat "$work/err")" 'enable --now xctld.socket'
systemctl start xctld.socket xctld-launch.socket
