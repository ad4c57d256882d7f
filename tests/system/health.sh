#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Readiness and health by every kind of probe; what follows from them; that they survive xctld; oci@NAME is active when
# its container is ready, and its watchdog is fed by its health.
. "$(dirname "$0")/lib.sh"

# define NAME SCRIPT DEFINITION [JQ-FILTER]
define() {
    script_bundle "$work/$1" "$2" "${4:-.}"
    mkdir -p "/etc/xctl/containers/$1.json.d"
    printf '%s' "$3" >"/etc/xctl/containers/$1.json.d/checks.json"
    xctl create "$1" "$work/$1" >/dev/null
}
ready() { [ "$(field "$1" ready)" = true ]; }
health_is() { [ "$(field "$1" health)" = "$2" ]; }
mkdir -p "$work/share"
export share="$work/share"
shared='.mounts += [{destination: "/share", source: env.share, type: "bind", options: ["bind"]}]'

test_readiness() {
    define plain 'sleep 1000' '{}'
    check 'plain: started' xctl start plain
    equal 'without a probe it is ready at once' 'true ' "$(field plain ready) $(field plain health)"
    local name events wait='while [ ! -e /share/serve ]; do sleep 0.1; done'
    define console "$wait; echo 'server is up'; sleep 1000" '{"readiness": {"console": "server is up"}}' "$shared"
    define tcp "$wait; while :; do nc -l -p 4000 </dev/null; done" '{"readiness": {"tcp": "4000"}}' "$shared"
    define http "$wait; mkdir -p /tmp/www; echo fine >/tmp/www/ok; exec httpd -f -p 8000 -h /tmp/www" \
        '{"readiness": {"http": "http://127.0.0.1:8000/ok"}}' ".root.readonly = false | $shared"
    define exec "$wait; touch /share/exec; sleep 1000" '{"readiness": {"exec": ["test", "-e", "/share/exec"]}}' "$shared"
    xctl events --json >"$work/events" 2>/dev/null & events=$!
    until_heard "$work/events"
    for name in console tcp http exec; do
        check "$name: started" xctl start $name
        equal "$name: runs, and is not ready" 'running false' "$(field $name state) $(field $name ready)"
    done
    touch "$work/share/serve"
    for name in console tcp http exec; do check "$name: ready" until_true ready $name; done
    systemctl kill -s KILL xctld
    for name in console tcp http exec; do equal "$name: still ready with another xctld" true "$(field $name ready)"; done
    check 'events tell' until_true grep -q '"event":"ready","name":"console"' "$work/events"
    kill $events 2>/dev/null || true
    for name in plain console tcp http exec; do xctl delete --force $name; done
}

test_notify() {
    # The static busybox cannot send datagrams to a Unix socket, so the host's programs are shown.
    local say='import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(os.sys.argv[1].encode(), os.environ["NOTIFY_SOCKET"])'
    export say
    local programs='.process.env += ["say=" + env.say]
        | .mounts += [("/usr", "/lib", "/lib64") | {destination: ., source: ., type: "bind", options: ["rbind", "ro"]}]'
    define notify 'while [ ! -e /share/go ]; do sleep 0.1; done; /usr/bin/python3 -c "$say" "STATUS=at work
READY=1
MAINPID=1"; sleep 1000' '{"readiness": {"notify": true}}' "$programs | $shared"
    systemctl start --no-block oci@notify
    check 'notify: runs' until_true state_is notify running
    sleep 0.5
    equal 'the unit waits' activating "$(systemctl is-active oci@notify || true)"
    local pid
    pid=$(field notify pid)
    systemctl kill -s KILL xctld
    touch "$work/share/go"
    check 'it is active when the container says so, though xctld was killed' until_true systemctl -q is-active oci@notify
    check 'ready' until_true ready notify
    check 'its status comes through' until_true sh -c 'systemctl show -p StatusText --value oci@notify | grep -q "at work"'
    equal 'its main process does not change' "$pid" "$(systemctl show -p MainPID --value oci@notify)"
    systemctl stop oci@notify
    xctl delete notify
}

