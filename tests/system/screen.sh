#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The user's terminal, seen by tmux: what is replayed asks it nothing, what a program has set is undone, a screen is
# drawn again for a client that joins, and what is typed while xctld is away does not reach the shell.
. "$(dirname "$0")/lib.sh"

export TERM=xterm LANG=C.UTF-8
export own="$work/own"
mkdir "$own"
mounts='.process.terminal = true | .mounts += [{destination: "/own", source: env.own, type: "bind", options: ["bind"]}]'
shows() { tmux capture-pane -p -t "$1" | grep -q -- "$2"; }
until_shown() { until_true shows "$1" "$2" || fail "$2: $(tmux capture-pane -p -t "$1")"; note "shows: $2"; }
window() { # NAME: a shell in a terminal
    tmux new-session -d -s "$1" -x 90 -y 25 "PS1='host> ' sh -i"
    until_shown "$1" 'host>'
}
type_line() { tmux send-keys -t "$1" "$2" Enter; }
leave() { tmux send-keys -t "$1" C-p C-q; until_shown "$1" 'detached'; }
tmux -f /dev/null new-session -d -s keep -x 90 -y 25 'sleep 1000'
tmux set-option -g status off

# --- queries: tmux answers those that it sees, as if somebody typed
script_bundle "$work/asks" 'stty -echo; printf "\033[6n\033[c\033[>c\033[>q\033]11;?\007asked"
    while read -r l; do echo "$l" | cat -v >>/own/answers; done' "$mounts"
xctl create asks "$work/asks"; xctl start asks
until_true sh -c 'xctl logs asks | grep -q asked' || fail 'it has asked'
window asking
type_line asking 'xctl attach asks'
until_shown asking 'asked'
contains 'it is said how to leave' "$(tmux capture-pane -p -t asking)" 'Ctrl-P Ctrl-Q leaves'
type_line asking 'typed'
until_true grep -q typed "$own/answers" || fail 'what is typed arrives'
equal 'and nothing else' typed "$(cat "$own/answers")"
leave asking
type_line asking 'clear; xctl logs asks'
until_shown asking 'asked'
type_line asking ' echo $((40 + 2))'
until_shown asking '^42$'
equal 'logs asks for nothing either' 0 "$(tmux capture-pane -p -t asking | grep -c '[0-9]R\|;[0-9]*c')"

# --- a program that asks while somebody is attached is answered
script_bundle "$work/live" 'stty raw -echo; read -r l; printf "\033[6n"; dd bs=1 count=4 of=/own/live; sleep 1000' "$mounts"
xctl create live "$work/live"; xctl start live
window living
type_line living 'xctl attach live'
until_shown living 'leaves'
tmux send-keys -t living C-j
check 'a live query is answered' until_true grep -q '\[[0-9]' "$own/live"
leave living

stop_xctld() { systemctl stop xctld.socket xctld-launch.socket xctld; }
start_xctld() { systemctl start xctld.socket xctld-launch.socket xctld; }

# --- a screen as a full-screen program sets it
script_bundle "$work/full" '
    draw() { printf "\033[H\033[2Jdrawn for %s" "$(stty size)"; }
    trap draw WINCH; printf "\033[?1049h\033[?25l\033[?1h\033=\033[?1002h\033[?2004h\033[31m"; draw
    while :; do sleep 0.1; done' "$mounts"
xctl create full "$work/full"; xctl start full
window screens
flags() {
    tmux display-message -p -t screens \
        '#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{keypad_cursor_flag} #{keypad_flag}'
}
type_line screens 'echo before; xctl attach full'
until_shown screens 'drawn for 25 90'
equal 'the program has the screen' '1 0 1 1 1' "$(flags)"
leave screens
equal 'and the user has it back' '0 1 0 0 0' "$(flags)"
check 'with what it showed' shows screens '^before$'
type_line screens 'clear; xctl attach -n 0 full'
until_shown screens 'drawn for 25 90'
stop_xctld
until_shown screens 'xctld does not answer'
start_xctld
has_no_note() { ! shows screens 'does not answer'; }
check 'a note on it goes when xctld is back' until_true has_no_note
until_shown screens 'drawn for 25 90'
leave screens

# --- a note comes where it is seen
script_bundle "$work/long" 'seq 1 200; sleep 1000' "$mounts"
xctl create long "$work/long"; xctl start long
window first; type_line first 'xctl attach long'; until_shown first '^200'
window second; type_line second 'xctl attach long'
until_shown second 'another client has the input'
check 'after what is kept' shows second '^200'
leave second

# --- what is typed while xctld is away
script_bundle "$work/away" 'while read -r l; do echo "said $l"; done' "$mounts"
xctl create away "$work/away"; xctl start away
window absent
type_line absent 'xctl attach away'
type_line absent 'one'
until_shown absent 'said one'
stop_xctld
type_line absent 'two'
until_shown absent 'xctld does not answer; waiting. Ctrl-P Ctrl-Q leaves.'
start_xctld
until_shown absent 'said two'
stop_xctld
type_line absent "touch $work/by-the-shell"
tmux send-keys -t absent C-p C-q
until_shown absent 'detached'
type_line absent 'echo $((40 + 2))'
until_shown absent '^42$'
check 'the shell has not got it' test ! -e "$work/by-the-shell"
start_xctld

# --- a program that is left can be found again
script_bundle "$work/box" 'sleep 1000' "$mounts"
xctl create box "$work/box"; xctl start box
window leaving
type_line leaving "xctl exec -t box -- sh -c 'echo up; read -r l; echo again \$l'"
until_shown leaving '^up'
leave leaving
command=$(tmux capture-pane -p -J -t leaving | grep -o 'xctl attach box --exec=[0-9a-f]*')
type_line leaving "clear; $command"
until_shown leaving '^up'
type_line leaving 'hello'
until_shown leaving 'again hello'
tmux kill-server
for name in asks live full long away box; do xctl delete --force "$name"; done
