#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Directories, files and devices of the host come into a container that runs and leave it again: in scopes, in units and
# in a user namespace; what cannot be done changes nothing, neither what runs nor the files.
. /src/tests/system/lib.sh

inside() { xctl exec live -- "$@"; }
set_live() { xctl set live "$@" >/dev/null; }

mkdir -p "$work/data/below" "$work/other"
echo one >"$work/data/file"
echo two >"$work/other/file"
mount -t tmpfs -o size=1m tmpfs "$work/data/below"
echo deep >"$work/data/below/file"

try_binds() {
    check 'a directory' set_live "binds=[\"$work/data:/data\"]"
    equal 'is seen, with what is mounted below' 'one deep' "$(inside cat /data/file /data/below/file | xargs)"
    check 'it can be written to' inside sh -c 'echo >/data/new && rm /data/new'
    equal 'nothing differs' '' "$(xctl diff live)"
    check 'a second, read-only, and a file' set_live "binds=[\"$work/data:/data\", \"$work/other:/o/t:ro,bind\", \"$work/other/file:/etc/two\"]"
    equal 'are seen, too' 'one two two' "$(inside cat /data/file /o/t/file /etc/two | xargs)"
    contains 'read-only' "$(inside sh -c 'echo >/o/t/new' 2>&1 || true)" 'Read-only file system'
    inside mkdir /data/inner
    inside mount -t tmpfs tmpfs /data/inner 2>/dev/null || note 'this container may not mount'
    check 'what it mounts is not the host'"'"'s' [ -z "$(findmnt -no TARGET "$work/data/inner")" ]
    inside umount /data/inner 2>/dev/null || true
    rmdir "$work/data/inner"
    check 'the first goes' set_live "binds=[\"$work/other:/o/t:ro,bind\", \"$work/other/file:/etc/two\"]"
    equal 'and is gone' '' "$(inside ls /data)"
    equal 'the others stay' 'two two' "$(inside cat /o/t/file /etc/two | xargs)"
    check 'another source at the same place' set_live "binds=[\"$work/data:/o/t\"]"
    equal 'is seen there' one "$(inside cat /o/t/file)"
    check 'none' set_live binds=
    equal 'is left' '' "$(inside sh -c 'ls /o/t; cat /etc/two')"
}

try_device() {
    [ "$(status_of inside dd if=/dev/shared of=/dev/null count=1)" != 0 ] || fail 'it has the device already'
    check 'a device' set_live 'devices=["/dev/zero:/dev/shared:r"]'
    check 'can be read' inside dd if=/dev/shared of=/dev/null count=1
    check 'it goes' set_live devices=
    equal 'and is gone' 1 "$(status_of inside test -e /dev/shared)"
}

refusals() {
    local before
    before=$(xctl cat live)
    [ "$(status_of xctl set live "binds=[\"$work/data:/data\", \"$work/absent:/absent\"]")" != 0 ] || fail 'an absent source'
    contains 'it is named' "$(cat "$work/err")" "$work/absent"
    equal 'the other did not come either' 1 "$(status_of inside test -e /data/file)"
    [ "$(status_of xctl set live "binds=[\"$work/data:/data\", \"$work/data:/etc/passwd/x\"]")" != 0 ] || fail 'an impossible target'
    contains 'the target is named' "$(cat "$work/err")" 'mount /etc/passwd/x '
    equal 'what had come is gone again' 1 "$(status_of inside test -e /data/file)"
    for word in data:/data /data /data: /data:/ /data:/x:ro:rw "$work/data:/data:nosuchoption"; do
        [ "$(status_of xctl set live "binds=[\"$word\"]")" != 0 ] || fail "accepted $word"
    done
    for word in /etc/passwd dev/zero /dev/zero:/dev/x:q /dev/absent; do
        [ "$(status_of xctl set live "devices=[\"$word\"]")" != 0 ] || fail "accepted $word"
    done
    equal 'nothing of that is in the files' "$before" "$(xctl cat live)"
}

script_bundle "$work/live" 'trap "exit 0" TERM; while :; do sleep 0.1; done' '.root.readonly = false'
xctl create live "$work/live"
for start in 'xctl start live' 'systemctl start oci@live'; do
    note "== $start"
    $start
    try_binds
    try_device
    refusals
    xctl stop live
done

note '== for this run, and from the files'
xctl start live
check 'for this run' set_live --runtime "binds=[\"$work/data:/data\"]"
check 'in the files' set_live "devices=[\"/dev/zero:/dev/shared\"]"
systemctl restart xctld
check 'after a restart of xctld another' set_live --runtime "binds=[\"$work/data:/data\", \"$work/other:/other\"]"
equal 'both are there' 'one two' "$(inside cat /data/file /other/file | xargs)"
xctl restart live
equal 'and when it is started again in this boot' 'one two' "$(inside cat /data/file /other/file | xargs)"
check 'with the device' inside dd if=/dev/shared of=/dev/null count=1
contains 'a start shows what it does' "$(xctl explain live)" "$work/other"
xctl stop live
xctl delete live

note '== in a user namespace'
chmod 755 "$work" "$work/other"
script_bundle "$work/mapped" 'trap "exit 0" TERM; while :; do sleep 0.1; done' '.linux.namespaces += [{"type": "user"}] |
    .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings | .root.readonly = false'
chown -R 100000:100000 "$work/mapped/rootfs"
xctl create live "$work/mapped"
xctl start live
check 'a directory' set_live "binds=[\"$work/other:/dev/inside\"]"
equal 'is seen' two "$(inside cat /dev/inside/file)"
try_device
check 'it goes' set_live binds=
xctl stop live
xctl delete live

note '== what the host has mounted read-only stays read-only in a user namespace'
mkdir "$work/locked"
mount -t tmpfs -o nosuid,nodev tmpfs "$work/locked"
mount -o remount,bind,ro,nosuid,nodev "$work/locked"
xctl create live "$work/mapped"
xctl start live
check 'a read-only source' set_live "binds=[\"$work/locked:/dev/locked:rw\"]"
contains 'is what the container has' "$(inside grep ' /dev/locked ' /proc/self/mountinfo)" ' ro,nosuid,nodev'
xctl stop live
xctl delete live
umount "$work/locked"

note '== afterwards'
check 'nothing is left mounted' [ "$(grep -c "$work" /proc/self/mountinfo)" = 1 ]
umount "$work/data/below"
