#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A container keeps its output locked, so that the process that reads it for xctld is moved into the container's unit, and
# then fills its memory limit without a process of its own that is large. The OOM killer ends processes of that unit only.
# The OOM score of xctld is lower than usual, and that of its children is not.
. /src/tests/system/lib.sh

xctld_pid() { systemctl show --property=MainPID --value xctld; }
worker() { grep -lx xctl-pipes $(sed 's|.*|/proc/&/comm|' "/sys/fs/cgroup/xctl.slice/oci@evil.service/supervisor/cgroup.procs"); }
held() { grep -qs '^40 ' /proc/"$(pgrep -f 'cat /dev/ptmx' | tail -n 1)"/syscall; }
says() { xctl logs --tail=1 evil | grep -qx "$1"; }
kills() { dmesg | grep -c 'Killed process' || true; }

# What is in a tmpfs counts for the cgroup and for no process. cat(1) of busybox uses sendfile(2), and a terminal that
# nobody has opened has nothing to say.
mkdir -p /etc/xctl/containers "$work/sign"
script_bundle "$work/evil" 'echo here; while [ ! -e /sign/hold ]; do sleep 0.1; done; echo up; cat /dev/ptmx & while [ ! -e /sign/go ]; do sleep 0.1; done; cat /dev/zero >/tmp/fill' \
    ".mounts += [{destination: \"/sign\", type: \"bind\", source: \"$work/sign\", options: [\"bind\"]},
                 {destination: \"/tmp\", type: \"tmpfs\", source: \"tmpfs\"}]"
xctl create evil "$work/evil"
daemon=$(xctld_pid)

for policy in continue kill; do
    rm -f "$work/sign/go" "$work/sign/hold"
    mkdir -p /run/systemd/system/oci@evil.service.d
    printf '[Service]\nMemoryMax=64M\nMemorySwapMax=0\nOOMPolicy=%s\n' $policy >/run/systemd/system/oci@evil.service.d/test.conf
    systemctl daemon-reload
    systemctl start oci@evil
    # A unit is active a moment before the program of its container runs, and that moment needs xctld.
    check "$policy: the container runs" until_true says here
    # There is something to read, and nobody reads it until the pipe is locked.
    kill -STOP "$daemon"
    touch "$work/sign/hold"
    until_true held || fail "$policy: the container locks its output"
    kill -CONT "$daemon"
    check "$policy: a worker of xctld is in the unit" until_true worker
    before=$(kills)
    touch "$work/sign/go"
    check "$policy: the container ends" until_true state_is evil stopped
    check "$policy: the OOM killer was there" [ "$(kills)" -gt "$before" ]
    equal "$policy: xctld lives" "$daemon" "$(xctld_pid)"
    equal "$policy: and knows how it ended" oom-kill "$(field evil exitReason)"
    systemctl reset-failed oci@evil
done

# Its low score is its own.
score() { cat "/proc/$1/oom_score_adj"; }
hook="cat /proc/self/oom_score_adj >$work/hook.out"
script_bundle "$work/long" 'exec sleep 1000' ".hooks = {createRuntime: [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"$hook\"]}]}"
xctl create long "$work/long"
xctl start long
equal 'the score of xctld' -900 "$(score "$daemon")"
equal 'of its launcher' 0 "$(score "$(pgrep -fo 'xctl-launch --serve')")"
equal 'of an init' 0 "$(score "$(field long pid)")"
equal 'of a hook' 0 "$(cat "$work/hook.out")"
equal 'a container cannot lower its own' 0 "$(xctl exec long -- sh -c '
    echo -900 >/proc/self/oom_score_adj; cat /proc/self/oom_score_adj' 2>"$work/err")"
contains 'and is told so' "$(cat "$work/err")" 'Permission denied'
# Others come after this in the same machine.
xctl delete --force long
xctl delete --force evil