# What a service says by sd_notify(3) that serves, reloads at SIGHUP for as long as the test lets it, and feeds its
# watchdog until SIGUSR1.
notifier='import os, signal, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def say(*words): s.sendto("\n".join(words).encode(), os.environ["NOTIFY_SOCKET"])
def reload(*_):
    say("RELOADING=1", "MONOTONIC_USEC=%d" % (time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000), "STATUS=reloading")
    while not os.path.exists("/share/reloaded"): time.sleep(0.05)
    say("READY=1", "STATUS=reloaded")
fed = True
def hang(*_):
    global fed
    fed = False
signal.signal(signal.SIGHUP, reload)
signal.signal(signal.SIGUSR1, hang)
print({key: os.environ[key] for key in sorted(os.environ) if key.startswith("WATCHDOG")}, flush=True)
say("READY=1", "STATUS=first", "MAINPID=1", "NOTIFYACCESS=none")
while True:
    if fed: say("WATCHDOG=1")
    time.sleep(0.2)'
export notifier
notifies="$shared"' | .process.args = ["/usr/bin/python3", "-c", env.notifier]
    | .mounts += [("/usr", "/lib", "/lib64") | {destination: ., source: ., type: "bind", options: ["rbind", "ro"]}]'
unit_is() { [ "$(systemctl show -P "$2" "oci@$1")" = "$3" ]; }
drop_in() { # NAME TEXT
    mkdir -p "/run/systemd/system/oci@$1.service.d"
    printf '[Service]\n%s\n' "$2" >"/run/systemd/system/oci@$1.service.d/test.conf"
    systemctl daemon-reload
}

test_reload() {
    define again true '{"readiness": {"notify": true}}' "$notifies"
    check 'started' timeout $patience systemctl start oci@again
    equal 'one message came through whole' first "$(systemctl show -P StatusText oci@again)"
    check 'a signal to reload' systemctl kill -s HUP --kill-whom=main oci@again
    check 'it reloads' until_true unit_is again ActiveState reloading
    touch "$work/share/reloaded"
    check 'and says when it has' until_true unit_is again ActiveState active
    equal 'in the same message' reloaded "$(systemctl show -P StatusText oci@again)"
    systemctl stop oci@again
    drop_in again 'Type=notify-reload'
    check 'started as notify-reload' timeout $patience systemctl start oci@again
    check 'systemctl reload comes back' timeout $patience systemctl reload oci@again
    equal 'when it has' 'reloaded active' "$(systemctl show -P StatusText oci@again) $(systemctl is-active oci@again)"
    systemctl stop oci@again
    xctl delete again
}

# A watchdog that bites later than a busy machine may let xctld wait.
watchdog=10
is_fed() { # NAME: often enough to live on
    local before
    for _ in 1 2 3; do
        before=$(systemctl show -P WatchdogTimestampMonotonic "oci@$1")
        until_true eval '[ "$(systemctl show -P WatchdogTimestampMonotonic "oci@'"$1"'")" != '"$before"' ]' || return 1
    done
    unit_is "$1" ActiveState active
}

test_own_watchdog() {
    drop_in fed "WatchdogSec=$watchdog"
    define fed true '{"readiness": {"notify": true}}' "$notifies"
    check 'started' timeout $patience systemctl start oci@fed
    until_true eval '[ -n "$(xctl logs fed)" ]' || fail 'it prints nothing'
    equal 'it is told of the watchdog' "{'WATCHDOG_PID': '1', 'WATCHDOG_USEC': '${watchdog}000000'}" "$(xctl logs fed)"
    check 'it feeds that without a health of its definition' is_fed fed
    systemctl kill -s KILL xctld
    check 'also by another xctld' is_fed fed
    systemctl kill -s USR1 --kill-whom=main oci@fed
    check 'and is bitten when it hangs' until_true unit_is fed Result watchdog
    systemctl reset-failed oci@fed
    # Another kind of health decides alone.
    echo '{"readiness": {"notify": true}, "health": {"exec": ["/usr/bin/false"], "intervalUSec": 300000}}' \
        >/etc/xctl/containers/fed.json.d/checks.json
    check 'started' timeout $patience systemctl start oci@fed
    check 'what it says does not count then' until_true unit_is fed Result watchdog
    xctl delete --force fed
    systemctl reset-failed oci@fed 2>/dev/null || true
}

test_not_ready_in_time() {
    define late 'sleep 1000' '{"readiness": {"console": "never", "startTimeoutUSec": 1000000}}'
    check 'late: started' xctl start late
    check 'it is killed' until_true state_is late stopped
    contains 'and why says so' "$(xctl why late)" 'not ready in time'
    xctl delete late
}

