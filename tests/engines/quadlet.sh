#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Quadlet: containers of podman that systemd runs as services.
. /src/tests/engines/podman_lib.sh
engine=quadlet

quadlet() { # NAME LINE...: a container as a unit, with lines of its sections
    mkdir -p /etc/containers/systemd
    {
        printf '[Container]\nImage=%s\nNetwork=none\nPull=never\nGlobalArgs=--runtime=%s\n' $image "$name"
        printf '%s\n' "${@:2}"
    } >"/etc/containers/systemd/$1.container"
    systemctl daemon-reload
}

property() { systemctl show --property="$2" --value "$1"; }
journal_of() { journalctl --quiet --output=cat --unit="$1"; }

clean() {
    systemctl stop 'q-*'
    rm -rf /etc/containers/systemd
    systemctl daemon-reload
    systemctl reset-failed
    podman rm --all --force --time 0
} >/dev/null

test_service() {
    quadlet q-service "Exec=sh -c 'trap \"exit 0\" TERM; echo quadlet up; while :; do sleep 0.1; done'"
    ends 'start' 0 systemctl start q-service
    prints 'it is active' active systemctl is-active q-service
    equal 'with the runtime' "$name" "$(podman inspect systemd-q-service --format '{{.OCIRuntime}}')"
    contains 'in the cgroup of the service' "$(cgroup_of "$(main_pid systemd-q-service)")" '^/system.slice/q-service.service/libpod-payload'
    eventually 'its output is in the journal' said 'quadlet up' journal_of q-service
    prints 'exec' hello podman exec systemd-q-service echo hello
    ends 'stop' 0 systemctl stop q-service
    equal 'nothing is left of it' '' "$(podman ps --all --quiet)"
    equal 'no failure' success "$(property q-service Result)"
}

test_restart() {
    quadlet q-restart "Exec=sh -c 'sleep 0.5; exit 3'" '[Service]' Restart=on-failure RestartSec=100ms
    ends 'start' 0 systemctl start q-restart
    eventually 'systemd restarts it' eval '[ "$(property q-restart NRestarts)" -ge 2 ]'
}

test_status() {
    quadlet q-status "Exec=sh -c 'exit 7'" Notify=no
    systemctl start q-status || true
    eventually 'it has failed' eval '[ "$(property q-status ActiveState)" = failed ]'
    equal 'with the status of its program' 7 "$(property q-status ExecMainStatus)"
}

test_oneshot() {
    quadlet q-oneshot "Exec=sh -c 'echo worked'" '[Service]' Type=oneshot
    ends 'start' 0 systemctl start q-oneshot
    eventually 'it ran' said worked journal_of q-oneshot
}

test_kill() {
    quadlet q-kill 'Exec=sleep 1000'
    ends 'start' 0 systemctl start q-kill
    kill -KILL "$(main_pid systemd-q-kill)"
    eventually 'the service fails with its program' eval '[ "$(property q-kill ActiveState)" = failed ]'
    equal 'the status' 137 "$(property q-kill ExecMainStatus)"
}

features "$@"
