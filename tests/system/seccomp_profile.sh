#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The default profile of system calls: what programs can do under it, what they cannot, and who asks for it how.
. "$(dirname "$0")/lib.sh"

umount -Rl /sys; mount -t sysfs sysfs /sys; mount -t cgroup2 cgroup2 /sys/fs/cgroup

asks='.annotations["org.xctl.seccomp"] = "default"'
# Without no_new_privs, as a container has it that may change users.
admin='.process.capabilities |= with_entries(.value = ["CAP_SYS_ADMIN", "CAP_NET_BIND_SERVICE"])
    | .process.noNewPrivileges = false'

own_group() { echo ".linux.cgroupsPath = \"/xrun-seccomp/$1\""; }

# The host's programs, read-only, with a /tmp of its own and lo up.
host_bundle() { # DIRECTORY SCRIPT [JQ-FILTER]
    mkdir -p "$1"/rootfs/{usr,tmp,proc,sys,dev,src,etc}
    local link
    for link in bin sbin lib lib64; do ln -sfn "usr/$link" "$1/rootfs/$link"; done
    script_bundle "$1" "$2" '.mounts += [{destination: "/usr", type: "bind", source: "/usr", options: ["rbind", "ro"]},
        {destination: "/src", type: "bind", source: "/src", options: ["rbind", "ro"]},
        {destination: "/tmp", type: "tmpfs", source: "tmpfs"}] | .process.env = ["PATH=/usr/bin:/bin"]
        | .linux.namespaces |= map(select(.type != "network")) | '"${3:-.}"
}

probe='grep ^Seccomp: /proc/self/status; python3 /src/tests/support/seccomp_probe.py'

# answers TEXT CALL WORD: what the probe printed about a call.
answers() {
    equal "$2" "$3" "$(sed -n "s/^$2 //p" <<<"$1")"
}

confined() { # TEXT
    contains 'there is a filter' "$1" '^Seccomp:.2$'
    local call
    for call in mount umount2 unshare setns keyctl add_key bpf io_uring_setup userfaultfd perf_event_open \
        socket-alg socket-alg-64 socket-vsock personality-norandom; do
        answers "$1" "$call" EPERM
    done
    for call in clone3 newer; do answers "$1" "$call" ENOSYS; done
    for call in unshare-fs personality trace work; do answers "$1" "$call" ok; done
}

by_annotation() {
    host_bundle "$work/plain" "$probe" "$(own_group plain)"
    local text; text=$(xrun run -b "$work/plain" plain </dev/null 2>&1)
    answers "$text" work ok
    equal 'clone3 is there otherwise' EINVAL "$(sed -n 's/^clone3 //p' <<<"$text")"
    host_bundle "$work/asks" "$probe" "$(own_group asks) | $asks"
    confined "$(xrun run -b "$work/asks" asks </dev/null 2>&1)"
    script_bundle "$work/shell" \
        'for i in 1 2 3; do echo $i; done | sort -r | xargs; mount -t tmpfs x /tmp; unshare -U true' \
        "$(own_group shell) | $asks"
    text=$(xrun run -b "$work/shell" shell </dev/null 2>&1) || :
    contains 'a shell works' "$text" '^3 2 1$'
    contains 'no mount' "$text" 'mount: .*(not permitted|denied)'
    contains 'no user namespace' "$text" 'unshare.*not permitted'
}

by_capability() {
    host_bundle "$work/admin" "mount -t tmpfs x /tmp && stat -fc %T /tmp
        unshare -m mount -t tmpfs y /tmp && echo unshared
        $probe" "$(own_group admin) | $asks | $admin"
    local text; text=$(xrun run -b "$work/admin" admin </dev/null 2>&1)
    contains 'it may mount' "$text" '^tmpfs$'
    contains 'and make namespaces' "$text" '^unshared$'
    contains 'there is a filter' "$text" '^Seccomp:.2$'
    equal 'clone3 is there' EINVAL "$(sed -n 's/^clone3 //p' <<<"$text")"
    local call
    for call in keyctl io_uring_setup userfaultfd socket-alg; do answers "$text" "$call" EPERM; done
    answers "$text" work ok
}

