#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# xctl attach inside tmux: what is typed and shown, the window's size and its changes, detach keys, two windows at once.
. "$(dirname "$0")/lib.sh"

export TERM=xterm LANG=C.UTF-8
script_bundle "$work/tty" 'while read -r l; do echo "said $l"; [ "$l" != size ] || stty size; [ "$l" != bye ] || exit 8; done' \
    '.process.terminal = true'
check 'created' xctl create tty "$work/tty"
check 'started' xctl start tty

shows() { tmux capture-pane -p -t "$1" | grep -q -- "$2"; }
until_shown() { until_true shows "$1" "$2" || fail "$2: $(tmux capture-pane -p -t "$1")"; note "shows: $2"; }

tmux -f /dev/null new-session -d -s one -x 90 -y 25 'xctl attach tty; echo "status $?"; exec sleep 1000'
tmux set-option -g status off
tmux resize-window -t one -x 90 -y 25
tmux send-keys -t one 'hello' Enter
until_shown one 'said hello'
tmux send-keys -t one 'size' Enter
until_shown one '^25 90'
tmux resize-window -t one -x 77 -y 20
until_true sh -c '[ "$(stty size </proc/'"$(field tty pid)"'/fd/0)" = "20 77" ]' || fail 'the new size does not arrive'
note 'the new size arrives'

tmux new-session -d -s two -x 80 -y 24 'xctl attach --steal tty; echo "status $?"; exec sleep 1000'
until_shown two 'said hello'
tmux send-keys -t two 'from two' Enter
until_shown one 'said from two'
systemctl restart xctld
tmux send-keys -t two 'later' Enter
until_shown two 'said later'
tmux send-keys -t two C-p C-q
until_shown two 'status 0'
tmux send-keys -t one 'bye' Enter
until_shown one 'said bye'
until_shown one 'status 8'
tmux kill-server
check 'deleted' xctl delete tty
