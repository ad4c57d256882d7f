#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A container that splices from where nothing comes into its own output keeps that pipe locked, and who reads it waits in
# the kernel, unkillably. That is this container's business: xctld answers, others start and stop, and nothing is lost.
. /src/tests/system/lib.sh

# cat(1) of busybox uses sendfile(2), and a terminal that nobody has opened has nothing to say.
mkdir -p /etc/xctl/containers "$work/sign"
script_bundle "$work/holder" 'while [ ! -e /sign/go ]; do sleep 0.1; done; echo up; exec cat /dev/ptmx' \
    ".mounts += [{destination: \"/sign\", type: \"bind\", source: \"$work/sign\", options: [\"bind\"]}]"
script_bundle "$work/other" 'echo other; sleep 1000'
xctl create holder "$work/holder"
xctl create other "$work/other"
workers() { pgrep -x xctl-pipes; }
held() { grep -qs '^40 ' /proc/"$(pgrep -f 'cat /dev/ptmx' | tail -n 1)"/syscall; }

# There is something to read, and nobody reads it until the pipe is locked.
xctl start holder
systemctl stop xctld.socket xctld
touch "$work/sign/go"
check 'it holds its pipe' until_true held
systemctl start xctld.socket
check 'xctld comes up' timeout $patience xctl list
check 'others start' timeout $patience xctl start other
check 'and print' until_true eval 'timeout $patience xctl logs other | grep -qx other'
check 'xctld says so' until_true eval 'journalctl --boot | grep -q "holder: one of its processes keeps its console locked"'
check 'the worker that waits is with the container' until_true eval '
    for pid in $(workers); do grep -l "xctl-holder.scope/supervisor" /proc/$pid/cgroup; done | grep -q .'

# What an exec leaves behind may hold its pipe, and is not waited for when that is closed.
for _ in $(seq 25); do
    equal 'the exec ends' 3 "$(status_of timeout $patience xctl exec other -- sh -c 'cat /dev/ptmx & sleep 0.1; exit 3')"
done
check 'xctld answers' timeout $patience xctl list
# Neither way of going waits for the pipe, and the next daemon meets it as well.
for how in 'systemctl restart xctld' 'systemctl kill --signal=KILL --kill-whom=main xctld'; do
    check "$how" timeout $patience $how
    check 'it answers' until_true timeout $patience xctl list
    equal 'the container runs' running "$(field holder state)"
    check 'an exec is served' timeout $patience xctl exec other -- true
done

check 'it stops' timeout $patience xctl stop holder --timeout=0
equal 'what it printed is there once' up "$(xctl logs holder)"
equal 'how it ended' 137 "$(status_of xctl wait holder)"
check 'it is deleted' xctl delete holder
check 'others go on' xctl stop other --timeout=0
equal 'nothing was lost of the other' other "$(xctl logs other)"
xctl delete other
check 'one worker is left, at most' until_true eval '[ "$(workers | wc -l)" -le 1 ]'
