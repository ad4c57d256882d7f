#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Limits of a container that runs are changed, with every cgroup controller there is: by `xctl set`, in scopes and in
# units; a controller that nothing has needed before is enabled; what is taken back is as in a new cgroup.
. /src/tests/system/lib.sh

resources=config.linux.resources
limit() { cat "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(field live pid)/cgroup")/$1"; }

try() {
    check 'processes, memory and CPU' xctl set live $resources.pids.limit=77 $resources.memory.limit=268435456 $resources.cpu.shares=2048
    equal 'are in force' '77 268435456' "$(limit pids.max) $(limit memory.max)"
    check 'the weight is above the default' [ "$(limit cpu.weight)" -gt 100 ]
    equal 'nothing differs' '' "$(xctl diff live)"
    [ "$(status_of xctl set live $resources.unified='{"memory.high": "nonsense"}')" = 1 ] || fail "nonsense: $(cat "$work/err")"
    equal 'a refused limit leaves the others' 268435456 "$(limit memory.max)"
    check 'taken back' xctl set live $resources.pids.limit= $resources.memory.limit= $resources.cpu.shares=
    equal 'it is as in a new cgroup' 'max max 100' "$(limit pids.max) $(limit memory.max) $(limit cpu.weight)"
    check 'for this run' xctl set live --runtime $resources.pids.limit=55
    equal 'in force' 55 "$(limit pids.max)"
}

script_bundle "$work/live" 'trap "exit 0" TERM; while :; do sleep 0.1; done' 'del(.linux.resources)'
xctl create live "$work/live"
xctl start live
try
xctl restart live
equal 'the run went on in that sense' 55 "$(limit pids.max)"
xctl stop live
systemctl start oci@live
[ "$(limit pids.max 2>/dev/null)" != 55 ] || fail "the unit has the limits of another run"
try
systemctl stop oci@live
xctl delete live
