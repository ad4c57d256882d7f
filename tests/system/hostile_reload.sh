#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# systemd empties the descriptor store of a unit that it reloads while the unit is masked or its file is missing. xctld
# puts the parking lot back, so that the next daemon still finds all containers.
. "$(dirname "$0")/lib.sh"

script_bundle "$work/web" 'n=0; while :; do n=$((n+1)); echo "line $n"; sleep 0.05; done'
check "created" xctl create web "$work/web"
check "started" xctl start web
pid=$(field web pid)

unit=/usr/lib/systemd/system/xctld.service
# The booted system's units are its own copy.
take_away() { mv "$unit" "$work/xctld.service"; systemctl daemon-reload; }
put_back() { mv "$work/xctld.service" "$unit"; systemctl daemon-reload; }
stored() { [ "$(systemctl show -P NFileDescriptorStore xctld)" = 2 ]; }
kill_daemon() { systemctl kill -s KILL xctld; }
survives() { # WHAT
    equal "$1: the container is the same" "$pid" "$(field web pid)"
    check "$1: the store is full" until_true stored
}

check "the store is full at first" until_true stored

systemctl mask --runtime --quiet xctld.service
systemctl unmask --runtime --quiet xctld.service
check "masked for a moment" until_true stored
systemctl restart xctld
survives "mask, unmask, restart"

systemctl mask --runtime --quiet xctld.service
systemctl daemon-reload
systemctl unmask --runtime --quiet xctld.service
check "masked through a reload" until_true stored
kill_daemon
survives "mask, reload, unmask, SIGKILL"

# No pause: systemd is told by the daemon that it stops.
systemctl mask --runtime --quiet xctld.service
systemctl unmask --runtime --quiet xctld.service
systemctl restart xctld
survives "mask, unmask, restart at once"

take_away
put_back
check "the file was missing for a moment" until_true stored
kill_daemon
survives "file removed, reload, file back, reload, SIGKILL"

take_away
systemctl daemon-reexec
put_back
check "the file was missing while systemd executed itself" until_true stored
systemctl restart xctld
survives "file removed, daemon-reexec, file back, restart"

systemctl daemon-reexec
systemctl daemon-reload
kill_daemon
survives "daemon-reexec, daemon-reload, SIGKILL"

# As a package does: the unit is replaced, and the new one is disabled and enabled.
cp "$unit" "$work/new"
echo "# changed" >>"$work/new"
mv "$work/new" "$unit"
systemctl disable --quiet xctld.service 2>/dev/null
systemctl enable --quiet xctld.service 2>/dev/null
systemctl daemon-reload
systemctl restart xctld
survives "unit replaced, disable, enable, restart"

lines=$(xctl logs web | sed -n 's/^line //p')
equal "every line is there once" "$(seq 1 "$(printf '%s\n' "$lines" | wc -l)" | sha256sum)" \
    "$(printf '%s\n' "$lines" | sha256sum)"
