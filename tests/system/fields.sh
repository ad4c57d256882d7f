#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The rarer fields of config.json, as their owner sees them: through xrun, and through xctld where that differs.
. "$(dirname "$0")/lib.sh"

umount -Rl /sys; mount -t sysfs sysfs /sys; mount -t cgroup2 cgroup2 /sys/fs/cgroup

own_group() { echo ".linux.cgroupsPath = \"/xrun-fields/$1\""; }
has_controller() { grep -qw "$1" /sys/fs/cgroup/cgroup.controllers; }

# The agent lets every call fail that it is notified of.
notifications() {
    local notify='.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: env.agent, listenerMetadata: "note",
        syscalls: [{names: ["mkdir", "mkdirat", "no_such_call"], action: "SCMP_ACT_NOTIFY"}]}'
    export agent=$work/agent.sock
    /src/tests/support/seccomp_agent.py "$agent" >"$work/agent.out" &
    local agent_pid=$!
    check 'an agent listens' until_true [ -S "$agent" ]
    script_bundle "$work/notify" 'mkdir /tmp/x; echo $?; sleep 1000' "$(own_group notify) | $notify"
    check 'create' xrun create -b "$work/notify" --pid-file "$work/pid" notify </dev/null >"$work/notify.out" 2>&1
    check 'start' xrun start notify
    check 'the agent answers' until_true grep -q '^1$' "$work/notify.out"
    contains 'what it says' "$(cat "$work/notify.out")" 'cross-device|Invalid'
    equal 'what it is told' '["seccompFd"] note notify creating' \
        "$(jq -r '"\(.fds | tojson) \(.metadata) \(.state.id) \(.state.status)"' <"$work/agent.out")"
    equal 'of which process' "$(cat "$work/pid") $(cat "$work/pid")" "$(jq -r '"\(.pid) \(.state.pid)"' <"$work/agent.out")"
    equal 'a process that joins' 1 "$(status_of xrun exec notify mkdir /tmp/y)"
    equal 'what it is told then' running "$(tail -1 "$work/agent.out" | jq -r .state.status)"
    equal 'of two processes' true "$(tail -1 "$work/agent.out" | jq '.pid != .state.pid')"
    check 'delete' xrun delete --force notify
    kill "$agent_pid"
    rm "$agent"
    equal 'no agent' 1 "$(status_of xrun run -b "$work/notify" notify)"
    contains 'its text' "$(cat "$work/err")" "seccomp $agent: .*No such file"
    bundle "$work/notify" "$notify | .linux.seccomp.syscalls[0].names = [\"write\"]"
    equal 'a notification of write' 1 "$(status_of xrun run -b "$work/notify" notify)"
    contains 'its text' "$(cat "$work/err")" 'cannot be used for the write syscall'
}

manners() {
    script_bundle "$work/manner" 'cut -d" " -f40,41 /proc/$$/stat; uname -m; ionice -p $$; grep Cpus_allowed_list /proc/self/status' \
        "$(own_group manner)"' | .process.scheduler = {policy: "SCHED_BATCH", nice: 5, flags: ["SCHED_FLAG_RESET_ON_FORK"]}
        | .process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6} | .linux.personality = {domain: "LINUX32"}'
    equal 'scheduler, personality and I/O priority' '0 3|i686|best-effort: prio 6' \
        "$(taskset -c 0 xrun run -b "$work/manner" manner </dev/null | head -3 | paste -sd'|')"
    equal 'on all CPUs' "$(grep Cpus_allowed_list /proc/self/status)" \
        "$(taskset -c 0 xrun run -b "$work/manner" manner </dev/null | tail -1)"
    script_bundle "$work/manner" 'sleep 1000' "$(own_group manner)"
    check 'run -d' xrun run -d -b "$work/manner" manner </dev/null >/dev/null 2>&1
    echo '{"cwd": "/", "args": ["sed", "-n", "s/Cpus_allowed_list:.//p", "/proc/self/status"],
        "execCPUAffinity": {"initial": "0", "final": "0"}}' >"$work/process.json"
    equal 'exec where it is told' 0 "$(xrun exec --process "$work/process.json" manner)"
    check 'delete' xrun delete --force manner
    bundle "$work/manner" '.process.apparmorProfile = "no-such-profile" | .process.selinuxLabel = "a:b:c:s0"
        | .linux.mountLabel = "a:b:c:s0" | .process.args = ["true"]'
    if grep -q Y /sys/module/apparmor/parameters/enabled 2>/dev/null; then
        equal 'a profile that is not loaded' 1 "$(status_of xrun run -b "$work/manner" manner)"
        contains 'its text' "$(cat "$work/err")" 'AppArmor profile no-such-profile: write: No such file'
    else
        equal 'labels of what the kernel lacks' 0 "$(status_of xrun run -b "$work/manner" manner)"
    fi
}

