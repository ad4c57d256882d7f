#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# xctl --host over a real ssh: calls, consoles in both directions, exit statuses, and a connection that breaks.
. "$(dirname "$0")/lib.sh"

# A server of its own, and a user who may enter by a key.
mkdir -p /run/sshd ~/.ssh
chmod 700 ~/.ssh
ssh-keygen -q -t ed25519 -N '' -f "$work/host_key"
ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519
cp ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys
printf '[127.0.0.1]:2222 %s\n' "$(cut -d' ' -f1,2 "$work/host_key.pub")" >~/.ssh/known_hosts
printf 'Host far\n    HostName 127.0.0.1\n    Port 2222\n    BatchMode yes\n' >~/.ssh/config
/usr/sbin/sshd -D -e -p 2222 -h "$work/host_key" -o ListenAddress=127.0.0.1 -o PidFile=none -o UsePAM=no \
    -o StrictModes=no 2>"$work/sshd.log" & sshd=$!
trap 'kill $sshd 2>/dev/null || true' EXIT
until_true ssh far true || fail "ssh itself: $(cat "$work/sshd.log")"
export XCTL_HOST=far

script_bundle "$work/hello" 'echo out; echo err >&2; read -r l; echo "got $l"; exit 5'
check 'created' xctl create hello "$work/hello"
equal 'listed' hello "$(xctl list --json | jq -r '.[].name')"
equal 'the same as here' "$(env -u XCTL_HOST xctl list --json)" "$(xctl list --json)"
equal 'errors' 3 "$(status_of xctl state none)"
check 'started' xctl start hello
r=0; out=$(echo word | xctl attach hello 2>"$work/err") || r=$?
equal 'attach: status, output and errors' '5 out got word err' "$r $(echo "$out" | xargs) $(cat "$work/err")"
r=0; out=$(xctl run --rm once "$work/hello" -- /bin/sh -c 'echo said; exit 7' </dev/null) || r=$?
equal 'run' 'said 7' "$out $r"

script_bundle "$work/follow" 'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo line $i; [ $i != 1000 ] || until [ -e /go ]; do sleep 0.1; done; done'
check 'created' xctl create follow "$work/follow"
xctl attach --observe follow >"$work/follow.out" 2>"$work/follow.err" & follower=$!
until_true sh -c '[ "$(env -u XCTL_HOST xctl clients follow --json | jq length)" = 1 ]' || fail 'attached'
check 'started' xctl start follow
until_true grep -q 'line 100' "$work/follow.out" || fail 'it follows nothing'
systemctl kill -s KILL xctld
sleep 0.5
until_true pkill -o -f '^ssh .*xctl --bridge' || fail 'no ssh to kill'
touch "$work/follow/rootfs/go"
r=0; wait "$follower" || r=$?
equal 'status after deaths of xctld and of ssh' 0 "$r"
equal 'every line once' "$(seq -f 'line %g' 1 2000 | sha256sum)" "$(sha256sum <"$work/follow.out")"
dd if=/dev/urandom of=/tmp/big bs=1M count=4 status=none
equal 'four megabytes, there and back' "$(sha256sum </tmp/big)" "$(xctl run --rm cat "$work/hello" -- /bin/cat </tmp/big | sha256sum)"
equal 'a host that is not there' 1 "$(XCTL_HOST=nowhere.invalid status_of xctl list)"