joining() {
    script_bundle "$work/exec" 'sleep 1000' "$(own_group exec)"
    check 'run -d' xrun run -d -b "$work/exec" exec </dev/null >/dev/null 2>&1
    check 'exec may mount without a filter' xrun exec --cap CAP_SYS_ADMIN exec mount -t tmpfs x /tmp
    check 'delete' xrun delete --force exec
    script_bundle "$work/exec" 'sleep 1000' "$(own_group exec) | $asks"
    check 'run -d' xrun run -d -b "$work/exec" exec </dev/null >/dev/null 2>&1
    contains 'exec has the filter' "$(xrun exec exec grep ^Seccomp: /proc/self/status)" ':.2$'
    contains 'whatever its capabilities' "$(xrun exec --cap CAP_SYS_ADMIN exec mount -t tmpfs x /tmp 2>&1)" \
        'not permitted|denied'
    check 'delete' xrun delete --force exec
}

# output_of NAME: of a run of it.
output_of() {
    xctl start "$1"
    until_true state_is "$1" stopped || fail "$1 does not end"
    xctl logs "$1"
}

by_definition() {
    mkdir -p /etc/xctl/containers
    host_bundle "$work/defined" "$probe"
    echo "{\"bundle\": \"$work/defined\", \"seccomp\": \"default\"}" >/etc/xctl/containers/defined.json
    confined "$(output_of defined)"
    host_bundle "$work/open" "mount -t tmpfs x /tmp && echo mounted; $probe" "$admin"
    echo "{\"bundle\": \"$work/open\", \"seccomp\": \"default\"}" >/etc/xctl/containers/open.json
    local text; text=$(output_of open)
    contains 'with a capability it may mount' "$text" '^mounted'
    contains 'no keyrings' "$text" '^keyctl EPERM'
    host_bundle "$work/noted" "$probe" "$asks"
    echo "{\"bundle\": \"$work/noted\"}" >/etc/xctl/containers/noted.json
    contains 'xctld knows the annotation' "$(output_of noted)" '^mount EPERM'
}

errors() {
    local own='.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW"}' file=/usr/share/xctl/seccomp.json
    script_bundle "$work/both" true "$(own_group both) | $asks | $own"
    equal 'a filter of its own' 1 "$(status_of xrun run -b "$work/both" both)"
    contains 'its text' "$(cat "$work/err")" '/linux/seccomp: contradicts /annotations/org.xctl.seccomp'
    script_bundle "$work/both" true "$own"
    echo "{\"bundle\": \"$work/both\", \"seccomp\": \"default\"}" >/etc/xctl/containers/both.json
    equal 'beside the definition' 1 "$(($(status_of xctl start both) > 0))"
    contains 'its text' "$(cat "$work/err")" \
        "$work/both/config.json: /linux/seccomp: contradicts /seccomp of the definition"
    echo "{\"bundle\": \"$work/both\", \"seccomp\": \"default\", \"config\": {\"linux\": {\"seccomp\": null}}}" \
        >/etc/xctl/containers/both.json
    check 'unless that removes it' xctl start both
    script_bundle "$work/both" true "$(own_group both) | ${asks/default/strict}"
    equal 'another word' 1 "$(status_of xrun run -b "$work/both" both)"
    contains 'its text' "$(cat "$work/err")" '/annotations/org.xctl.seccomp: must be ."default'
    script_bundle "$work/both" true "$(own_group both) | $asks"
    jq '.rules[3].calls = []' "$file" >"$work/broken.json"
    mount --bind "$work/broken.json" "$file"
    equal 'a broken profile' 1 "$(status_of xrun run -b "$work/both" both)"
    contains 'its text' "$(cat "$work/err")" "$file: /rules/3/calls: must be an array of at least one string"
    umount "$file"
    mkdir "$work/empty"
    mount --bind "$work/empty" /usr/share/xctl
    equal 'no profile' 1 "$(status_of xrun run -b "$work/both" both)"
    contains 'its text' "$(cat "$work/err")" "$file: .*No such file"
    umount /usr/share/xctl
    equal 'and again with it' 0 "$(status_of xrun run -b "$work/both" both)"
}

by_annotation
by_capability
joining
by_definition
errors
