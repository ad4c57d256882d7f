#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A container, or its image, that works against what is done to its root and its cgroup from outside: parents that it
# swings elsewhere before a bind is taken out, the directory of its notifications, cgroups without end, links to procfs.
. "$(dirname "$0")/lib.sh"

# What container engines leave to root: no CAP_SYS_ADMIN.
docker_like='.root.readonly = false | .process.capabilities |= with_entries(.value = ["CAP_CHOWN", "CAP_DAC_OVERRIDE",
    "CAP_FOWNER", "CAP_FSETID", "CAP_MKNOD", "CAP_SETGID", "CAP_SETUID", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL"])'
forever='trap "exit 0" TERM; while :; do sleep 0.1; done'
set_web() { xctl set web "$@" >/dev/null; }
inside() { xctl exec web -- "$@"; }
protected() { inside grep -c ' /proc/sys proc ro' /proc/self/mounts; }

swung_parents() { # START
    note "== a container swings the parents of what is bound ($1)"
    rm -rf "$work/web"
    script_bundle "$work/web" "$forever" "$docker_like"
    mkdir -p "$work/data" && echo mine >"$work/data/file"
    check 'created' xctl create web "$work/web"
    check 'with a bind whose last part is the name of a mount below /proc' set_web 'binds=["/sys:/host/sys:ro"]'
    check 'started' $1
    equal 'nothing can be written below /proc/sys' 1 "$(protected)"
    check 'the container swings the parent' inside sh -c 'mv /host /host.old && ln -s /proc /host'
    check 'the bind goes' set_web binds=
    equal 'the protection of /proc/sys does not' 1 "$(protected)"
    equal 'and the bind is gone, wherever its parent is' '' "$(inside ls /host.old/sys)"

    inside rm /host
    check 'one that comes while it runs' set_web "binds=[\"$work/data:/host/sys\"]"
    systemctl restart xctld
    check 'the container swings that, too' inside sh -c 'rm -rf /host.old; mv /host /host.old && ln -s /proc /host'
    check 'the next daemon takes it out' set_web binds=
    equal 'by its mount' '' "$(inside ls /host.old/sys)"
    equal 'and no other' 1 "$(protected)"
    [ "$(status_of xctl set web "binds=[\"$work/data:/host/sys\"]")" != 0 ] || fail 'a bind came onto /proc/sys'
    contains 'none comes onto a procfs through a link' "$(cat "$work/err")" 'mount /host/sys .*symbolic link'
    equal 'nothing has changed' 1 "$(protected)"
    xctl stop -t 0 web >/dev/null
    xctl delete web
}

swung_device() {
    note '== the same of a device'
    rm -rf "$work/web"
    script_bundle "$work/web" "$forever" "$docker_like"
    check 'created' xctl create web "$work/web"
    check 'started' xctl start web
    check 'a device whose last part is the name of a file below /proc' set_web 'devices=["/dev/zero:/host/timer_list"]'
    check 'the container swings its parent' inside sh -c 'mv /host /gone && ln -s /proc /host'
    equal 'that file is masked' 1 "$(inside grep -c ' /proc/timer_list ' /proc/self/mounts)"
    check 'the device goes' set_web devices=
    equal 'the mask does not' 1 "$(inside grep -c ' /proc/timer_list ' /proc/self/mounts)"
    xctl stop -t 0 web >/dev/null
    xctl delete web
}

leaking_source() {
    note '== a source in the root, which the container leads to the host'
    mkdir -p "$work/data" && echo mine >"$work/data/file"
    rm -rf "$work/web"
    script_bundle "$work/web" "$forever" "$docker_like"
    check 'created' xctl create web "$work/web"
    check 'started' xctl start web
    check 'the container makes a link' inside ln -s "$work/data" /leak
    [ "$(status_of xctl set web "binds=[\"$work/web/rootfs/leak:/leaked\"]")" != 0 ] || fail 'the link was followed'
    equal 'nothing of the host is seen' 1 "$(status_of inside test -e /leaked/file)"
    xctl stop -t 0 web >/dev/null
    xctl delete web
}

notifications() {
    note '== the directory of a container'"'"'s notifications'
    script_bundle "$work/say" "echo x >/run/notify/fill && echo WROTE; rm -f /run/notify/notify.sock && echo REMOVED
        chmod 700 /run/notify && echo CHANGED; mkdir /run/notify/d && echo MADE; echo tried; $forever" \
        "$docker_like | .process.capabilities |= with_entries(.value = [\"CAP_DAC_OVERRIDE\", \"CAP_FOWNER\"])"
    check 'created' xctl create say "$work/say"
    xctl set say readiness.notify=yes readiness.timeoutUSec=60000000 >/dev/null
    xctl start say >/dev/null 2>&1 &
    until_true sh -c 'xctl logs say | grep -q tried' || fail 'the container does not run'
    equal 'is read-only for it' tried "$(xctl logs say | grep -E '^(WROTE|REMOVED|CHANGED|MADE|tried)' | xargs)"
    equal 'and has nothing but the socket' notify.sock "$(ls /run/xctl/state/say/notify)"
    equal 'to which everybody may send' 777 "$(stat -c %a /run/xctl/state/say/notify/notify.sock)"
    before=$(stat -c %i /run/xctl/state/say/notify)
    xctl stop -t 0 say >/dev/null
    wait
    # As an earlier version might have left it.
    rm /run/xctl/state/say/notify/notify.sock
    mkdir -p /run/xctl/state/say/notify/notify.sock/x
    xctl start say >/dev/null 2>&1 &
    until_true sh -c '[ "$(xctl logs say | grep -c tried)" = 2 ]' || fail 'it cannot be started again'
    [ "$(stat -c %i /run/xctl/state/say/notify)" != "$before" ] || fail 'the directory of an earlier run is used again'
    check 'and is another one in each run' test -S /run/xctl/state/say/notify/notify.sock
    xctl stop -t 0 say >/dev/null
    wait
    xctl delete say
}

# Level after level, since the whole path is too long for one call.
readonly nest='i=0; cd /sys/fs/cgroup; while [ $i -lt DEPTH ] && mkdir NAME 2>/dev/null && cd -P NAME; do i=$((i+1)); done; echo depth $i'

owner_of_cgroup='.root.readonly = false | .linux.namespaces += [{"type": "user"}, {"type": "cgroup"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings |
    .mounts |= map(if .destination == "/sys/fs/cgroup" then .options -= ["ro"] else . end)'

deep() { # NAME DEPTH NAME-OF-EACH [JQ]
    script_bundle "$work/$1" "$(printf '%s' "$nest" | sed "s/DEPTH/$2/; s/NAME/$3/g"); $forever" "$owner_of_cgroup | ${4:-.}"
    chown -R 100000:100000 "$work/$1/rootfs"
    check 'created' xctl create "$1" "$work/$1"
    check 'started' xctl start "$1"
    # The container runs a program for each cgroup.
    patience=300 until_true sh -c "xctl logs $1 | grep -q depth" || fail 'it makes no cgroups'
}

cgroups() {
    note '== cgroups without end'
    chmod 755 "$work"
    long=$(printf 'c%.0s' $(seq 1 200))
    deep limited 1000 "$long"
    equal 'there is a limit' 'depth 32' "$(xctl logs limited)"
    equal 'and one of their number' 4096 "$(cat /sys/fs/cgroup/xctl.slice/xctl-limited.scope/payload/cgroup.max.descendants)"
    xctl stop -t 0 limited >/dev/null
    until_true test ! -e /sys/fs/cgroup/xctl.slice/xctl-limited.scope || fail 'what systemd cannot remove is left'
    note 'a path of more than 4096 bytes is removed, too'
    xctl delete limited

    # A document may ask for more.
    mkdir -p /run/systemd/system/xctld.service.d
    printf '[Service]\nLimitSTACK=1M\nLimitNOFILE=1024\n' >/run/systemd/system/xctld.service.d/small.conf
    systemctl daemon-reload
    systemctl restart xctld
    deep endless 1100 deep '.linux.resources.unified = {"cgroup.max.depth": "max", "cgroup.max.descendants": "max"}'
    equal 'unless it says otherwise' 'depth 1100' "$(xctl logs endless)"
    before=$(systemctl show -P MainPID xctld)
    check 'ps' xctl ps endless
    check 'a signal to all' xctl kill --all endless USR1
    xctl stop -t 0 endless >/dev/null
    equal 'xctld is the same' "$before" "$(systemctl show -P MainPID xctld)"
    until_true test ! -e /sys/fs/cgroup/xctl.slice/xctl-endless.scope || fail 'its cgroups are left'
    note 'nothing is left'
    xctl delete endless
    rm -r /run/systemd/system/xctld.service.d
    systemctl daemon-reload
    systemctl restart xctld
}

links_to_procfs() {
    note '== an image that leads a mount to procfs'
    mkdir -p "$work/data"
    for runtime in xctl xrun; do
        rm -rf "$work/image"
        work=$work script_bundle "$work/image" 'grep -c " /proc/sys " /proc/self/mounts' \
            ".root.readonly = false | .linux.readonlyPaths = [] | .mounts += [{destination: \"/mnt/sys\", type: \"bind\", source: \"$work/data\", options: [\"bind\"]}]"
        ln -s /proc "$work/image/rootfs/mnt"
        if [ "$runtime" = xctl ]; then
            xctl create image "$work/image" >/dev/null
            r=$(status_of timeout $patience xctl start image)
            xctl delete -f image
        else
            r=$(cd "$work/image" && status_of timeout $patience xrun run image)
        fi
        [ "$r" != 0 ] || fail "$runtime mounted it there: $(cat "$work/out")"
        contains "is refused by $runtime" "$(cat "$work/err")" '/mnt/sys.*symbolic link'
    done
}

in_scope() { swung_parents 'xctl start web'; }
in_unit() { swung_parents 'systemctl start oci@web'; }

# All parts, or those that are named.
for part in ${*:-in_scope in_unit swung_device leaking_source notifications links_to_procfs cgroups}; do "$part"; done
