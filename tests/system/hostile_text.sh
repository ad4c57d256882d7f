#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Text and files that mean no good: names and output of containers that are no UTF-8 or control a terminal, an answer of
# a foreign server, documents that are FIFOs, devices or links to themselves, empty values, names for polkit.
. "$(dirname "$0")/lib.sh"

manager="org.xctl1 /org/xctl1 org.xctl1.Manager"
bus() { timeout $patience busctl --timeout=$patience call $manager "$@"; }

# shown WHAT TEXT: it is UTF-8 and has nothing that a terminal obeys.
shown() {
    printf '%s' "$2" | python3 -c '
import sys, unicodedata
text = sys.stdin.buffer.read().decode()
bad = [hex(ord(c)) for c in text if c != "\n" and (unicodedata.category(c) in ("Cc", "Zl", "Zp")
       or c in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")]
sys.exit(", ".join(bad) or 0)' || fail "$1: $(printf '%s' "$2" | od -c | head -n 20)"
    note "$1: safe on a terminal"
}

test_processes() {
    # No UTF-8, CSI as one character of C1, a bidirectional override, and U+FFFE, which libsystemd takes for invalid.
    script_bundle "$work/p" '
        sh -c "sleep 1000; :" "$(printf "latin-caf\351")" &
        sh -c "sleep 1000; :" "$(printf "csi-\302\2332J-\033[2J-rtl-\342\200\256end")" &
        sh -c "sleep 1000; :" "$(printf "none-\357\277\276-end")" &
        wait'
    xctl create p "$work/p"
    check 'processes with strange arguments' xctl start p
    # Each of the three has executed its program: the script's own command line has no such end.
    until_true eval '[ "$(xctl ps p | grep -Ec "1000; : [^ ]*(caf.|end)$")" = 3 ]' ||
        fail "xctl ps shows other processes: $(xctl ps p)"
    local table json
    table=$(xctl ps p)
    shown 'ps' "$table"
    contains 'what is no UTF-8 is replaced' "$table" 'latin-caf�$'
    contains 'and what a terminal obeys' "$table" 'csi-\?2J-\?\[2J-rtl-\?end$'
    contains 'and a noncharacter' "$table" 'none-�-end$'
    json=$(xctl ps p --json)
    shown 'ps --json' "$json"
    contains 'JSON has the characters' "$(jq -r '.[].command' <<<"$json" | od -An -c | tr -d ' \n')" 'csi-3022332J-033\[2J-rtl-342200256end'
    contains 'D-Bus answers' "$(bus Ps s p)" 'latin-caf'
    xctl delete --force p
}

test_last_lines() {
    script_bundle "$work/w" 'printf "caf\351 \302\23331mred \357\277\277\n\ttabbed\n"; exit 3'
    xctl create w "$work/w"
    check 'a program that prints Latin-1 and fails' xctl start w
    xctl wait w || true
    local why
    why=$(xctl why w)
    shown 'why' "$why"
    contains 'its last lines are there' "$why" '^    caf� \?31mred �$'
    contains 'a tab is a blank' "$why" '^     tabbed$'
    contains 'over D-Bus, too' "$(bus Why s w)" 'caf'
    contains 'and in the history' "$(bus History s w)" 'caf'
    systemctl restart xctld
    contains 'the next daemon knows them' "$(xctl why w)" 'caf�'
    xctl delete w
}

test_interfaces() {
    script_bundle "$work/n" 'sleep 1000'
    xctl create n "$work/n"
    xctl start n
    local pid i
    pid=$(field n pid)
    nsenter --net --target "$pid" ip link add "$(printf 'v\377\302\233\033[31m')" type veth peer name "$(printf 'w\342\200\256')"
    contains 'interfaces with strange names' "$(xctl stats n)" 'Network: v�\?\?\[31m \(down\)'
    shown 'stats' "$(xctl stats n)"
    contains 'D-Bus answers' "$(bus Stats 'sa{sv}' n 0)" 'receivedBytes'
    for i in $(seq 3000); do echo "addr add 10.1.$((i / 250)).$((i % 250))/32 dev lo"; done >"$work/batch"
    nsenter --net --target "$pid" ip -batch "$work/batch"
    equal 'all addresses are counted' "$(nsenter --net --target "$pid" ip -json addr show lo | jq '.[0].addr_info | length')" \
        "$(xctl stats n --json | jq '.interfaces[] | select(.name == "lo") | (.addresses | length) + .addressesLeftOut')"
    equal 'and 64 of an interface are listed' 64 "$(xctl stats n --json | jq '[.interfaces[].addresses | length] | max')"
    xctl delete --force n
}

test_foreign_server() {
    printf '#!/bin/sh\nread -r call\nprintf "{\\"error\\": \\"org.xctl.Containers.NotFound\\", \\"parameters\\": {\\"message\\": \\"no \\302\\2332J\\\\u009b3J \\342\\200\\256\\"}}\\0"\nsleep 1\n' >"$work/ssh"
    sed -i 's/^read -r call/head -c 1 >\/dev\/null/' "$work/ssh"
    chmod +x "$work/ssh"
    equal 'an error from a foreign server' 3 "$(XCTL_SSH=$work/ssh status_of xctl -H far why web)"
    shown 'its text' "$(cat "$work/err")"
    contains 'it is told' "$(cat "$work/err")" '^xctl: no \?2J\?3J \?$'
}

test_no_documents() {
    local etc=/etc/xctl/containers
    script_bundle "$work/web" 'sleep 1000'
    xctl create web "$work/web"
    xctl start web
    mkfifo "$etc/fifo.json"
    equal 'a definition that is a FIFO' 6 "$(status_of timeout $patience xctl start fifo)"
    contains 'is named' "$(cat "$work/err")" 'containers/fifo.json: is not a regular file'
    ln -s /dev/zero "$etc/zero.json"
    equal 'one that is a device' 6 "$(status_of timeout $patience xctl start zero)"
    ln -s self.json "$etc/self.json"
    equal 'one that is a link to itself' 1 "$(status_of timeout $patience xctl start self)"
    contains 'is said to be one' "$(cat "$work/err")" 'containers/self.json: Too many levels of symbolic links'
    mkdir "$etc/web.json.d"
    mkfifo "$etc/web.json.d/10-fifo.json"
    equal 'a drop-in that is a FIFO' 6 "$(status_of timeout $patience xctl cat web)"
    contains 'is named as well' "$(cat "$work/err")" '10-fifo.json: is not a regular file'
    equal 'the container is seen' running "$(timeout $patience xctl list --json | jq -r '.[] | select(.name == "web") | .state')"
    check 'systemd does not wait for the generator' timeout $patience systemctl daemon-reload
    check 'nor xctld for a restart' timeout $patience systemctl restart xctld
    equal 'the next daemon answers' 'fifo bad-setting, self bad-setting, web running, zero bad-setting' \
        "$(timeout $patience xctl list --json | jq -r '[sort_by(.name)[] | .name + " " + .state] | join(", ")')"
    rm -r "$etc"/{fifo,zero,self}.json "$etc/web.json.d"
    mkdir -p /var/lib/xctl/wanted
    xctl set web restart.policy=unless-stopped
    rm -f /var/lib/xctl/wanted/web
    mkfifo /var/lib/xctl/wanted/web
    check 'a mark of what was wanted that is a FIFO' timeout $patience xctl stop -t 0 web
    xctl delete web

    mkdir -p "$work/x/rootfs"
    mkfifo "$work/x/config.json"
    cd "$work/x"
    equal 'xrun: config.json is a FIFO' 1 "$(status_of timeout -k 1 $patience xrun run x)"
    contains 'it is said' "$(cat "$work/err")" 'config.json: is not a regular file'
    cd /
}

test_empty_values() {
    equal 'an empty host' 2 "$(status_of xctl -H '' list)"
    contains 'is said' "$(cat "$work/err")" 'the value of --host is empty'
    equal 'an empty variable' 2 "$(XCTL_HOST='' status_of xctl list)"
    contains 'is named' "$(cat "$work/err")" 'the variable XCTL_HOST is empty'
    equal 'the socket likewise' 2 "$(XCTL_SOCKET='' status_of xctl list)"
    equal 'the program likewise' 2 "$(XCTL_SSH='' status_of xctl -H far list)"
    equal 'an empty exec' 125 "$(status_of xctl attach --exec '' web)"
    contains 'is not the container itself' "$(cat "$work/err")" 'the value of --exec is empty'
}

test_arguments() {
    script_bundle "$work/web" 'sleep 1000'
    xctl create web "$work/web"
    # shellcheck disable=SC2046
    equal 'ten thousand settings at once' 2 "$(status_of timeout $patience xctl set web $(seq -f 'config.annotations.a%.0f=x' 10000))"
    contains 'are too many' "$(cat "$work/err")" '10000 settings are too many for one call, which takes 512'
    # shellcheck disable=SC2046
    check '512 are not' timeout $patience xctl set web $(seq -f 'config.annotations.a%.0f=x' 512)
    equal 'they count' '"x"' "$(xctl cat web --json | jq -r '.[] | select(.key == "/config/annotations/a512") | .value')"

    equal 'a name that is no name does not reach polkit' 2 \
        "$(status_of setpriv --reuid=65534 --clear-groups xctl --no-ask-password state 'a/b')"
    contains 'it is refused by its rule' "$(cat "$work/err")" 'container name "a/b": only letters'

    equal 'a parameter that is given twice' 'org.varlink.service.InvalidParameter name' "$(python3 - <<'PY'
import json, socket
s = socket.socket(socket.AF_UNIX)
s.connect("/run/xctl/org.xctl.Containers")
s.sendall(b'{"method": "org.xctl.Containers.Describe", "parameters": {"name": "web", "name": "other"}}\0')
answer = json.loads(s.recv(65536)[:-1])
print(answer.get("error"), answer["parameters"].get("parameter"))
PY
    )"

    local id
    id=$(printf 'a%.0s' $(seq 2000))
    equal 'xrun: an id of 2000 bytes' 1 "$(status_of xrun state "$id")"
    contains 'is not repeated whole' "$(cat "$work/err")" 'longer than 1024 bytes: a{125}\.\.\."'
    equal 'xctl: a word of 2000 bytes' 2 "$(status_of xctl "$id")"
    contains 'neither' "$(cat "$work/err")" 'a{509}"\.\.\. \(2000 bytes\)'
    xctl delete web
}

for topic in ${*:-processes last_lines interfaces foreign_server no_documents empty_values arguments}; do
    echo "== $topic"
    "test_$topic"
done
