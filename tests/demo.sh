#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The tour that `box demo` gives: what a person types, and what comes of it. Any step that does not do what the tour
# says ends it with an error.
. /src/tests/system/lib.sh

bold=$(printf '\033[1m') plain=$(printf '\033[0m')
[ -t 1 ] || bold= plain=

chapter() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
tell() { printf '%s\n' "$*" | fold -s -w 100; }
# Shows a command line, then runs it.
run() {
    printf '\n%s# %s%s\n' "$bold" "$*" "$plain"
    eval "$*"
}
# The same, for a command whose exit status is the point.
run_expecting() {
    local expected=$1 status=0; shift
    run "$@" || status=$?
    printf '(exit status %s)\n' "$status"
    [ "$status" = "$expected" ] || fail "the tour expected $expected"
}

cd "$work"
mkdir web hello
script_bundle web 'echo "web is up"; n=0; while sleep 0.2; do n=$((n+1)); echo "request $n"; done' \
    '.hostname = "web"' >/dev/null
script_bundle hello 'echo "Hello from $(hostname), process $$"; exit 42' '.hostname = "hello"' >/dev/null

chapter "A host with systemd, and xctl installed"
run systemctl --no-pager --no-legend list-sockets "'xctl*'"
run ls web web/rootfs
tell "web is an OCI bundle: a root file system and a config.json, as any OCI tool writes them."

chapter "Run something once"
run_expecting 42 xctl run hello ./hello --rm

chapter "A container under supervision"
run xctl create web ./web --restart=always
run xctl start web
sleep 1
run xctl list
run systemctl --no-pager status xctl-web.scope "| head -n 12"
run xctl state web --json "| jq ."

chapter "Its console has a memory"
tell "Nobody was attached, and yet nothing is lost:"
run xctl logs web -n 3
run timeout 1 xctl attach --observe web "| tail -n 3" "|| true"

chapter "The daemon may die"
pid=$(field web pid) before=$(xctl logs web | wc -l)
run systemctl kill --signal=KILL xctld
sleep 0.7
run xctl list
equal "it is the same process" "$pid" "$(field web pid)" >/dev/null
run xctl logs web -n 3
lines=$(xctl logs web | sed -n 's/^request //p')
equal "no line is lost or doubled" "$(seq 1 "$(echo "$lines" | wc -l)")" "$lines" >/dev/null
tell "The container did not notice, and no line is missing: $before lines before, $(echo "$lines" | wc -l) now, numbered without a gap."

chapter "The container may die"
run xctl kill web KILL
until_true state_is web running
run xctl list
tell "It was started again, as its policy says."

chapter "Over D-Bus and varlink"
run busctl --no-pager tree org.xctl1
run busctl get-property org.xctl1 /org/xctl1/container/web org.xctl1.Container Pid State
run busctl call org.xctl1 /org/xctl1 org.xctl1.Manager Kill "'sa{sv}'" web 1 signal s USR1 "|| true"
run varlinkctl call /run/xctl/org.xctl.Containers org.xctl.Containers.Describe "'{\"name\":\"web\"}'" --json=short "| jq .container.state"

chapter "Stop it"
run xctl stop web --timeout=1s
run xctl list
run xctl delete web

chapter "The same container as a systemd unit"
run xctl create web ./web
run systemctl start oci@web
sleep 0.5
run systemctl --no-pager status oci@web
run xctl list
run systemctl stop oci@web
run xctl delete web

chapter "Mistakes are told plainly"
run "jq '.mounts += [{destination: \"/data\", source: \"/no/such/place\", options: [\"bind\"]}]' hello/config.json >bad.json && mv bad.json hello/config.json"
run xctl create broken ./hello
run_expecting 10 xctl start broken
run "jq '.process.args = \"sh\"' hello/config.json >bad.json && mv bad.json hello/config.json"
run_expecting 6 xctl start broken
run xctl delete broken

printf '\nThat is xctl. man xctl has the rest.\n'