test_health() {
    local fast='"intervalUSec": 200000, "timeoutUSec": 30000000, "retries": 2'
    touch "$work/share/well"
    define ill 'sleep 1000' "{\"health\": {\"exec\": [\"test\", \"-e\", \"/share/well\"], $fast}}" "$shared"
    check 'ill: started' xctl start ill
    check 'healthy' until_true health_is ill healthy
    rm "$work/share/well"
    check 'unhealthy' until_true health_is ill unhealthy
    equal 'which is an event and no more' running "$(field ill state)"
    systemctl kill -s KILL xctld
    equal 'also for the next xctld' unhealthy "$(field ill health)"
    touch "$work/share/well"
    check 'healthy again' until_true health_is ill healthy
    xctl delete --force ill

    define again 'sleep 1; echo up; sleep 1000' "{\"health\": {\"tcp\": \"4001\", \"action\": \"restart\", $fast}}"
    check 'again: started' xctl start again
    check 'it is restarted' until_true sh -c '[ "$(xctl list --json | jq -r ".[] | select(.name == \"again\") | .runs")" -ge 2 ]'
    contains 'history knows why' "$(xctl history again --json)" '"cause":"health"'
    xctl delete --force again

    define over 'sleep 1000' "{\"health\": {\"console\": \"pulse\", \"action\": \"stop\", $fast}, \"restart\": {\"policy\": \"always\"}}"
    check 'over: started' xctl start over
    check 'it is stopped, whatever its restart policy' until_true state_is over stopped
    xctl delete over
}

# A program that takes too long goes with its children, whoever is their parent by then.
test_leftovers() {
    define slow 'sleep 1000' '{"health": {"intervalUSec": 100000, "timeoutUSec": 1000000, "retries": 1000,
        "exec": ["sh", "-c", "echo >>/share/attempts; (sleep 881; true) & sleep 881; true"]}}' "$shared"
    xctl start slow
    check 'attempts' until_true eval '[ "$(wc -l <"$work/share/attempts")" -ge 4 ]'
    local left; left=$(pgrep -fc '^sleep 881' || true)
    [ "$left" -le 4 ] || fail "$left programs of old attempts are left"
    note 'no more programs than of two attempts'
    equal 'the container goes on' running "$(field slow state)"
    xctl delete --force slow
}

test_watchdog() {
    define dog 'sleep 1000' '{"health": {"exec": ["test", "-e", "/share/dog"], "intervalUSec": 300000, "timeoutUSec": 30000000}}' "$shared"
    touch "$work/share/dog"
    mkdir -p /run/systemd/system/oci@dog.service.d
    printf '[Service]\nWatchdogSec=%s\n' $watchdog >/run/systemd/system/oci@dog.service.d/watchdog.conf
    systemctl daemon-reload
    check 'dog: started' systemctl start oci@dog
    check 'health feeds the watchdog' is_fed dog
    rm "$work/share/dog"
    check 'which bites when it fails' until_true sh -c '[ "$(systemctl show -p Result --value oci@dog)" = watchdog ]'
    xctl delete --force dog
}

test_errors() {
    bundle "$work/bad"
    xctl create bad "$work/bad" >/dev/null
    mkdir -p /etc/xctl/containers/bad.json.d
    local text
    for text in '{"health": {"tcp": "80", "http": "http://127.0.0.1/"}}=asks for more than one' \
        '{"readiness": {"tcp": "example.com:80"}}=/readiness/tcp: must be PORT or ADDRESS:PORT' \
        '{"readiness": {"http": "ftp://127.0.0.1/"}}=/readiness/http: must be http://' \
        '{"health": {"action": "reboot"}}=/health/action: must be "event", "restart" or "stop"'; do
        printf '%s' "${text%%=*}" >/etc/xctl/containers/bad.json.d/checks.json
        contains "refused: ${text%%=*}" "$(xctl start bad 2>&1 || true)" "${text#*=}"
    done
    rm -r /etc/xctl/containers/bad.json.d
    xctl delete bad
}

for test in ${*:-readiness notify reload own_watchdog not_ready_in_time health leftovers watchdog errors}; do
    note "== $test"
    "test_$test"
done
