#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Definitions: three layers of files and drop-ins make one; each value's origin is shown; a broken file costs its own
# container only, is named with its place, and counts again as soon as it is mended, without a restart of the daemon.
# The verbs about them over all three ways: cat, explain, diff, verify, edit, set. What is set on a container that runs
# is in force at once, survives the daemon, and with --runtime ends with the run.
. /src/tests/system/lib.sh

etc=/etc/xctl/containers run=/run/xctl/containers usr=/usr/lib/xctl/containers
busctl_call() { busctl --json=short --timeout=$patience -- call org.xctl1 /org/xctl1 org.xctl1.Manager "$@"; }
varlink_call() { varlinkctl --json=short --timeout=$patience call unix:/run/xctl/org.xctl.Containers "org.xctl.Containers.$1" "$2"; }
gives() { # STATUS PATTERN COMMAND...
    local expected=$1 pattern=$2
    shift 2
    equal "$*: status $expected" "$expected" "$(status_of timeout $patience "$@")"
    contains "$*: what it says" "$(cat "$work/out" "$work/err")" "$pattern"
}
cgroup_of() { echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(field "$1" pid)/cgroup")"; }
kill_daemon() { systemctl kill -s KILL xctld; }

script_bundle "$work/web" 'trap "exit 0" TERM; while :; do sleep 0.1; done'
mkdir -p $usr $run
printf '{\n    "bundle": "%s"\n}\n' "$work/web" >$etc/web.json

test_layers() {
    rm $etc/web.json
    mkdir -p $usr/web.json.d $run/web.json.d $etc/web.json.d
    echo "{\"bundle\": \"/nowhere\", \"restart\": {\"limit\": 1}}" >$usr/web.json
    equal 'a package defines it' /nowhere "$(field web bundle)"
    echo "{\"bundle\": \"$work/web\", \"restart\": {\"limit\": 2}}" >$etc/web.json
    equal 'the highest layer wins, without a restart' "$work/web" "$(field web bundle)"
    echo '{"restart": {"limit": 3, "policy": "always"}}' >$usr/web.json.d/10-a.json
    echo '{"restart": {"limit": 4}}' >$run/web.json.d/20-b.json
    echo '{"restart": {"policy": "on-failure"}}' >$etc/web.json.d/15-c.json
    equal 'drop-ins of all layers, by name' \
        "bundle = \"$work/web\"  # $etc/web.json:1
restart.limit = 4  # $run/web.json.d/20-b.json:1
restart.policy = \"on-failure\"  # $etc/web.json.d/15-c.json:1" "$(xctl cat web)"
    echo '{}' >$etc/web.json.d/20-b.json
    equal 'one in /etc hides the same name below' 3 "$(xctl cat web --json | jq -r '.[] | select(.key == "/restart/limit") | .value')"
    equal 'over D-Bus' '/bundle /restart/limit /restart/policy' \
        "$(busctl_call Cat s web | jq -r '.data[0][] | .key.data' | xargs)"
    equal 'over varlink' '/bundle /restart/limit /restart/policy' \
        "$(varlink_call Cat '{"name": "web"}' | jq -r '.settings[].key' | xargs)"
    rm -r $usr/web.json.d $run/web.json.d $etc/web.json.d $usr/web.json
    printf '{\n    "bundle": "%s"\n}\n' "$work/web" >$etc/web.json
    equal 'and it is as simple as before' "bundle = \"$work/web\"  # $etc/web.json:2" "$(xctl cat web)"
}

test_broken() {
    local config
    config=$(sha256sum "$work/web/config.json")
    xctl start web
    printf '{\n    "bundle": "%s",\n    "stop": { "sginal": "TERM" }\n}\n' "$work/web" >$etc/web.json
    equal 'one that runs goes on' running "$(field web state)"
    contains 'and shows what is wrong' "$(field web loadError)" "^$etc/web.json:3:15: /stop/sginal: is not a key"
    kill_daemon
    equal 'a new daemon still has it' "running $work/web" "$(field web state) $(field web bundle)"
    contains 'with the error' "$(field web loadError)" "^$etc/web.json:3:15: /stop/sginal: is not a key"
    check 'it can be stopped' xctl stop web
    equal 'then it is in the state of systemd for this' bad-setting "$(field web state)"
    gives 6 "$etc/web.json:3:15: /stop/sginal: is not a key" xctl start web
    kill_daemon
    equal 'also for a daemon that never knew it' bad-setting "$(field web state)"
    contains 'xctl state' "$(xctl state web)" "Definition: $etc/web.json:3:15: "
    equal 'for OCI it is stopped' stopped "$(xctl state web --json | jq -r .status)"
    equal 'over D-Bus' bad-setting "$(busctl_call Describe s web | jq -r '.data[0].state.data')"
    gives 6 "$etc/web.json:3:15: " xctl cat web
    gives 1 "error: $etc/web.json:3:15: " xctl verify web
    gives 2 'restart policy' xctl create other "$work/web" --restart=maybe
    check 'others are not concerned' xctl create other "$work/web"
    check 'and start' xctl start other
    xctl delete --force other
    printf '{\n    "bundle": "%s"\n    "autostart": true }\n' "$work/web" >$etc/web.json
    gives 6 "$etc/web.json:3:[0-9]+: .*expected" xctl start web
    printf '{\n    "bundle": "%s"\n}\n' "$work/web" >$etc/web.json
    equal 'mended, it is back' '' "$(field web loadError)"
    check 'and starts' xctl start web
    xctl stop web
    equal 'the bundle was never touched' "$config" "$(sha256sum "$work/web/config.json")"
}

