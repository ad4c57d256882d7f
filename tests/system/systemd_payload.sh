#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A full Debian with systemd as its init on a terminal: boots to a login prompt on the console, lets someone log in,
# and `xctl stop` shuts it down cleanly.
. "$(dirname "$0")/lib.sh"

debian_bundle "$work/deb"

check "created" xctl create deb "$work/deb"
check "started" xctl start deb
check "boots to a login prompt on its console" until_true sh -c 'xctl logs deb | grep -q "debian-inside login:"'
contains "its services are in the scope's cgroup" "$(systemd-cgls --no-pager /xctl.slice)" 'systemd-journald'

login() {
    python3 - <<'PY'
import pexpect, sys
child = pexpect.spawn("xctl", ["attach", "deb"], timeout=60, encoding="utf-8")
child.expect("login: ")
child.sendline("root")
child.expect("assword: ")
child.sendline("secret")
child.expect("[#$] ")
child.sendline("systemctl is-system-running --wait; systemctl --failed --no-legend | wc -l; echo I am $(hostname)")
child.expect("I am debian-inside")
child.send("\x10\x11")  # the detach keys
child.expect(pexpect.EOF)
child.close()
sys.exit(child.exitstatus)
PY
}
check "someone logs in over xctl attach and detaches" login
equal "it still runs" running "$(field deb state)"
check "stopped" xctl stop deb --timeout=60s
equal "it ended by itself" exited "$(field deb exitReason)"
contains "it shut down cleanly" "$(xctl logs deb | tail -n 30)" 'Reached target.*(halt|poweroff|exit)\.target|Exiting container'
check "the scope is gone" until_true sh -c '! systemctl is-active -q xctl-deb.scope'
