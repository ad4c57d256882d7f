#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A container whose processes have command lines of 130 kB each: the list of them has a bound on both transports, counts
# what it leaves out, and keeps nobody else waiting.
. "$(dirname "$0")/lib.sh"

daemon() { systemctl show --property=MainPID --value xctld; }
peak() { awk '/^VmHWM/ { print $2 }' "/proc/$(daemon)/status"; }
processes=4500

# They share one argument copy on write, so that all of them cost the container little.
cat >"$work/many.c" <<'C'
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int count, char** args) {
    if (count == 3) {
        for (int left = atoi(args[1]) - 1; left > 0; --left)
            if (fork() == 0) break;
        pause();
    }
    static char argument[130000];
    memset(argument, '\033', sizeof argument - 1);
    execv("/proc/self/exe", (char*[]){"many", args[1], argument, NULL});
}
C
gcc -static -o "$work/many" "$work/many.c"
bundle "$work/many.d" ".process.args = [\"/bin/many\", \"$processes\"]"
cp "$work/many" "$work/many.d/rootfs/bin/"
xctl create many "$work/many.d"
check 'started' xctl start many
running() { [ "$(cat /sys/fs/cgroup/xctl.slice/xctl-many.scope/payload/cgroup.procs | wc -l)" = $processes ]; }
until_true running || fail "the processes are not there"
pid=$(daemon) before=$(peak)

timeout $patience xctl ps many >"$work/ps" || fail "ps does not answer: $?"
listed=$(($(wc -l <"$work/ps") - 2))
contains 'and says how many it leaves out' "$(tail -n 1 "$work/ps")" '^\.\.\. and [0-9]+ more processes$'
more=$(tail -n 1 "$work/ps" | tr -dc 0-9)
equal 'all are counted' $processes $((listed + more))
equal 'a command line is cut' 4096 "$(timeout $patience xctl ps many --json 2>"$work/err" | jq '[.[1:][].command | utf8bytelength] | max')"
contains 'as JSON the rest is told beside the list' "$(cat "$work/err")" "^xctl: \.\.\. and $more more processes\$"

timeout $patience busctl --timeout=$patience call org.xctl1 /org/xctl1 org.xctl1.Manager Ps s many >"$work/bus" ||
    fail "D-Bus does not answer: $?"
equal 'D-Bus counts the same' "$more" "$(awk '{ print $NF }' "$work/bus")"

timeout $patience xctl ps many >/dev/null &
sleep 0.1
check 'another caller is served meanwhile' timeout $patience xctl list
wait
equal 'the daemon is the same' "$pid" "$(daemon)"
after=$(peak)
[ $((after - before)) -lt 150000 ] || fail "the daemon's memory grew from $before to $after kB"
note "the daemon's memory grew from $before to $after kB at most"
check 'removed' xctl delete --force many
