#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A container keeps its output locked, so that the process that reads it for xctld is moved into the container's unit, and
# then fills its memory limit without a process of its own that is large. The OOM killer ends processes of that unit only,
# whether it chooses one (OOMPolicy=continue) or takes all (OOMPolicy=kill).
. /src/tests/system/lib.sh

xctld_pid() { systemctl show --property=MainPID --value xctld; }
worker() { grep -lx xctl-pipes $(sed 's|.*|/proc/&/comm|' "/sys/fs/cgroup/xctl.slice/oci@evil.service/supervisor/cgroup.procs"); }
kills() { dmesg | grep -c 'Killed process' || true; }

# What is in a tmpfs counts for the cgroup and for no process. cat(1) of busybox uses sendfile(2), and a terminal that
# nobody has opened has nothing to say.
mkdir -p /etc/xctl/containers "$work/sign"
script_bundle "$work/evil" 'yes & cat /dev/ptmx & while [ ! -e /sign/go ]; do sleep 0.1; done; cat /dev/zero >/tmp/fill' \
    ".mounts += [{destination: \"/sign\", type: \"bind\", source: \"$work/sign\", options: [\"bind\"]},
                 {destination: \"/tmp\", type: \"tmpfs\", source: \"tmpfs\"}]"
xctl create evil "$work/evil"
daemon=$(xctld_pid)

for policy in continue kill; do
    rm -f "$work/sign/go"
    mkdir -p /run/systemd/system/oci@evil.service.d
    printf '[Service]\nMemoryMax=64M\nMemorySwapMax=0\nOOMPolicy=%s\n' $policy >/run/systemd/system/oci@evil.service.d/test.conf
    systemctl daemon-reload
    systemctl start oci@evil
    check "$policy: a worker of xctld is in the unit" until_true 20 worker
    before=$(kills)
    touch "$work/sign/go"
    check "$policy: the container ends" until_true 30 state_is evil stopped
    equal "$policy: for lack of memory" oom-kill "$(field evil exitReason)"
    check "$policy: the OOM killer was there" [ "$(kills)" -gt "$before" ]
    equal "$policy: xctld lives" "$daemon" "$(xctld_pid)"
    systemctl reset-failed oci@evil
done
