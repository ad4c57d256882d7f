#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What goes wrong is said, and leaves nothing behind. A bad document is named with its file, JSON pointer and rule; a
# launch that fails with its step, path and error. After each, no scope, cgroup, mount or process of it is there, and
# what could not be created has no definition and no state. Exit statuses are those of xctl(1).
. /src/tests/system/lib.sh

# gives STATUS PATTERN COMMAND...: xctl ends with this status and says this on standard error, in one line.
gives() {
    local expected=$1 pattern=$2
    shift 2
    equal "$*: status $expected" "$expected" "$(status_of timeout $patience "$@")"
    contains "$*: what it says" "$(cat "$work/err")" "$pattern"
    equal "$*: in one line" 1 "$(wc -l <"$work/err")"
}

# What a container could leave on the machine. (xctld mounts nothing of its own here.)
traces() {
    systemctl list-units --all --no-legend --plain 'xctl-*.scope' 'oci@*.service' | awk '{ print $1, $3 }'
    find /sys/fs/cgroup/xctl.slice -mindepth 1 -type d 2>/dev/null || true
    cut -d ' ' -f 5 /proc/self/mountinfo | sort
    nsenter --target "$(systemctl show --property=MainPID --value xctld)" --mount cut -d ' ' -f 5 /proc/self/mountinfo | sort
    pgrep --list-full --newest 'no-such' || true
}
definitions() { find /etc/xctl/containers /run/xctl/containers /run/xctl/state -mindepth 1 2>/dev/null | sort; }
unchanged() { # WHAT: the traces are what they were
    until_true eval '[ "$(traces)" = "$before" ]' ||
        fail "$1: something is left: $(diff <(echo "$before") <(traces))"
    note "$1: nothing is left"
}

