#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What was printed when: times, ranges, records, the ring's size changed live, consoles that outlive the boot.
. "$(dirname "$0")/lib.sh"

# --- times: since, until, tail
# The container notes when it prints, as the time since boot, and prints the next line when the test has seen that one.
export own="$work/own"
mkdir "$own"
script_bundle "$work/clock" \
    'for i in 1 2 3 4 5 6; do cut -d" " -f 1 /proc/uptime >/own/before.$i; echo "line $i"
        until [ -e "/own/after.$i" ]; do sleep 0.05; done; done; echo oops >&2; exit 3' \
    '.mounts += [{destination: "/own", source: env.own, type: "bind", options: ["bind"]}]'
check "created" xctl create clock "$work/clock"
check "started" xctl start clock
for n in 1 2 3 4 5 6; do
    until_true eval 'xctl logs clock | grep -qx "line $n"' || fail "it does not print line $n"
    if [ $n = 3 ]; then sleep 0.3; middle=$(date -u +%FT%T.%NZ); sleep 0.3; fi # times are kept in tenths of a second
    cut -d ' ' -f 1 /proc/uptime >"$work/after" && mv "$work/after" "$own/after.$n"
done
xctl wait clock || true
all=$(printf 'line %s\n' 1 2 3 4 5 6)
early=$(xctl logs clock --until "$middle" 2>&1); late=$(xctl logs clock --since "$middle" 2>/dev/null)
equal "until and since split the output, and lose nothing" "$all" "$early
$late"
contains "the part before" "$early" '^line 3$'
contains "the part after" "$late" '^line 5$'
equal "since a duration ago" "$all" "$(xctl logs clock --since 1h 2>/dev/null)"
equal "nothing is newer than now" "" "$(xctl logs clock --since now 2>&1)"
equal "tail" "line 6" "$(xctl logs clock --tail 2 2>/dev/null)"
equal "tail of what was until then" "$(printf '%s\n' "$early" | tail -n 2)" "$(xctl logs clock --until "$middle" -n 2)"
equal "offset" "line 5
line 6" "$(xctl logs clock --offset 28 2>/dev/null)"
equal "until and follow exclude each other" 2 "$(status_of xctl logs clock -f --until "$middle")"
for time in yesteryear 20261130 1796040000 5 '5 parsecs ago'; do
    equal "a wrong time is a wrong call: $time" 2 "$(status_of xctl logs clock --since "$time")"
done
contains "which says what is right" "$(cat "$work/err")" 'is not a time; write for example .*5min'
equal "since a while ago" "$all" "$(xctl logs clock --since '1 h ago' 2>/dev/null)"
equal "since today" "$all" "$(xctl logs clock --since yesterday 2>/dev/null)"

# --- times before lines are right to a tenth of a second: between the print and its discovery
stamps=$(xctl logs clock -t 2>/dev/null)
contains "each line has its time" "$stamps" '^20[0-9-]+T[0-9:.]+Z line 1$'
while read -r stamp _ n; do
    [ "$n" ] || continue  # what it said last, to its standard error
    check "the time of line $n" python3 -c "
import datetime, sys, time
when = datetime.datetime.fromisoformat(sys.argv[1].replace('Z', '+00:00')).timestamp()
boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
sys.exit(not float(sys.argv[2]) - 0.15 <= when - boot <= float(sys.argv[3]) + 0.15)" \
        "$stamp" "$(cat "$own/before.$n")" "$(cat "$own/after.$n")"
done <<<"$stamps"

# --- records
json=$(xctl logs clock --json)
equal "all records are objects" 9 "$(jq -s length <<<"$json")"
equal "the first is the beginning of the run" begin "$(head -n 1 <<<"$json" | jq -r .run)"
equal "the last is its end, with the status" 3 "$(tail -n 1 <<<"$json" | jq -r .exit)"
equal "lines with their offsets" "7 line 2" "$(jq -r 'select(.text == "line 2") | "\(.offset) \(.text)"' <<<"$json")"
equal "streams stay apart" "oops" "$(jq -r 'select(.stream == "stderr").text' <<<"$json")"
check "a second run" xctl start clock
xctl wait clock || true
equal "two runs" 2 "$(xctl logs clock --json | jq -s 'map(select(.run == "end")) | length')"
script_bundle "$work/small" 'seq 1 100000'
check "created" xctl create small "$work/small" --scrollback=64K
xctl start small; xctl wait small
contains "a gap is a record" "$(xctl logs small --json --offset 0 | head -n 1)" '"lost":[0-9]+'

# --- JSON across deaths of the daemon: each line once
script_bundle "$work/follow" 'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo line $i; [ $((i % 100)) = 0 ] && sleep 0.05; done'
check "created" xctl create follow "$work/follow"
xctl logs -f --json follow >"$work/follow.json" 2>/dev/null & logger=$!
until_true sh -c '[ "$(xctl clients follow --json | jq length)" = 1 ]' || fail "a follower"
check "started" xctl start follow
for _ in 1 2 3; do sleep 0.3; systemctl kill -s KILL xctld; done
xctl wait follow
until_true grep -q '"run":"end"' "$work/follow.json" || fail "the end of the run"
check "logs -f ends with the container" wait "$logger"
equal "every line once" "$(seq -f 'line %g' 1 2000 | sha256sum)" \
    "$(jq -r 'select(.text).text' "$work/follow.json" | sha256sum)"

# --- following ends with the last run, and not before
script_bundle "$work/twice" 'echo run; [ -e /own/failed ] || { touch /own/failed; exit 1; }' \
    '.mounts += [{destination: "/own", source: env.own, type: "bind", options: ["bind"]}]'