test_removed() {
    xctl start web
    rm $etc/web.json
    equal 'one that runs goes on' running "$(field web state)"
    contains 'and shows it' "$(field web loadError)" '^the definition of "web" was removed'
    xctl stop web
    equal 'then it cannot be started' bad-setting "$(field web state)"
    gives 3 'the definition of "web" was removed' xctl start web
    check 'how it ended is still known' sh -c "xctl history web | grep -q 'exited'"
    printf '{\n    "bundle": "%s"\n}\n' "$work/web" >$etc/web.json
    equal 'the file is back' 'stopped ' "$(field web state) $(field web loadError)"
    check 'and it starts' xctl start web
    xctl stop web
    rm $etc/web.json
    check 'what is left of it can be deleted' xctl delete web
    equal 'and is gone' '' "$(xctl list --json | jq -r '.[] | select(.name == "web").name')"
    printf '{\n    "bundle": "%s"\n}\n' "$work/web" >$etc/web.json
    printf '{ "bundle": "%s" }\n' "$work/web" >$etc/fresh.json
    equal 'one that never ran' created "$(field fresh state)"
    mkdir $etc/fresh.json.d
    echo '{}' >$etc/fresh.json.d/a.json
    mv $etc/fresh.json $etc/fresh.away
    gives 3 'no container "fresh"' xctl state fresh
    equal 'goes with its file' '' "$(xctl list --json | jq -r '.[] | select(.name == "fresh").name')"
    mv $etc/fresh.away $etc/fresh.json
    equal 'and comes back with it' created "$(field fresh state)"
    rm $etc/fresh.json
    equal 'also for list alone' '' "$(xctl list --json | jq -r '.[] | select(.name == "fresh").name')"
    check 'what an administrator wrote beside it stays' test -e $etc/fresh.json.d/a.json
    rm -r $etc/fresh.json.d
}

test_verify() {
    check 'all is well' xctl verify web
    script_bundle "$work/bad" true '.process.args = ["no-such-program"] | .mounts += [{"destination": "/x", "type": "bind", "source": "/no/such", "options": ["bind"]}]'
    xctl create bad "$work/bad"
    gives 1 'error: the program "no-such-program" is not in the root file system' xctl verify bad
    contains 'the source of a mount' "$(cat "$work/out")" 'error: mount "/x": the source "/no/such": No such file'
    equal 'over D-Bus' 'warning error error' "$(busctl_call Verify 'sa{sv}' bad 0 | jq -r '.data[0][] | .severity.data' | xargs)"
    equal 'over varlink' 'warning error error' "$(varlink_call Verify '{"name": "bad"}' | jq -r '.findings[].severity' | xargs)"
    chmod 644 "$work/bad/rootfs/bin/busybox"
    jq '.process.args = ["/bin/busybox"]' "$work/bad/config.json" >"$work/x" && cp "$work/x" "$work/bad/config.json"
    gives 1 'error: the program "/bin/busybox" is not an executable file' xctl verify bad
    mv "$work/bad/rootfs" "$work/bad/gone"
    gives 1 'error: the root file system .*: No such file' xctl verify bad
    echo '{' >"$work/bad/config.json"
    gives 1 "error: $work/bad/config.json:[12]:" xctl verify bad
    equal 'nothing has been started' 0 "$(field bad runs)"
    xctl delete bad
    gives 3 'no container' xctl verify nobody
}

test_explain() {
    contains 'the plan in its order' "$(xctl explain web)" '^ *1[.:)]? '
    equal 'the same over D-Bus' "$(xctl explain web | sha256sum)" "$(busctl_call Explain s web | jq -rj '.data[0]' | sha256sum)"
    equal 'and varlink' "$(xctl explain web | sha256sum)" "$(varlink_call Explain '{"name": "web"}' | jq -rj .text | sha256sum)"
}