test_documents() {
    # The archives of tests/data/bad have beside each document what is to be said.
    local file name expected count=0 saved
    saved=$(definitions)
    mkdir -p "$work/bad/rootfs"
    /src/tests/support/unpack "$work/documents" "$data"/bad/*.txt
    for file in "$work"/documents/*.json; do
        name=$(basename "$file" .json)
        expected=$(cat "${file%.json}.txt") || fail "$name: nothing says how it is refused"
        cp "$file" "$work/bad/config.json"
        case $(status_of xctl create bad "$work/bad") in
        6 | 7) ;;
        *) fail "$name: status $(status_of xctl create bad "$work/bad"): $(cat "$work/err")" ;;
        esac
        [ "$(cat "$work/err")" = "xctl: $work/bad/$expected" ] || fail "$name: expected '$expected', got '$(cat "$work/err")'"
        count=$((count + 1))
    done
    [ $count -gt 170 ] || fail "only $count documents"
    note "$count bad documents are refused with file, place and rule"
    equal 'none has been defined' "$saved" "$(definitions)"
    unchanged 'refused documents'

    mkdir -p "$work/nothing"
    gives 6 "$work/nothing/config\\.json: .*No such file" xctl create bad "$work/nothing"
    gives 6 "$work/absent/config\\.json: .*No such file" xctl create bad "$work/absent"
    echo '{"ociVersion": ' >"$work/nothing/config.json"
    gives 6 "$work/nothing/config\\.json:1:[0-9]+: unexpected end" xctl create bad "$work/nothing"
    head -c 200000 /dev/urandom | tr "\n" x >"$work/nothing/config.json"
    gives 6 "$work/nothing/config\\.json:1:[0-9]+: " xctl create bad "$work/nothing"
    rm "$work/nothing/config.json"
    mkdir "$work/nothing/config.json"
    gives 6 "$work/nothing/config\\.json: .*directory" xctl create bad "$work/nothing"
    equal 'still none has been defined' "$saved" "$(definitions)"

    # A bundle that turns bad later, and one that is mended.
    bundle "$work/later" '.process.args = ["true"]'
    xctl create later "$work/later"
    jq '.mounts[0].destination = 5' "$work/later/config.json" >"$work/x" && cp "$work/x" "$work/later/config.json"
    gives 6 "$work/later/config\\.json: /mounts/0/destination: " xctl start later
    equal 'it has not run' 'created 0' "$(field later state) $(field later runs)"
    bundle "$work/later" '.process.args = ["true"]'
    check 'mended, it starts' xctl start later
    xctl wait later
    xctl delete later
}

test_definitions() {
    local text file=/etc/xctl/containers/hand.json
    bundle "$work/hand" '.process.args = ["true"]'
    while IFS='|' read -r text pattern; do
        echo "$text" >$file
        gives 6 "$file(:[0-9]+:[0-9]+)?: $pattern" xctl start hand
    done <<END
{"bundle": "$work/hand", "restart": {"policy": "sometimes"}}|/restart/policy: must be "no", "on-failure", "always" or "unless-stopped"
{"bundle": "relative"}|/bundle: must be an absolute path
{"bundle": "$work/hand", "colour": 1}|/colour: is not a key
{"bundle": "$work/hand", "stop": {"signal": "NOPE"}}|/stop/signal: must be the name of a signal
{"bundle": "$work/hand", "console": {"scrollback": 1}}|/console/scrollback: 
{"autostart": true}|/bundle: is required
[]|/: must be an object
{"bundle": |unexpected end
END
    echo "{\"bundle\": \"$work/hand\"}" >$file
    mkdir -p $file.d
    echo '{"restart": {"limit": -1}}' >$file.d/10-x.json
    gives 6 "$file.d/10-x\\.json:1:14: /restart/limit: " xctl start hand
    echo '{"config": {"process": {"args": "sh"}}}' >$file.d/10-x.json
    gives 6 '/process/args: must be an array' xctl start hand
    check 'a broken file does not hide the others' xctl list
    rm -r $file.d
    check 'mended, it starts' xctl start hand
    xctl wait hand
    xctl delete hand
    [ ! -e $file ] || fail 'delete leaves the file'
}

# launch_fails STEP PATH ERRNO PATTERN FILTER: the typed error on varlink and the sentence on standard error.
launch_fails() {
    local step=$1 path=$2 errno=$3 pattern=$4
    bundle "$work/launch" "$5"
    gives 10 "$pattern" xctl start launch
    equal "the state after $step" 'stopped launch-failed' "$(field launch state) $(field launch exitReason)"
    contains 'the record says why' "$(field launch message)" "$pattern"
    varlinkctl --json=short call unix:/run/xctl/org.xctl.Containers org.xctl.Containers.Start '{"name": "launch"}' \
        >"$work/reply" 2>/dev/null || true
    equal 'step, path and errno' "$step $path $errno" "$(jq -r '[.step, .path, .errno] | join(" ")' "$work/reply")"
    gives 125 "$pattern" xctl run --rm gone "$work/launch"
    check 'run --rm leaves no container' until_true eval '[ -z "$(field gone name)" ]'
    equal 'xctl wait: there is no status of its own' 125 "$(status_of xctl wait launch)"
    unchanged "a failed launch ($step)"
}

test_launches() {
    bundle "$work/launch"
    xctl create launch "$work/launch"
    mkdir -p "$work/file"
    echo text >"$work/launch/rootfs/etc/text"
    chmod 644 "$work/launch/rootfs/etc/text"
    before=$(traces)
    launch_fails executable /no/such/program 2 'exec: "/no/such/program": .*no such file' '.process.args = ["/no/such/program"]'
    launch_fails executable no-such-program 2 'exec: "no-such-program": executable file not found in \$PATH' '.process.args = ["no-such-program"]'
    launch_fails executable /etc/text 13 'exec: "/etc/text": permission denied' '.process.args = ["/etc/text"]'
    launch_fails mount /mnt 2 '/mnt \(bind from /no/such/source\): .*No such file' \
        '.mounts += [{"destination": "/mnt", "type": "bind", "source": "/no/such/source", "options": ["rbind"]}]'
    launch_fails mount /mnt 19 '/mnt \(nosuchfs\): .*No such device' '.mounts += [{"destination": "/mnt", "type": "nosuchfs", "source": "x"}]'
    launch_fails 'working directory' /etc/text 20 'working directory /etc/text: .*Not a directory' '.process.cwd = "/etc/text"'
    launch_fails root "$work/launch/absent" 2 "$work/launch/absent" '.root.path = "absent"'
    xctl delete launch
}

test_usage() {
    gives 2 'nonsense' xctl nonsense
    gives 2 '.' xctl
    gives 2 'NAME' xctl start
    gives 2 '.' xctl start a b
    gives 2 '--nope' xctl list --nope
    gives 2 '--restart' xctl create x "$work" --restart
    gives 2 'maybe' xctl create x "$work" --restart=maybe
    gives 2 'container name' xctl start ../x
    gives 2 'container name' xctl start "$(printf 'n%.0s' {1..129})"
    gives 2 '.' xctl stop x --timeout=soon
    gives 2 '.' xctl logs x -n -1
    gives 3 'no container "nobody"' xctl start nobody
    gives 3 'no container "nobody"' xctl wait nobody
    gives 125 'no container "nobody"' xctl attach nobody
    gives 125 'config\.json' xctl run x "$work/absent"
    script_bundle "$work/ok" 'trap "exit 0" TERM; while :; do sleep 0.1; done'
    xctl create ok "$work/ok"
    gives 8 'exists' xctl create ok "$work/ok"
    gives 9 'not running' xctl kill ok
    gives 9 '^xctl: ok has not run yet; xctl start ok starts it$' xctl wait ok
    gives 9 '^xctl: ok is created$' xctl pause ok
    xctl start ok
    equal 'starting twice is no error' 0 "$(status_of xctl start ok)"
    gives 9 'ok is running; stop it first' xctl start ok -- sleep 1
    for verb in resume pause pause resume resume; do
        equal "what is so already needs no $verb" 0 "$(status_of xctl $verb ok)"
    done
    gives 9 'running' xctl delete ok
    gives 2 'not a signal' xctl kill ok NOSUCH
    xctl stop ok
    equal 'stopping twice is no error' 0 "$(status_of xctl stop ok)"
    xctl delete ok
    equal 'help' 0 "$(status_of xctl help create)"
    equal 'version' 0 "$(status_of xctl --version)"
    systemctl stop xctld.socket xctld-launch.socket xctld.service
    gives 1 'xctld\.socket is not running; .*systemctl' xctl list
    systemctl start xctld.socket
    check 'then it works' xctl list
    gives 1 '^xctl: no xctld listens at /no/such, which XCTL_SOCKET names: No such file' env XCTL_SOCKET=/no/such xctl list
    # A full disk is not silent.
    xctl list >/dev/full 2>"$work/err" && fail 'a full disk went unnoticed'
    contains 'a full disk' "$(cat "$work/err")" 'No space left'
}

test_statuses() {
    script_bundle "$work/st" 'exit 11'
    equal 'run: the exit code' 11 "$(status_of xctl run --rm st "$work/st")"
    xctl run --rm st "$work/st" -- sleep 1000 </dev/null & local runner=$! status=0
    check 'it runs' until_true state_is st running
    xctl kill st KILL
    wait $runner || status=$?
    equal 'run: a signal' 137 $status
    check 'it is removed' until_true eval '[ -z "$(field st name)" ]'
    xctl create st "$work/st"
    xctl start st
    equal 'wait: the exit code' 11 "$(status_of xctl wait st)"
    xctl delete st
}

xctl list >/dev/null
mkdir -p /etc/xctl/containers
systemctl start xctl.slice
before=$(traces)
for test in ${*:-documents definitions launches usage statuses}; do
    note "== $test"
    "test_$test"
done
