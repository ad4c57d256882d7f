#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# xctl verify finds what starts and boots refuse: orders that cannot be, two ways to start at boot, members of config.json
# that nobody knows, files that others may write to, links that lead nowhere; for one container, for all, and for a file
# that is no definition yet.
. /src/tests/system/lib.sh

etc=/etc/xctl/containers
mkdir -p $etc
script_bundle "$work/web" 'sleep 1000'
define() { jq -n --arg bundle "$work/web" --argjson more "${2:-{\}}" '{$bundle} + $more' >"$etc/$1.json"; }
drop() { # NAME...
    local name
    for name in "$@"; do
        rm -f "$etc/$name.json"
        xctl delete "$name" 2>/dev/null || true
    done
}
# finds STATUS PATTERN WORDS...: what verify says.
finds() {
    local status=$1 pattern=$2
    shift 2
    equal "verify $*: status $status" "$status" "$(status_of xctl verify "$@")"
    contains "verify $*: what it says" "$(cat "$work/out" "$work/err")" "$pattern"
}
says_not() { if grep -Eq -- "$2" "$work/out"; then fail "$1: $(cat "$work/out")"; fi; note "$1"; }

test_order() {
    define needy '{"requires": ["nobody"]}'
    finds 1 '^error: needy requires "nobody": no such container$' needy
    [ "$(status_of xctl start needy)" != 0 ] || fail 'it starts all the same'
    define first '{"after": ["third"], "autostart": true}'
    define second '{"after": ["first"], "autostart": true}'
    define third '{"after": ["second"], "autostart": true}'
    finds 1 '^error: a circle of containers that come after each other: ' second
    define third '{"after": ["nobody"], "autostart": true}'
    equal 'without the circle all is well' 0 "$(status_of xctl verify second)"
    drop needy first second third
}

test_both_ways() {
    define both '{"autostart": true}'
    xctl verify both >"$work/out" || true
    says_not 'one way is good' 'at boot'
    systemctl --quiet enable oci@both.service
    finds 0 '^warning: at boot both autostart and oci@both.service \(/etc/systemd/system/multi-user.target.wants/' both
    equal 'which key it is about' /autostart "$(xctl verify both --json | jq -r '.[] | select(.message | startswith("at boot")) | .key')"
    xctl disable both
    xctl verify both >"$work/out"
    says_not 'autostart is off' 'at boot'
    contains 'enable says it where it is asked for' "$(xctl enable both 2>&1)" 'at boot both autostart and oci@both.service'
    equal 'and does it' true "$(field both autostart)"
    systemctl --quiet disable oci@both.service
    equal 'then it has nothing to say' '' "$(xctl enable both 2>&1)"
    xctl delete both
}

test_unknown_members() {
    mkdir -p "$work/typo"
    cp -a "$work/web/rootfs" "$work/typo/rootfs"
    jq '.process.argz = ["x"] | .mounts[0].optoins = [] | .linux.resources.memroy = {} | .annotations["any.thing"] = "x"' \
        "$work/web/config.json" >"$work/typo/config.json"
    jq -n --arg bundle "$work/typo" '{$bundle, config: {hostnaem: "x"}}' >$etc/typo.json
    finds 0 "^warning: $work/typo/config.json: /process/argz: is not known" typo
    equal 'all of them, and no others' '/hostnaem /linux/resources/memroy /mounts/0/optoins /process/argz' \
        "$(sed -n 's/.*config.json: \(.*\): is not known.*/\1/p' "$work/out" | sort | xargs)"
    xctl verify web >"$work/out" 2>&1 || true
    drop typo
    define web
    xctl verify web >"$work/out"
    says_not 'what runc spec writes is known' 'is not known'
}

test_files() {
    define web
    chmod 666 $etc/web.json
    finds 0 "^warning: $etc/web.json can be changed by everybody" web
    chmod 644 $etc/web.json
    chown 1000 $etc/web.json
    finds 0 "^warning: $etc/web.json can be changed by uid 1000" web
    chown 0 $etc/web.json
    mkdir -m 777 $etc/web.json.d
    echo '{}' >$etc/web.json.d/10.json
    finds 0 "^warning: $etc/web.json.d can be changed by everybody" web
    rm -r $etc/web.json.d
    xctl verify web >"$work/out"
    says_not 'as they should be' 'can be changed'
    ln -s /no/such/file $etc/dangling.json
    finds 1 "^error: .*$etc/dangling.json.*No such file" dangling
    rm $etc/dangling.json
    finds 3 'no container' dangling
}

test_all_and_one_to_be() {
    define web
    define bad '{"nonsense": 1}'
    define needy '{"requires": ["nobody"]}'
    finds 1 '^error: bad: /etc/xctl/containers/bad.json:[0-9:]+: /nonsense: is not a key' 
    contains 'each with its name' "$(cat "$work/out")" '^error: needy: needy requires "nobody"'
    drop bad needy
    xctl start web
    xctl stop --timeout=0 web
    mv $etc/web.json "$work/away.json"
    finds 1 '^error: web: the definition of "web" was removed'
    mv "$work/away.json" $etc/web.json
    equal 'all well' 0 "$(status_of xctl verify)"
    jq -n --arg bundle "$work/web" '{$bundle, requires: ["web"]}' >"$work/later.json"
    equal 'a file that is no definition yet' 0 "$(status_of xctl verify "$work/later.json")"
    (cd "$work" && xctl verify later.json) || fail 'by its name alone'
    echo '{"bundle": "/srv", "requires": ["gone"]}' >"$work/later.json"
    finds 1 '^error: .*/srv/config.json: No such file' "$work/later.json"
    printf '{\n  "bundel": "/srv" }\n' >"$work/later.json"
    finds 1 '^error: later.json:2:3: /bundel: is not a key' "$work/later.json"
    equal 'nothing is left of it' null "$(xctl list --json | jq 'map(select(.name == "later"))[0]')"
    finds 1 'read .*/no/such.json: No such file' /no/such.json
}

for test in ${*:-order both_ways unknown_members files all_and_one_to_be}; do
    note "== $test"
    "test_$test"
done
