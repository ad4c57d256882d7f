#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Containers that need others: what one requires is started before it, and what comes after another waits for it; at
# boot also for network interfaces and mounts, across the death of the daemon; circles and failures are named and cost
# only those concerned; at shutdown systemd stops them in reverse order, and gracefully. oci@NAME agrees, by a generator.
. /src/tests/system/lib.sh

etc=/etc/xctl/containers
gives() { # STATUS PATTERN COMMAND...
    local expected=$1 pattern=$2
    shift 2
    equal "$*: status $expected" "$expected" "$(status_of timeout $patience "$@")"
    contains "$*: what it says" "$(cat "$work/out" "$work/err")" "$pattern"
}
define() { # NAME JQ-FILTER
    mkdir -p $etc
    jq -n --arg bundle "$work/one" "{bundle: \$bundle} | $2" >"$etc/$1.json"
}
forget() { for name in $(xctl list --json | jq -r '.[].name'); do xctl delete --force "$name" || rm -f "$etc/$name.json"; done; rm -f $etc/*.json; }
before() { [ "$(field "$1" started)" -lt "$(field "$2" started)" ]; }
property() { systemctl show --property="$2" --value "$1"; }
boot() { # as after a boot, for xctld
    systemctl stop xctld.service xctld.socket xctld-launch.socket
    systemctl clean --what=fdstore xctld.service 2>/dev/null || true
    rm -rf /run/xctl/state /run/xctl/booted
    systemctl start xctld.socket xctld-launch.socket xctld.service
}

script_bundle "$work/one" 'trap "sleep 0.3; exit 0" TERM; echo ready; while :; do sleep 0.05; done'

test_requires() {
    define db .
    define app '.requires = ["db"]'
    define web '.requires = ["app"] | .after = ["db", "nobody"]'
    check 'the last one' xctl start web
    equal 'brings what it requires' 'running running' "$(field app state) $(field db state)"
    check 'in order' before db app
    check 'all of it' before app web
    xctl stop app
    check 'what is there already is used' xctl start app
    equal 'as it is' 1 "$(field db runs)"
    for name in web app db; do xctl stop $name; done
    define db '.config.process.args = ["no-such-program"]'
    gives 9 'web requires app, which could not be started: app requires db, which could not be started: .*no-such-program' xctl start web
    equal 'then none of them runs' 'stopped stopped' "$(field web state) $(field app state)"
    define app '.requires = ["nobody"]'
    gives 3 'app requires "nobody": no such container' xctl start app
    define db '.requires = ["web"]'
    define app '.requires = ["db"]'
    gives 6 'a circle of containers that come after each other: app -> db -> web -> app' xctl start app
    gives 6 "$etc/db.json:[0-9]+:[0-9]+: /requires: must be an array of names of containers" \
        sh -c "echo '{\"bundle\": \"/x\", \"requires\": [\"../x\"]}' >$etc/db.json; xctl start db"
    forget
}

test_boot() {
    define db .
    define app '.requires = ["db"] | .autostart = true'
    define web '.after = ["app"] | .autostart = true'
    define alone '.autostart = true'
    define broken '.autostart = true | .config.process.args = ["no-such-program"]'
    define lost '.autostart = true | .requires = ["broken"]'
    define later '.autostart = true | .after = ["broken"]'
    define circle '.autostart = true | .requires = ["circle"]'
    define manual .
    boot
    for name in db app web alone later; do check "$name runs" until_true state_is $name running; done
    check 'what is required comes first' before db app
    check 'and what is wanted before' before app web
    equal 'what cannot start is stopped' stopped "$(field broken state)"
    equal 'the others have not run' '0 0 0' "$(field lost runs) $(field circle runs) $(field manual runs)"
    check 'the boot is over' until_true test -e /run/xctl/booted
    journalctl --sync
    contains 'the journal says why' "$(journalctl -b -u xctld -o cat)" 'lost requires broken, which could not be started'
    contains 'also of the circle' "$(journalctl -b -u xctld -o cat)" 'circle: a circle of containers'
    forget
}

test_interfaces() {
    define net '.autostart = true | .interfaces = ["boot0"]'
    define web '.autostart = true | .requires = ["net"]'
    boot
    sleep 0.5
    equal 'without the interface they wait' 'created created' "$(field net state) $(field web state)"
    systemctl kill -s KILL xctld
    equal 'also after the daemon died' 'created created' "$(field net state) $(field web state)"
    check 'since the boot is not over' [ ! -e /run/xctl/booted ]
    ip link add boot0 type dummy 2>/dev/null || ip tuntap add boot0 mode tap
    check 'with it they run' until_true state_is web running
    equal 'both' running "$(field net state)"
    check 'the boot is over' until_true test -e /run/xctl/booted
    ip link delete boot0
    define net '.autostart = true | .interfaces = ["boot1"]'
    rm $etc/web.json
    boot
    sleep 0.3
    check 'whoever starts one that waits does not wait' timeout $patience xctl start net
    equal 'it runs' running "$(field net state)"
    forget
}

test_mounts() {
    mkdir -p /mnt/store /mnt/data
    cp -a "$work/one" "$work/store"
    mount_unit() { printf '[Mount]\nWhat=%s\nWhere=%s\nType=none\nOptions=bind\n' "$1" "$2" >"/run/systemd/system/$(systemd-escape --path --suffix=mount "$2")"; }
    mount_unit "$work" /mnt/store
    mount_unit "$work/one" /mnt/data
    systemctl daemon-reload
    jq '.mounts += [{"destination": "/tmp", "type": "bind", "source": "/mnt/data/rootfs", "options": ["bind", "ro"]}]' \
        "$work/one/config.json" >"$work/store/config.json"
    define store '.autostart = true | .bundle = "/mnt/store/store"'
    boot
    check 'the bundle and the source of a bind mount are mounted first' until_true state_is store running
    equal 'by systemd' 'active active' "$(property mnt-store.mount ActiveState) $(property mnt-data.mount ActiveState)"
    equal 'the file is there' yes "$(test -e "/proc/$(field store pid)/root/tmp/bin/busybox" && echo yes)"
    forget
    systemctl stop mnt-store.mount mnt-data.mount
    rm /run/systemd/system/mnt-store.mount /run/systemd/system/mnt-data.mount
    systemctl daemon-reload
}

test_shutdown() {
    define db .
    define app '.requires = ["db"]'
    define web '.after = ["app"]'
    xctl start app
    xctl start web
    contains 'a scope comes after what its container comes after' "$(property xctl-web.scope After)" 'xctl-up@app\.target'
    contains 'and before what comes after it' "$(property xctl-app.scope Before)" 'xctl-up@app\.target'
    # The first process of a container ignores a signal until it has a handler.
    for name in db app web; do until_true eval 'xctl logs $name | grep -q ready' || fail "$name is not ready"; done
    check 'systemd stops all of them, as at shutdown' systemctl stop xctl.slice
    equal 'gracefully' 'exited 0 exited 0 exited 0' \
        "$(for name in db app web; do echo "$(field $name exitReason) $(field $name exitStatus)"; done | xargs)"
    check 'the last one first' [ "$(field web exited)" -lt "$(field app exited)" ]
    check 'the first one last' [ "$(field app exited)" -lt "$(field db exited)" ]
    forget
}

test_units() {
    define db '.stop.signal = "USR1" | .stop.timeoutUSec = 4000000'
    define app '.requires = ["db"] | .after = ["cache"] | .interfaces = ["eth9"]'
    echo '{' >$etc/broken.json
    systemctl daemon-reload
    contains 'After=' "$(property oci@app After)" 'oci@db\.service'
    contains 'After= of what need not be there' "$(property oci@app After)" 'xctl-up@cache\.target'
    contains 'for those that come after it' "$(property oci@app Before)" 'xctl-up@app\.target'
    contains 'Requires=' "$(property oci@app Requires)" 'oci@db\.service'
    contains 'the interface' "$(property oci@app Wants)" 'sys-subsystem-net-devices-eth9\.device'
    contains 'RequiresMountsFor=' "$(property oci@app RequiresMountsFor)" "$work/one"
    equal 'KillSignal= and TimeoutStopSec=' '10 4s' "$(property oci@db KillSignal) $(property oci@db TimeoutStopUSec)"
    equal 'drop-ins only, of what can be read' "50-xctl.conf 50-xctl.conf" \
        "$(find /run/systemd/generator -path '*oci@*' -type f -printf '%f ' | xargs)"
    define app '.requires = ["db"]'
    systemctl daemon-reload
    check 'systemctl start' systemctl start oci@app
    # A unit is active a moment before the program of its container runs.
    check 'it runs' until_true state_is app running
    equal 'starts what is required' 'active running' "$(property oci@db ActiveState) $(field db state)"
    check 'first' until_true before db app
    systemctl stop oci@db
    equal 'and stops with it' inactive "$(property oci@app ActiveState)"
    rm $etc/broken.json
    forget
    systemctl daemon-reload
}

for test in ${*:-requires boot interfaces mounts shutdown units}; do
    note "=== $test"
    "test_$test"
done