limits() {
    local file=/sys/fs/cgroup/xrun-fields/limits
    script_bundle "$work/limits" 'sleep 1000' "$(own_group limits)"' | .linux.resources = {memory: {swappiness: 5,
        kernel: 1000000, disableOOMKiller: true}, network: {classID: 1}, blockIO: {}, hugepageLimits: [], rdma: {}}'
    check 'what only version 1 has' xrun run -d -b "$work/limits" limits </dev/null >/dev/null 2>&1
    check 'delete' xrun delete --force limits
    if has_controller hugetlb; then
        local size; size=$(basename "$(ls -d /sys/kernel/mm/hugepages/hugepages-2048kB)") && size=2MB
        script_bundle "$work/limits" 'sleep 1000' \
            "$(own_group limits) | .linux.resources = {hugepageLimits: [{pageSize: \"$size\", limit: 4194304}]}"
        check 'huge pages' xrun run -d -b "$work/limits" limits </dev/null >/dev/null 2>&1
        equal 'their limit' '4194304 4194304' "$(cat "$file/hugetlb.$size.max" "$file/hugetlb.$size.rsvd.max" | xargs)"
        check 'delete' xrun delete --force limits
    fi
    if has_controller io; then
        local device; device=$(lsblk -ndo MAJ:MIN | head -1 | xargs)
        script_bundle "$work/limits" 'sleep 1000' "$(own_group limits) | .linux.resources = {blockIO: {
            throttleReadBpsDevice: [{major: ${device%:*}, minor: ${device#*:}, rate: 1048576}],
            throttleWriteIOPSDevice: [{major: ${device%:*}, minor: ${device#*:}, rate: 100}]}}"
        check 'block I/O' xrun run -d -b "$work/limits" limits </dev/null >/dev/null 2>&1
        contains 'its limits' "$(cat "$file/io.max")" "$device rbps=1048576 wbps=max riops=max wiops=100"
        check 'delete' xrun delete --force limits
    fi
    bundle "$work/limits" '.linux.resources.cpu = {realtimeRuntime: 1000}'
    equal 'time for real-time tasks' 1 "$(status_of xrun run -b "$work/limits" limits)"
    contains 'its text' "$(cat "$work/err")" 'realtimeRuntime: cgroup v2 has no such limit'
    bundle "$work/limits" '.linux.intelRdt = {closID: "gold"}'
    [ -d /sys/fs/resctrl/info ] || {
        equal 'no resctrl' 1 "$(status_of xrun run -b "$work/limits" limits)"
        contains 'its text' "$(cat "$work/err")" 'resctrl: No such device'
    }
}

interfaces() {
    ip link add fields0 type veth peer name fields1 || { note 'no interface can be made here'; return 0; }
    ip addr add 192.0.2.9/24 dev fields0
    script_bundle "$work/net" 'ip -o addr show; ip -o link show' '.linux.netDevices = {fields0: {name: "eth9"}}'
    local shown; shown=$(xrun run -b "$work/net" net </dev/null)
    contains 'an interface with its address' "$shown" 'eth9 +inet 192.0.2.9/24'
    contains 'which is up' "$shown" 'eth9[@:].*[<,]UP'
    bundle "$work/net" '.linux.netDevices = {fields9: {}}'
    equal 'an interface that is not there' 1 "$(status_of xrun run -b "$work/net" net)"
    contains 'its text' "$(cat "$work/err")" 'network device fields9: .*No such device'
    ip link delete fields1 2>/dev/null || :
}

mounts() {
    echo content >"$work/file"
    ln -sf file "$work/link"
    script_bundle "$work/mounts" 'readlink /copy; cat /followed; touch /mnt/x 2>&1 | grep -o Read-only; readlink /self' \
        ".mounts += [{destination: \"/copy\", source: \"$work/link\", options: [\"bind\", \"copy-symlink\"]},
        {destination: \"/followed\", source: \"$work/link\", options: [\"bind\"]},
        {destination: \"/self\", source: \"$work/link\", options: [\"bind\", \"src-nofollow\"]},
        {destination: \"/mnt\", type: \"tmpfs\", source: \"tmpfs\"}, {destination: \"/mnt\", options: [\"remount\", \"ro\"], type: \"tmpfs\"}]"
    equal 'links and a remount' 'file|content|Read-only|file' "$(xrun run -b "$work/mounts" mounts </dev/null 2>&1 | paste -sd'|')"
}

features() {
    local list; list=$(xrun features)
    equal 'features' 'true true true' \
        "$(jq -r '[.linux.netDevices.enabled, .linux.intelRdt.enabled, (.linux.seccomp.actions | index("SCMP_ACT_NOTIFY") != null)] | join(" ")' <<<"$list")"
    equal 'architectures as the specification spells them' true "$(jq '.linux.seccomp.archs | index("SCMP_ARCH_X86_64") != null' <<<"$list")"
}

# The daemon takes the same ways.
supervised() {
    script_bundle "$work/daemon" 'uname -m; ionice -p $$' '.linux.personality = {domain: "LINUX32"}
        | .process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 3}'
    equal 'through xctld' 'i686|best-effort: prio 3' "$(xctl run --rm daemon "$work/daemon" 2>/dev/null </dev/null | paste -sd'|')"
}

# Each hook notes its kind, and the status and the process that it is told of.
daemon_hooks() {
    local log=$work/hooks.log
    cat >"$work/hook" <<EOF
#!/bin/sh
echo "\$1 \$(jq -r '"\(.status) \(.pid > 0)"')" >>$log
exit \${2:-0}
EOF
    chmod +x "$work/hook"
    local all='.hooks = ([["prestart", "createRuntime", "poststart", "poststop"][] | {(.): [{path: env.hook, args: ["hook", .]}]}] | add)'
    export hook=$work/hook
    script_bundle "$work/hooked" 'exit 3' "$all"
    equal 'a program with hooks' 3 "$(status_of xctl run --rm hooked "$work/hooked")"
    equal 'all of them, in their order' \
        'prestart created true|createRuntime created true|poststart running true|poststop stopped false' "$(paste -sd'|' "$log")"
    script_bundle "$work/hooked" 'sleep 1000' "$all | .hooks.createRuntime[0].args += [\"5\"]"
    : >"$log"
    equal 'a hook that fails' 125 "$(status_of xctl run --rm hooked "$work/hooked")"
    contains 'its text' "$(cat "$work/err")" 'hook .*: exit status 5'
    contains 'poststop runs nevertheless' "$(cat "$log")" 'poststop'
    script_bundle "$work/hooked" 'sleep 1000' "$all | .hooks.poststart[0].args += [\"6\"]"
    check 'create' xctl create hooked "$work/hooked"
    equal 'a poststart hook that fails' 10 "$(status_of xctl start hooked)"
    contains 'its text' "$(cat "$work/err")" 'hook .*: exit status 6'
    check 'delete' xctl delete hooked
}

notifications
manners
limits
interfaces
mounts
features
supervised
daemon_hooks
equal 'nothing is left' '' "$(xrun list -q)"
