# SPDX-License-Identifier: LGPL-2.1-or-later
"""B4: device nodes, links in /dev, and which devices may be used."""
from __future__ import annotations

import os
import stat

import bundles
from harness import Context, Spec, case

ROW = "B4"
DEFAULTS = {"null": "1:3", "zero": "1:5", "full": "1:7", "random": "1:8", "urandom": "1:9", "tty": "5:0"}


@case(f"{ROW} default devices")
def defaults(t: Context) -> None:
    names = " ".join(f"/dev/{name}" for name in DEFAULTS)
    out = t.output(t.spec(f"stat -c '%F %a %u %g %t:%T' {names}"))
    t.equal(out.splitlines(), [f"character special file 666 0 0 {number}" for number in DEFAULTS.values()], "devices")


@case(f"{ROW} default devices work")
def defaults_work(t: Context) -> None:
    spec = t.spec("echo x >/dev/null && head -c 4 /dev/zero | od -An -tx1 && head -c 1 /dev/urandom | wc -c; "
                  "echo x >/dev/full")
    done = t.run(spec)
    t.equal(done.out.split(), ["00", "00", "00", "00", "1"], "what was read")
    t.match(done.err, "No space left", "what /dev/full says")


@case(f"{ROW} links in /dev")
def links(t: Context) -> None:
    out = t.output(t.spec("cd /dev; for name in fd stdin stdout stderr ptmx; do readlink $name; done"))
    lines = out.splitlines()
    t.equal(lines[:4], ["/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2"], "links")
    t.match(lines[4], r"^(/dev/)?pts/ptmx$", "ptmx")


@case(f"{ROW} no /dev/console without a terminal")
def no_console(t: Context) -> None:
    t.equal(t.output(t.spec("ls /dev | grep console; true")), "", "console")


@case(f"{ROW} devices[] of each type")
def listed(t: Context) -> None:
    spec = t.spec("stat -c '%F %a %u %g %t:%T' /dev/a /dev/b /dev/deep/fifo /opt/u")
    spec["linux"]["devices"] = [
        {"path": "/dev/a", "type": "c", "major": 1, "minor": 3, "fileMode": 0o640, "uid": 12, "gid": 34},
        {"path": "/dev/b", "type": "b", "major": 7, "minor": 1000, "fileMode": 0o600},
        {"path": "/dev/deep/fifo", "type": "p", "fileMode": 0o622, "uid": 1},
        {"path": "/opt/u", "type": "u", "major": 1, "minor": 5, "fileMode": 0o666}]
    t.equal(t.output(spec).splitlines(), ["character special file 640 12 34 1:3", "block special file 600 0 0 7:3e8",
                                          "fifo 622 1 0 0:0", "character special file 666 0 0 1:5"], "devices")


@case(f"{ROW} devices[] that are default ones keep what is listed")
def listed_default(t: Context) -> None:
    spec = t.spec("stat -c '%a %u %t:%T' /dev/zero")
    spec["linux"]["devices"] = [{"path": "/dev/zero", "type": "c", "major": 1, "minor": 5, "fileMode": 0o644, "uid": 9}]
    t.equal(t.output(spec), "644 9 1:5\n", "the device")


@case(f"{ROW} fileMode ignores the umask")
def umask_ignored(t: Context) -> None:
    spec = t.spec("stat -c %a /dev/a /dev/null")
    spec["linux"]["devices"] = [{"path": "/dev/a", "type": "c", "major": 1, "minor": 3, "fileMode": 0o666}]
    t.equal(t.output(spec, umask=0o077), "666\n666\n", "modes")


@case(f"{ROW} an unknown type of device is an error")
def unknown_type(t: Context) -> None:
    spec = t.spec()
    spec["linux"]["devices"] = [{"path": "/dev/a", "type": "x", "major": 1, "minor": 3}]
    t.refused(spec, "type|device")


@case(f"{ROW} another file where a device is to be is an error")
def in_the_way(t: Context) -> None:
    (t.rootfs / "opt").mkdir()
    (t.rootfs / "opt/a").write_text("a file")
    spec = t.spec()
    spec["linux"]["devices"] = [{"path": "/opt/a", "type": "c", "major": 1, "minor": 3}]
    t.refused(spec, "exist|/opt/a|device")


