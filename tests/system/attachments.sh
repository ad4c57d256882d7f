#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# An attachment of a run that fails, in each of its steps, for a scope, a unit and xrun: the start fails and names the
# step, and nothing of the run is left. At the end of a run, a failure keeps nothing from being taken down.
. /src/tests/system/lib.sh

# Prints all that a run could leave on the machine.
traces() {
    systemctl list-units --all --no-legend --plain 'xctl-*.scope' | awk '{ print $1 }'
    find /sys/fs/cgroup -mindepth 1 -type d \( -path '*xctl.slice/*' -o -path '*oci@broken*' -o -path '*xrun-broken*' \) 2>/dev/null || true
    cut -d ' ' -f 5 /proc/self/mountinfo | sort
    pgrep --list-full 'sleep 4711' || true
    ls -d /run/xrun/broken 2>/dev/null || true
}
nothing_left() {
    until_true eval '[ "$(traces)" = "$before" ]' || fail "$1: something is left: $(diff <(echo "$before") <(traces))"
    note "$1: nothing is left"
}
hook() { printf '{"path": "/bin/sh", "args": ["sh", "-c", "%s"]}' "$1"; }

# broken FILTER: a container with such a config.json; of its poststop hook is seen that it ran.
broken() {
    script_bundle "$work/broken" 'exec sleep 4711' ".hooks.poststop = [$(hook "echo >>$work/poststop")] | $1"
    rm -f "$work/poststop"
}
# Starts over varlink, which must fail, and prints the step of the error.
step_of_start() {
    ! varlinkctl call --json=short /run/xctl/org.xctl.Containers org.xctl.Containers.Start '{"name": "broken"}' \
        >"$work/reply" 2>/dev/null || fail 'it started'
    jq -r .step "$work/reply"
}

in_scope() { # STEP MESSAGE
    equal "scope: the step" "$1" "$(step_of_start)"
    contains 'scope: what it says' "$(xctl start broken 2>&1 || true)" "$2"
    nothing_left 'scope'
}
in_unit() { # MESSAGE
    # A unit counts as started when its program runs, so a hook behind that fails a unit that was started.
    systemctl start oci@broken 2>/dev/null || true
    until_true systemctl is-failed oci@broken || fail 'the unit did not fail'
    contains 'unit: what it says' "$(xctl why broken)" "$1"
    systemctl reset-failed oci@broken
    nothing_left 'unit'
}
with_xrun() { # MESSAGE
    equal 'xrun fails' 1 "$(status_of xrun run --bundle "$work/broken" broken)"
    contains 'xrun: what it says' "$(cat "$work/err")" "$1"
    nothing_left 'xrun'
}

# The directory of the notification socket cannot be made anew while something is mounted there.
test_prepare() {
    broken .
    local state=/run/xctl/state/broken
    mkdir -p $state/notify
    mount -t tmpfs tmpfs $state/notify
    before=$(traces)
    mkdir /etc/xctl/containers/broken.json.d
    echo '{"readiness": {"notify": true}}' >/etc/xctl/containers/broken.json.d/notify.json
    in_scope 'notify prepare' "remove $state/notify: Device or resource busy"
    in_unit "remove $state/notify: Device or resource busy"
    check 'no hook ran, since there was no container' test ! -e "$work/poststop"
    umount $state/notify
    rm -r /etc/xctl/containers/broken.json.d
    # xrun makes its cgroup before there is a process.
    before=$(traces)
    broken '.linux.cgroupsPath = "/xctl-test-missing/broken" | .linux.resources.unified = {"no.such": "1"}'
    with_xrun 'no\.such'
}

test_placed() {
    before=$(traces)
    broken '.linux.resources.unified = {"cgroup.max.depth": "never"}'
    in_scope 'cgroup placed' 'cgroup.max.depth: .*Invalid argument'
    check 'the poststop hook ran' test -e "$work/poststop"
    in_unit 'cgroup.max.depth: .*Invalid argument'
    with_xrun 'cgroup.max.depth: .*Invalid argument'
}

test_created() {
    broken ".hooks.createRuntime = [$(hook 'exit 3')]"
    in_scope hook 'hook "/bin/sh": exit status 3'
    check 'the poststop hook ran' test -e "$work/poststop"
    in_unit 'hook "/bin/sh": exit status 3'
    with_xrun 'createRuntime hook.*exit status 3'
}

test_launched() {
    broken ".hooks.poststart = [$(hook 'exit 4')]"
    in_scope hook 'hook "/bin/sh": exit status 4'
    check 'the poststop hook ran' test -e "$work/poststop"
    in_unit 'hook "/bin/sh": exit status 4'
    with_xrun 'poststart hook.*exit status 4'
}

test_ended() {
    broken ".hooks.poststop = [$(hook 'exit 5'), $(hook "echo >>$work/poststop")]"
    xctl start broken
    xctl stop --timeout=0 broken
    nothing_left 'scope'
    check 'the next hook ran' test -e "$work/poststop"
    journalctl --sync
    contains 'the journal says which failed' "$(journalctl -u xctld -o cat)" 'broken: hook "/bin/sh": exit status 5'
    rm "$work/poststop"
    systemctl start oci@broken
    systemctl stop oci@broken
    nothing_left 'unit'
    check 'the next hook ran' test -e "$work/poststop"
    rm "$work/poststop"
    xrun run --detach --bundle "$work/broken" broken </dev/null >/dev/null 2>&1
    xrun delete --force broken 2>"$work/err"
    contains 'xrun says which failed' "$(cat "$work/err")" 'poststop hook.*exit status 5'
    nothing_left 'xrun'
    check 'the next hook ran' test -e "$work/poststop"
}

broken .
xctl create broken "$work/broken"
xctl start broken
xctl stop --timeout=0 broken
before=$(traces)
for t in prepare placed created launched ended; do
    note "== $t"
    "test_$t"
done