test_diff() {
    equal 'nothing runs' '' "$(xctl diff web)"
    xctl start web
    equal 'nothing differs' '' "$(xctl diff web)"
    jq '.process.env += ["A=1"] | .hostname = "other"' "$work/web/config.json" >"$work/x"
    cp "$work/web/config.json" "$work/kept.json"
    cp "$work/x" "$work/web/config.json"
    contains 'the bundle has changed' "$(xctl diff web)" "^config.hostname: \".*\" -> \"other\"  # $work/web/config.json$"
    kill_daemon
    equal 'a new daemon knows as well' '/config/process/env /config/hostname' "$(xctl diff web --json | jq -r '.[].key' | sort -r | xargs)"
    xctl restart web
    equal 'a start makes them one' '' "$(xctl diff web)"
    cp "$work/kept.json" "$work/web/config.json"
    equal 'over D-Bus' '"other"' "$(busctl_call Diff s web | jq -r '.data[0][] | select(.key.data == "/config/hostname") | .running.data')"
    equal 'over varlink' '"other"' "$(varlink_call Diff '{"name": "web"}' | jq -r '.settings[] | select(.key == "/config/hostname") | .running')"
    xctl stop web
}

test_edit() {
    cat >"$work/editor" <<'END'
#!/bin/sh
# The edit is a jq filter; what is not JSON is appended as it is.
if [ -n "$FILTER" ]; then jq "$FILTER" "$1" >"$1.new" && mv "$1.new" "$1"; fi
if [ -n "$APPEND" ]; then echo "$APPEND" >>"$1"; fi
END
    chmod +x "$work/editor"
    export EDITOR="$work/editor" VISUAL='' FILTER='' APPEND=''
    gives 0 'nothing is changed' xctl edit web
    FILTER='.restart.policy = "always"' check 'an edit' xctl edit web
    equal 'is there' always "$(field web restartPolicy)"
    equal 'in its own file' '"always"' "$(jq .restart.policy $etc/web.json)"
    FILTER='.restart.limit = 7' check 'a drop-in' xctl edit web --drop-in=10-limit
    equal 'is there as well' 7 "$(jq .restart.limit $etc/web.json.d/10-limit.json)"
    local before draft
    before=$(sha256sum $etc/web.json)
    APPEND=nonsense gives 6 "$etc/web.json:[0-9]+:[0-9]+: " xctl edit web
    equal 'what is broken is not saved' "$before" "$(sha256sum $etc/web.json)"
    draft=$(sed -n 's/.*what was written is in //p' "$work/err")
    check 'but kept' grep -q nonsense "$draft"
    FILTER='.config.process.args = 5' gives 6 '/process/args: must be an array' xctl edit web
    # Somebody else was faster.
    cat >"$work/slow" <<END
#!/bin/sh
echo '{"bundle": "$work/web"}' >$etc/web.json
echo '{"bundle": "$work/web", "autostart": true}' >"\$1"
END
    chmod +x "$work/slow"
    EDITOR="$work/slow" gives 9 'has been changed meanwhile' xctl edit web
    equal 'theirs stays' null "$(jq .autostart $etc/web.json)"
    EDITOR=false gives 1 'false failed; nothing is changed' xctl edit web
    mv $etc/web.json $usr/web.json
    FILTER='.autostart = true' check 'a file of a package' xctl edit web
    equal 'is copied' 'true null' "$(jq .autostart $etc/web.json) $(jq .autostart $usr/web.json)"
    rm $usr/web.json
    equal 'over varlink: to read' "$(cat $etc/web.json)" "$(varlink_call Edit '{"name": "web"}' | jq -r .text)"
    gives 3 'no container' xctl edit nobody
    gives 2 'drop-in' xctl edit web --drop-in=../x
    rm -r $etc/web.json.d
    echo "{\"bundle\": \"$work/web\"}" >$etc/web.json
}