@case(f"{ROW} the same device where one is to be is left")
def there_already(t: Context) -> None:
    (t.rootfs / "opt").mkdir()
    os.mknod(t.rootfs / "opt/a", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    spec = t.spec("stat -c %t:%T /opt/a")
    spec["linux"]["devices"] = [{"path": "/opt/a", "type": "c", "major": 1, "minor": 3}]
    t.equal(t.output(spec), "1:3\n", "the device")


@case(f"{ROW} devices in a user namespace are the host's")
def in_user_namespace(t: Context) -> None:
    bundles.give_away(t.rootfs, 100000)
    spec = t.spec("stat -c '%t:%T' /dev/null /dev/full; echo x >/dev/null && echo written")
    bundles.user_namespace(spec)
    t.equal(t.output(spec), "1:3\n1:7\nwritten\n", "devices")


@case(f"{ROW} devices in a user namespace are nosuid and noexec", differs={"runc": "they have the flags of the host's /dev"})
def flags_in_user_namespace(t: Context) -> None:
    bundles.give_away(t.rootfs, 100000)
    spec = t.spec("sed -n 's,.* /dev/full \\([^ ]*\\) .*,\\1,p' /proc/self/mountinfo")
    bundles.user_namespace(spec)
    t.match(t.output(spec), "nosuid,(nodev,)?noexec", "flags of the mount")


def with_rules(t: Context, script: str, *rules: Spec) -> Spec:
    """A container that may make nodes and has rules for what it may do with them. Its device is 1:11, which exists
    everywhere and is in no default list."""
    spec = t.spec(script)
    bundles.capabilities(spec, "MKNOD", "SYSLOG")
    spec["linux"]["resources"] = {"devices": list(rules)}
    return spec


DENY_ALL = {"allow": False, "access": "rwm"}
TRY = "mknod /dev/a c 1 11 && echo made; : </dev/a && echo read; : >/dev/a && echo written; :"


def may(t: Context, *rules: Spec) -> list[str]:
    # A redirection that fails would end the shell, were it not in one of its own.
    script = TRY.replace(": <", "sh -c ': <").replace(": >", "sh -c ': >").replace("/dev/a &&", "/dev/a' &&")
    return t.run(with_rules(t, script, *rules)).out.split()


@case(f"{ROW} resources.devices: what is not allowed is denied")
def denied(t: Context) -> None:
    t.equal([word for word in may(t, DENY_ALL) if word != "made"], [], "what may be done")


@case(f"{ROW} resources.devices: allowed again, in listed order")
def allowed(t: Context) -> None:
    for access, expected in (("rwm", ["made", "read", "written"]), ("rm", ["made", "read"]), ("wm", ["made", "written"])):
        rule = {"allow": True, "type": "c", "major": 1, "minor": 11, "access": access}
        t.equal(may(t, DENY_ALL, rule), expected, f"what {access} allows")


@case(f"{ROW} resources.devices: no rules of all deny nothing that is allowed before")
def allow_all(t: Context) -> None:
    t.equal(may(t, {"allow": True, "access": "rwm"}), ["made", "read", "written"], "what may be done")


@case(f"{ROW} resources.devices: a later deny wins")
def denied_later(t: Context) -> None:
    t.equal(may(t, DENY_ALL, {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "rwm"},
                {"allow": False, "type": "c", "major": 1, "minor": 11, "access": "r"}), ["made", "written"],
            "what may be done")


@case(f"{ROW} resources.devices: default devices stay usable under a deny of all")
def defaults_allowed(t: Context) -> None:
    spec = with_rules(t, "head -c 1 /dev/zero | wc -c; echo x >/dev/null && echo ok; : </dev/urandom && echo ok", DENY_ALL)
    t.equal(t.output(spec).split(), ["1", "ok", "ok"], "what may be done")


@case(f"{ROW} resources.devices: exec is under the same rules")
def rules_of_exec(t: Context) -> None:
    spec = with_rules(t, "sleep 1000", DENY_ALL)
    t.start(spec)
    done = t.exec("sh", "-c", "mknod /dev/a c 1 11; : </dev/a", options=["--cap", "CAP_MKNOD"])
    t.match(done.err, "not permitted", "what the kernel says")


@case(f"{ROW} resources.devices: unknown access and type are errors")
def wrong_rules(t: Context) -> None:
    for wrong in ({"allow": True, "type": "x", "access": "r"}, {"allow": True, "type": "c", "access": "q"}):
        t.refused(with_rules(t, "true", wrong), "device|access|type|rule")


@case(f"{ROW} devices that the host has no node of, in a user namespace", differs={"runc": "1.1 can only show the host's"})
def of_user_namespace(t: Context) -> None:
    bundles.give_away(t.rootfs, 100000)
    spec = t.spec("stat -c '%F %t:%T %u:%g %a' /dev/mine")
    bundles.user_namespace(spec)
    spec["linux"]["devices"] = [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 3, "uid": 4, "gid": 5, "fileMode": 0o640}]
    t.equal(t.output(spec).strip(), "character special file 1:3 4:5 640", "the node")
