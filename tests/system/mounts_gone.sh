#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# When stop returns, a container's mounts are gone: the file systems that it used can be taken into use elsewhere. An
# overlay tells, since a second one with the same upper directory is refused while the first is mounted anywhere.
. "$(dirname "$0")/lib.sh"

mkdir "$work/fs"
mount -t tmpfs tmpfs "$work/fs"
cd "$work/fs"
mkdir lower upper working merged
take() { mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=working,index=on overlay "$work/fs/merged"; }
take
equal 'a second one is refused' 32 "$(status_of take)"

script_bundle "$work/user" 'trap "exit 0" TERM; sleep 1000 & while :; do sleep 0.1; done' \
    ".mounts += [{destination: \"/tmp\", type: \"bind\", source: \"$work/fs/merged\", options: [\"bind\"]}]"
check 'created' xctl create user "$work/user"
for start in 'xctl start user' 'systemctl start oci@user'; do
    for stop in 'xctl stop user' 'xctl stop --timeout=0 user' 'xctl kill --all user KILL'; do
        mountpoint -q merged || take
        $start
        umount merged
        equal "$start: the container holds it" 32 "$(status_of take)"
        $stop
        [ "$stop" = 'xctl stop user' ] || xctl wait user >/dev/null || true
        check "$stop: it does no more" take
        systemctl reset-failed oci@user 2>/dev/null || true
    done
done
umount merged
cd /
umount "$work/fs"
check 'deleted' xctl delete user