test_set() {
    check 'set' xctl set web restart.policy=on-failure restart.delayUSec=2s stop.timeoutUSec=3s
    equal 'is in a drop-in' '{"restart":{"policy":"on-failure","delayUSec":2000000},"stop":{"timeoutUSec":3000000}}' \
        "$(jq -c . $etc/web.json.d/50-set.json)"
    equal 'the file itself is left alone' "{\"bundle\": \"$work/web\"}" "$(cat $etc/web.json)"
    equal 'and it counts' on-failure "$(field web restartPolicy)"
    check 'a value is taken back' xctl set web restart.policy=
    equal 'to the default' no "$(field web restartPolicy)"
    check 'enable and set write the same file' xctl enable web
    xctl set web autostart=no
    equal 'so that the last one counts' false "$(field web autostart)"
    xctl enable web
    equal 'whichever it was' true "$(field web autostart)"
    xctl disable web
    gives 2 'restart.policy: must be "no", "on-failure", "always" or "unless-stopped"' xctl set web restart.policy=sometimes
    gives 2 'is not a key' xctl set web nonsense=1
    gives 2 'must be KEY=VALUE' xctl set web nonsense
    gives 2 '^xctl: config.root.readonly=maybe: must be true or false' xctl set web config.root.readonly=maybe
    gives 2 '^xctl: config.linux.resources.memory.limit=64Q: must be a whole number' \
        xctl set web config.linux.resources.memory.limit=64Q
    check 'words of config.json' xctl set web config.process.env=A=1,B=2 config.hostname=7
    equal 'have the types of their fields' '{"process":{"env":["A=1","B=2"]},"hostname":"7"}' "$(jq -c .config $etc/web.json.d/50-set.json)"
    xctl set web config=
    gives 3 'no container' xctl set nobody autostart=yes
    echo '{"restart": {"limit": 3}}' >$etc/web.json.d/90-late.json
    gives 9 "/restart/limit is also set in $etc/web.json.d/90-late.json:1" xctl set web restart.limit=5
    rm $etc/web.json.d/90-late.json
    busctl_call Set sasa\{sv\} web 1 restart.limit=9 0 >/dev/null
    equal 'over D-Bus' 9 "$(jq .restart.limit $etc/web.json.d/50-set.json)"
    varlink_call Set '{"name": "web", "settings": ["restart.limit=8"]}' >/dev/null
    equal 'over varlink' 8 "$(jq .restart.limit $etc/web.json.d/50-set.json)"
    gives 9 'does not run' xctl set web --runtime restart.limit=5
    equal 'what does not run has nothing to wait for' '' "$(xctl set web config.hostname=now 2>&1)"
    xctl set web config=
}

# Without controllers, what every cgroup has; tests/vm/live_limits.sh does the same with all of them.
depth='/config/linux/resources/unified/cgroup.max.depth'
depth_of() { cat "$(cgroup_of web)/cgroup.max.depth"; }

test_live() {
    xctl start web
    check 'a limit of a container that runs' xctl set web "$depth=\"77\""
    equal 'is in force' 77 "$(depth_of)"
    equal 'so that nothing differs' '' "$(xctl diff web)"
    check 'annotations' xctl set web /config/annotations/org.example.colour=red
    equal 'are in the state' red "$(xctl state web --json | jq -r '.annotations["org.example.colour"]')"
    kill_daemon
    equal 'a new daemon agrees' 'red ' "$(xctl state web --json | jq -r '.annotations["org.example.colour"]') $(xctl diff web)"
    gives 1 'cgroup.max.depth: write' xctl set web "$depth=\"nonsense\""
    equal 'a refused limit is not kept' '"77"' "$(jq '.config.linux.resources.unified["cgroup.max.depth"]' $etc/web.json.d/50-set.json)"
    equal 'and the old one is in force' 77 "$(depth_of)"
    gives 7 '/linux/resources/pids/limit: the requested cgroup controller `pids` is not available' xctl set web config.linux.resources.pids.limit=5
    check 'a limit is taken back' xctl set web "$depth="
    equal 'as in a new cgroup' 32 "$(depth_of)"
    xctl set web "$depth=\"66\""
    gives 7 'config.hostname=x: counts at the next start only' xctl set --runtime web config.hostname=x
    check 'for this run only' xctl set --runtime web "$depth=\"55\"" restart.policy=always
    equal 'in force' '55 always' "$(depth_of) $(field web restartPolicy)"
    kill_daemon
    equal 'survives the daemon' '55 always' "$(depth_of) $(field web restartPolicy)"
    xctl restart web
    equal 'and a restart' '55 always' "$(depth_of) $(field web restartPolicy)"
    xctl stop web
    equal 'and goes with the run' no "$(field web restartPolicy)"
    check 'its file too' [ ! -e $run/web.json.d ]
    xctl set web stop.timeoutUSec=1h
    xctl start web
    equal 'what lasts is in force from the start' 66 "$(depth_of)"
    check 'the timeout of a stop' xctl set web stop.timeoutUSec=100ms
    kill -STOP "$(field web pid)"
    check 'counts at once' timeout $patience xctl stop web
    xctl start web
    equal 'a setting of the next start says so' 'xctl: config.hostname counts at the next start of web' \
        "$(xctl set web config.hostname=later restart.limit=7 2>&1)"
    xctl restart web
    equal 'is there then' later "$(nsenter --target "$(field web pid)" --uts hostname)"
    xctl stop web
}

test_unit() {
    systemctl start oci@web
    check 'a limit in a unit' xctl set web "$depth=\"44\""
    equal 'is in force' 44 "$(depth_of)"
    systemctl stop oci@web
}

for test in ${*:-layers broken removed verify explain diff edit set live unit}; do
    note "=== $test"
    "test_$test"
done
