#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What `runc spec` and `crun spec` write, unchanged: a shell on a terminal, driven as a person would.
. "$(dirname "$0")/lib.sh"

drive() { # NAME: types into the shell of `xctl run` on a real terminal
    python3 - "$1" "$work/$1" <<'PY'
import pexpect, sys
name, bundle = sys.argv[1:]
child = pexpect.spawn("xctl", ["run", name, bundle], timeout=60, dimensions=(33, 99), encoding="utf-8")
child.expect("[#$] ")
child.sendline("tty; stty size; echo $((6 * 7))")
child.expect("/dev/pts/0")
child.expect("33 99")
child.expect("42")
child.setwinsize(40, 120)
child.expect("[#$] ")
child.sendline("until stty size | grep -q '^40 '; do sleep 0.1; done; stty size")
child.expect("40 120")
child.expect("[#$] ")
child.sendline("exit 11")
child.expect(pexpect.EOF)
child.close()
sys.exit(0 if child.exitstatus == 11 else f"exit status {child.exitstatus}, signal {child.signalstatus}")
PY
}

for runtime in runc crun; do
    mkdir -p "$work/$runtime"
    busybox_root "$work/$runtime/rootfs"
    (cd "$work/$runtime" && "$runtime" spec)
    cp "$work/$runtime/config.json" "$work/$runtime.json"
    check "$runtime spec: a shell on a terminal, its size, its exit status" drive "$runtime"
    equal "$runtime spec: the document is unchanged" "" "$(diff "$work/$runtime.json" "$work/$runtime/config.json")"
    equal "$runtime spec: exit status remembered" 11 "$(field "$runtime" exitStatus)"
done