xctl create twice "$work/twice" --restart=on-failure
timeout $patience xctl logs -f twice >"$work/twice.log" & logger=$!
until_true sh -c '[ "$(xctl clients twice --json | jq length)" = 1 ]' || fail "a follower of what has not run yet"
xctl start twice
check "it ends" wait "$logger"
equal "after both runs" "run run" "$(xargs <"$work/twice.log")"
equal "and at once, if the container has stopped for good" "run run" "$(timeout $patience xctl logs -f twice | xargs)"

# --- the ring's size is changed while the container runs
script_bundle "$work/live" 'seq 1 20000; read -r l; seq 20001 40000; read -r l'
check "created" xctl create live "$work/live" --scrollback=64K
mkfifo "$work/in"
xctl start live
xctl attach live <"$work/in" >/dev/null 2>&1 &
exec 7>"$work/in"
size() { xctl list --json | jq '.[] | select(.name == "live") | .consoleEnd - .consoleBegin'; }
until_true sh -c 'xctl logs live | grep -qx 20000' || fail "the first half"
kept=$(xctl logs live | sed 1d)
check "64K are kept" [ "$(size)" -le 65536 ]
echo '{ "console": { "scrollback": 1048576 } }' >"$work/drop-in"
mkdir -p /etc/xctl/containers/live.json.d
cp "$work/drop-in" /etc/xctl/containers/live.json.d/50-size.json
check "the file is read again" xctl enable live
echo >&7
until_true sh -c 'xctl logs live | grep -qx 40000' || fail "the second half"
check "more is kept now" [ "$(size)" -gt 65536 ]
equal "what fit was kept, and nothing is missing" "$kept
$(seq 20001 40000)" "$(xctl logs live | sed 1d)"
systemctl kill -s KILL xctld
equal "the new size survives the daemon" 40000 "$(xctl logs live --tail 1)"
echo '{ "console": { "scrollback": 4096 } }' >/etc/xctl/containers/live.json.d/50-size.json
check "the file is read again" xctl enable live
check "less is kept" [ "$(size)" -le 4096 ]
equal "the end" 40000 "$(xctl logs live --tail 1)"
echo >&7
exec 7>&-
xctl wait live

# --- a persistent console comes back after a reboot, which this is as far as xctld can tell
script_bundle "$work/keep" 'echo kept; sleep "${1:-0}"'
check "created" xctl create keep "$work/keep"
mkdir -p /etc/xctl/containers/keep.json.d
echo '{ "console": { "persistent": true } }' >/etc/xctl/containers/keep.json.d/50-keep.json
xctl start keep; xctl wait keep
before=$(xctl logs --json keep)
check "it is saved when the run ends" test -s /var/lib/xctl/consoles/keep/console
equal "and only root's to read" 700 "$(stat -c %a /var/lib/xctl/consoles/keep)"
reboot_xctld() {
    systemctl stop xctld xctld.socket xctld-launch.socket
    rm -rf /run/xctl/state
    systemctl start xctld.socket xctld-launch.socket xctld
}
reboot_xctld
equal "the same after a boot" "$before" "$(xctl logs --json keep)"
xctl start keep; xctl wait keep
equal "it goes on at the same offset" 10 "$(field keep consoleEnd)"
equal "with both runs" "kept
kept" "$(xctl logs keep)"
equal "the journal has each line once" 2 "$(journalctl --sync; journalctl -o cat CONTAINER_NAME=keep MESSAGE=kept | wc -l)"
check "deleted" xctl delete keep
check "nothing is left" test ! -e /var/lib/xctl/consoles/keep

# --- the journal: fields of Docker's and Podman's kind, partial lines, a limit
script_bundle "$work/fields" 'printf "%20000s\n" x; echo complaint >&2; printf unfinished' \
    '.annotations["org.opencontainers.image.ref.name"] = "registry/image:1"'
xctl create fields "$work/fields"; xctl start fields; xctl wait fields
journalctl --sync
entry() { journalctl -o json --all CONTAINER_NAME=fields | jq -r "$1"; }
equal "identifiers" "fields fields fields fields registry/image:1" \
    "$(entry 'select(.MESSAGE == "complaint") | "\(.CONTAINER_ID) \(.CONTAINER_ID_FULL) \(.CONTAINER_TAG) \(.SYSLOG_IDENTIFIER) \(.IMAGE_NAME)"')"
equal "priorities by stream" "3 6" "$(entry 'select(.MESSAGE == "complaint" or .MESSAGE == "unfinished").PRIORITY' | sort | xargs)"
equal "the first part of a long line is partial" true "$(entry 'select(.CONTAINER_PARTIAL_MESSAGE).CONTAINER_PARTIAL_MESSAGE' | sort -u)"
contains "when it was printed" "$(entry 'select(.MESSAGE == "complaint").SYSLOG_TIMESTAMP')" '^20[0-9-]+T[0-9:.]+Z$'
script_bundle "$work/chatty" 'seq 1 500; sleep 0.2; echo last'
xctl create chatty "$work/chatty"
check "a limit" xctl set chatty journal.burst=100 journal.intervalUSec=60000000
xctl start chatty; xctl wait chatty
journalctl --sync
equal "so many lines came" 100 "$(journalctl -o cat CONTAINER_NAME=chatty PRIORITY=6 | wc -l)"
equal "and it is said how many did not" "401 lines of output beyond the limit were dropped here; the console has them" \
    "$(journalctl -o cat CONTAINER_NAME=chatty PRIORITY=4)"
equal "the console has them" 501 "$(xctl logs chatty | wc -l)"
