#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Images that attack whoever makes a container of them: deep directories, an /etc/passwd and a program that lead to the
# host, nodes that change their type.
. "$(dirname "$0")/lib.sh"

run_xrun() { (cd "$1" && timeout -k 1 $patience xrun "${@:2}" </dev/null 2>&1) || true; }

# Starts a definition of the bundle in xctl and prints what the container printed.
run_xctl() { # NAME BUNDLE
    xctl create "$1" "$2" >/dev/null
    timeout -k 1 $patience xctl start "$1" 2>&1 || true
    timeout $patience xctl wait "$1" >/dev/null 2>&1 || true
    xctl logs "$1" 2>/dev/null || true
    xctl delete -f "$1"
}

# --- directories below a tmpcopyup mount, more than a stack has room for
copied='.root.readonly = false | .mounts += [{destination: "/d", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}]'
script_bundle "$work/deep" 'n=0; cd /d; while [ -d d ]; do cd d; n=$((n+1)); done; echo "depth $n"; cat file; stat -c %a:%u .' "$copied"
deepen() { # DEPTH
    rm -rf "$work/deep/rootfs/d"
    mkdir -p "$work/deep/rootfs/d"
    (cd "$work/deep/rootfs/d" && for _ in $(seq 1 "$1"); do mkdir d; cd d; done; echo here >file; chmod 750 .; chown 7 .)
}
for depth in 40 70 255; do
    deepen $depth
    equal "xrun copies $depth directories" "depth $depth here 750:7" "$(run_xrun "$work/deep" run "d$depth" | xargs)"
    equal "xctl copies $depth directories" "depth $depth here 750:7" "$(run_xctl "d$depth" "$work/deep" | xargs)"
done
deepen 256
too_deep='mount.* /d \(tmpfs\): file name too long \(tmpcopyup copies directories that are nested up to 256 deep\)'
contains 'xrun says how many are too many' "$(run_xrun "$work/deep" run d256 | tr '[:upper:]' '[:lower:]')" "$too_deep"
contains 'and xctl' "$(run_xctl d256 "$work/deep" | tr '[:upper:]' '[:lower:]')" "$too_deep"

# --- a file that is a FIFO when it is opened holds nobody up; the same two are looked at in a hundred places
mkdir "$work/swapped"
export swapped="$work/swapped"
script_bundle "$work/race" 'echo done' '.root.readonly = false | .mounts += [range(100) | "/d\(.)" |
    {destination: ., source: env.swapped, type: "bind", options: ["bind"]},
    {destination: ., source: "tmpfs", type: "tmpfs", options: ["tmpcopyup"]}]'
cat >"$work/swap.py" <<'PY'
import ctypes, os, sys
os.chdir(sys.argv[1])
with open("file", "w"):
    pass
os.mkfifo("fifo")
exchange = ctypes.CDLL(None).renameat2
assert exchange(-100, b"file", -100, b"fifo", 2) == 0, "RENAME_EXCHANGE"
print("ready", flush=True)
while True:
    exchange(-100, b"file", -100, b"fifo", 2)
PY
python3 "$work/swap.py" "$swapped" >"$work/swapping" &
swapper=$!
until_true grep -q ready "$work/swapping" || fail 'the files are not swapped'
for n in $(seq 1 10); do
    out=$(run_xrun "$work/race" run "r$n")
    [ "$out" = done ] || fail "run $n while a file and a FIFO change places: '$out'"
done
kill "$swapper"
note 'a file and a FIFO may change places while they are copied'

# --- /etc/passwd leads to the host's files
mkdir -m 700 "$work/secret"
echo 'top:secret:0:0:x:HOST-SECRET:sh' >"$work/secret/file"
mkfifo "$work/secret/fifo"
script_bundle "$work/home" 'echo "HOME=$HOME"' '.process.env = ["PATH=/bin"] | .root.readonly = false'
passwd=$work/home/rootfs/etc/passwd
for n in $(seq 3 20); do
    ln -sfn "/proc/self/fd/$n/1/root$work/secret/file" "$passwd"
    out=$(run_xrun "$work/home" run "h$n")
    [ "$out" = HOME=/root ] || fail "xrun follows descriptor $n to the host's file: $out"
done
note "xrun does not follow a descriptor to the host's file"
for n in $(seq 7 12); do
    ln -sfn "/proc/self/fd/$n/1/root$work/secret/file" "$passwd"
    out=$(run_xctl "h$n" "$work/home")
    [ "$out" = HOME=/root ] || fail "xctl follows descriptor $n to the host's file: $out"
done
note "nor does xctl"
# A reader would be seen: this open waits for one.
(echo opened >"$work/secret/fifo"; echo opened >"$work/was-opened") &
writer=$!
for n in $(seq 3 20); do
    ln -sfn "/proc/self/fd/$n/1/root$work/secret/fifo" "$passwd"
    run_xrun "$work/home" run "f$n" >/dev/null
done
[ ! -e "$work/was-opened" ] || fail "the host's FIFO was opened"
kill "$writer"
note "nor is a FIFO of the host opened"

# --- nor is it read for ever
for target in /dev/zero /dev/urandom; do
    ln -sfn $target "$passwd"
    equal "xrun: /etc/passwd is $target" HOME=/root "$(run_xrun "$work/home" run zero)"
    equal "xctl: /etc/passwd is $target" HOME=/root "$(run_xctl zero "$work/home")"
done
rm "$passwd"
truncate -s 4T "$passwd"
equal 'xrun: /etc/passwd has 4 TB' HOME=/root "$(run_xrun "$work/home" run sparse)"
equal 'xctl: /etc/passwd has 4 TB' HOME=/root "$(run_xctl sparse "$work/home")"
rm "$passwd"
mkdir "$work/home/rootfs/real"
echo 'root:x:0:0:root:/inside:/bin/sh' >"$work/home/rootfs/real/passwd"
ln -s /real/passwd "$passwd"
equal 'a link inside is followed' HOME=/inside "$(run_xrun "$work/home" run inside)"

# --- the program leads to the host's, through descriptors that are said to be there
mkdir "$work/host"
cp /bin/busybox "$work/host/busybox"
bundle "$work/program" '.process.args = ["/bin/echo", "RAN"] | .process.env = ["HOME=/"] | .root.readonly = false'
program=$work/program/rootfs/bin/echo
attack() { # COMMAND...: with the container's name as the last word
    local n out
    for n in $(seq 3 16); do
        # Through a directory of the host, and through its /proc.
        for path in "../../../../../..$work/host/busybox" "1/root$work/host/busybox"; do
            ln -sfn "/proc/self/fd/$n/$path" "$program"
            out=$("$@" "a$n" </dev/null 2>&1) || true
            case $out in *RAN*) fail "$*: executed the host's program through descriptor $n: $out" ;; esac
        done
    done
    answer=$out
}
in_bundle() { (cd "$work/program" && timeout -k 1 $patience "$@"); }
attack in_bundle xrun run
note 'xrun without descriptors'
attack in_bundle xrun run --preserve-fds 20
contains 'a descriptor that is not there is named' "$answer" 'cannot preserve descriptor 3 of 20 from 3 on: the caller did not pass it'
attack in_bundle env LISTEN_FDS=20 xrun run
note 'LISTEN_FDS that names no process is ignored'
attack in_bundle sh -c 'LISTEN_PID=$$ LISTEN_FDS=20 exec "$@"' sh xrun run
contains 'LISTEN_FDS that names us must be true' "$answer" 'cannot preserve descriptor 3 of 20'
ln -sfn busybox "$program"
equal 'a number is left out' 'cannot preserve descriptor 4' \
    "$(in_bundle xrun run --preserve-fds 3 hole 3</dev/null 5</dev/null </dev/null 2>&1 | grep -o 'cannot preserve descriptor .')"
equal 'all are there' RAN "$(in_bundle xrun run --preserve-fds 3 whole 3</dev/null 4</dev/null 5</dev/null </dev/null 2>&1)"

script_bundle "$work/kept" 'sleep 1000' '.root.readonly = false'
(cd "$work/kept" && xrun run -d kept </dev/null >/dev/null 2>&1)
program=$work/kept/rootfs/bin/echo
attack_exec() { timeout -k 1 $patience "${@:1:$#-1}" kept /bin/echo RAN; }
attack attack_exec xrun exec --preserve-fds 20
contains 'exec names it, too' "$answer" 'cannot preserve descriptor 3 of 20'
attack attack_exec env LISTEN_FDS=20 xrun exec
note 'exec ignores LISTEN_FDS that names no process'
xrun delete -f kept

# --- nor does the terminal come from the host
script_bundle "$work/tty" 'sleep 1000' '.root.readonly = false | .mounts |= map(select(.destination | startswith("/dev") | not))'
(cd "$work/tty" && xrun run -d tty </dev/null >/dev/null 2>&1)
rm -rf "$work/tty/rootfs/dev/pts"
for n in $(seq 3 20); do
    ln -sfn "/proc/self/fd/$n/1/root/dev/pts" "$work/tty/rootfs/dev/pts"
    out=$(timeout -k 1 $patience script -qec 'xrun exec -t tty /bin/echo RAN' /dev/null </dev/null 2>&1) || true
    case $out in *RAN*) fail "exec: the terminal is of the host, through descriptor $n" ;; esac
done
contains 'exec does not look for a terminal on the host' "$out" 'console'
xrun delete -f tty

mkdir -p /run/systemd/system/oci@unit.service.d
printf '[Service]\nEnvironment=LISTEN_FDS=20\nRestart=no\nStartLimitBurst=1000\n' >/run/systemd/system/oci@unit.service.d/fds.conf
systemctl daemon-reload
xctl create unit "$work/program" >/dev/null
program=$work/program/rootfs/bin/echo
start_unit() {
    timeout -k 1 $patience systemctl restart oci@unit || true
    systemctl reset-failed oci@unit 2>/dev/null || true
    xctl logs -n 1 unit
}
attack start_unit
note 'neither does a unit'
ln -sfn busybox "$program"
contains 'which starts' "$(start_unit)" RAN
xctl delete -f unit
