# SPDX-License-Identifier: LGPL-2.1-or-later
"""B3: who the program is: users, groups, capabilities, no_new_privs, personality, keyring."""
from __future__ import annotations

import ctypes
import os
from pathlib import Path

from harness import Context, Skip, Spec, case

ROW = "B3"


def status_of(t: Context, spec: Spec) -> dict[str, str]:
    """The program's own /proc/self/status."""
    spec["process"]["args"] = ["/bin/cat", "/proc/self/status"]
    return {key: value.strip() for key, _, value in
            (line.partition(":") for line in t.output(spec).splitlines())}


@case(f"{ROW} user.uid and gid")
def uid_gid(t: Context) -> None:
    spec = t.spec()
    spec["process"]["user"] = {"uid": 1234, "gid": 5678}
    status = status_of(t, spec)
    t.equal(status["Uid"].split(), ["1234"] * 4, "users")
    t.equal(status["Gid"].split(), ["5678"] * 4, "groups")
    t.equal(status["Groups"].split(), [], "additional groups")


@case(f"{ROW} user.additionalGids")
def additional_gids(t: Context) -> None:
    spec = t.spec()
    spec["process"]["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5, 77, 4000000000]}
    t.equal(sorted(map(int, status_of(t, spec)["Groups"].split())), [5, 77, 4000000000], "additional groups")


@case(f"{ROW} groups of the caller are dropped")
def groups_dropped(t: Context) -> None:
    spec = t.spec("/bin/grep", "Groups", "/proc/self/status")
    out = t.output(spec, extra_groups=[12, 34])
    t.equal(out.split(), ["Groups:"], "groups")


@case(f"{ROW} user.umask")
def umask(t: Context) -> None:
    spec = t.spec()
    spec["process"]["user"]["umask"] = 0o27
    t.equal(status_of(t, spec)["Umask"], "0027", "umask")


@case(f"{ROW} user.umask unset: 0022")
def umask_default(t: Context) -> None:
    t.equal(status_of(t, t.spec())["Umask"], "0022", "umask")


@case(f"{ROW} the caller's umask is neither the program's nor exec's nor that of what is made",
      differs={"runc": "1.1: it gets into modes"})
def umask_of_caller(t: Context) -> None:
    spec = t.spec("umask; stat -c %a /dev /dev/null /tmp/here /sys/fs/cgroup; sleep 1000")
    spec["process"]["cwd"] = "/tmp/here"
    t.create(spec, umask=0o077)
    serial = len(t.active) - 1
    t.good("start", t.id, umask=0o077)
    t.until(lambda: t.printed("out", serial).count("\n") == 5, "it has said all")
    t.equal(t.printed("out", serial), "0022\n755\n666\n755\n755\n", "of the program")
    t.equal(t.exec("sh", "-c", "umask", umask=0o077).out, "0022\n", "of exec")


CAPABILITY_SETS = {"bounding": "CapBnd", "effective": "CapEff", "permitted": "CapPrm", "inheritable": "CapInh",
                   "ambient": "CapAmb"}
# CAP_CHOWN 0, CAP_KILL 5, CAP_NET_BIND_SERVICE 10, CAP_SYS_CHROOT 18
BITS = {"CAP_CHOWN": 0, "CAP_KILL": 5, "CAP_NET_BIND_SERVICE": 10, "CAP_SYS_CHROOT": 18}


@case(f"{ROW} capabilities: five sets, exactly, as root")
def capabilities_exact(t: Context) -> None:
    spec = t.spec()
    wanted = {"bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"], "effective": ["CAP_CHOWN", "CAP_KILL"],
              "permitted": ["CAP_CHOWN", "CAP_KILL"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}
    spec["process"].update(capabilities=wanted, user={"uid": 1000, "gid": 1000})
    status = status_of(t, spec)
    # What a user has after execve: the ambient set, and the bounding set as it was.
    kill, bounding = 1 << 5, 1 << 0 | 1 << 5 | 1 << 10
    t.equal({name: int(status[name], 16) for name in CAPABILITY_SETS.values()},
            {"CapBnd": bounding, "CapEff": kill, "CapPrm": kill, "CapInh": kill, "CapAmb": kill}, "sets of a user")


@case(f"{ROW} capabilities: root's after execve are the bounding ones")
def capabilities_root(t: Context) -> None:
    spec = t.spec()
    names = ["CAP_CHOWN", "CAP_SYS_CHROOT"]
    spec["process"]["capabilities"] = {kind: names for kind in ("bounding", "effective", "permitted")}
    status, mask = status_of(t, spec), 1 << 0 | 1 << 18
    t.equal([int(status[name], 16) for name in ("CapBnd", "CapEff", "CapPrm", "CapInh", "CapAmb")],
            [mask, mask, mask, 0, 0], "sets of root")


@case(f"{ROW} capabilities absent: none")
def capabilities_none(t: Context) -> None:
    spec = t.spec()
    del spec["process"]["capabilities"]
    status = status_of(t, spec)
    t.equal([int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd")], [0] * 5, "sets")


@case(f"{ROW} capabilities that are unknown are only warned of")
def capabilities_unknown(t: Context) -> None:
    spec = t.spec("echo here")
    for kind in ("bounding", "effective", "permitted"):
        spec["process"]["capabilities"][kind].append("CAP_TIME_TRAVEL")
    t.equal(t.output(spec), "here\n", "output")


@case(f"{ROW} capabilities that cannot be granted are only warned of")
def capabilities_ungrantable(t: Context) -> None:
    bounding = int(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines()
                        if line.startswith("CapBnd")), 16)
    if bounding >> 24 & 1:
        raise Skip("nothing is missing from our own bounding set")
    spec = t.spec()
    for kind in ("bounding", "effective", "permitted"):
        spec["process"]["capabilities"][kind].append("CAP_SYS_RESOURCE")
    status = status_of(t, spec)
    t.equal(int(status["CapEff"], 16) >> 24 & 1, 0, "the capability that nobody can give")
    t.equal(int(status["CapEff"], 16) >> 5 & 1, 1, "the other capabilities")


@case(f"{ROW} noNewPrivileges")
def no_new_privileges(t: Context) -> None:
    for wanted in (True, False):
        spec = t.spec()
        spec["process"]["noNewPrivileges"] = wanted
        t.equal(status_of(t, spec)["NoNewPrivs"], str(int(wanted)), f"noNewPrivileges {wanted}")


@case("B4 personality LINUX32")
def personality(t: Context) -> None:
    if os.uname().machine != "x86_64":
        raise Skip("the machine's name is known for x86_64 only")
    spec = t.spec("uname -m; cat /proc/self/personality")
    spec["linux"]["personality"] = {"domain": "LINUX32"}
    t.equal(t.output(spec), "i686\n00000008\n", "machine and personality")
    spec["linux"]["personality"] = {"domain": "LINUX"}
    t.equal(t.output(spec), "x86_64\n00000000\n", "machine and personality")


@case("B4 personality: flags and unknown domains are errors")
def personality_wrong(t: Context) -> None:
    for wrong in ({"domain": "SOLARIS"}, {"domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"]}):
        spec = t.spec()
        spec["linux"]["personality"] = wrong
        t.refused(spec, "persona|domain|flag")


def join_keyring() -> None:
    """A session keyring of our own that shows only to those that possess it."""
    keyctl, join, set_permissions, session, possessor = 250, 1, 5, -3, 0x3F000000
    libc = ctypes.CDLL(None)
    libc.syscall(keyctl, join, b"of-the-caller")
    libc.syscall(keyctl, set_permissions, session, possessor)


@case("C1 a new session keyring, unless --no-new-keyring")
def keyring(t: Context) -> None:
    if not Path("/proc/keys").exists() or os.uname().machine != "x86_64":
        raise Skip("the kernel has no keyrings, or other numbers of system calls")
    for options, expected in (([], False), (["--no-new-keyring"], True)):
        out = t.output(t.spec("cat /proc/keys"), *options, preexec_fn=join_keyring)
        t.equal("of-the-caller" in out, expected, f"the caller's keyring is in {out!r}, with {options}")


@case(f"{ROW} apparmorProfile and selinuxLabel where the kernel has neither: an error or nothing")
def labels(t: Context) -> None:
    lsm = Path("/sys/kernel/security/lsm")
    if lsm.exists() and {"apparmor", "selinux"} & set(lsm.read_text().split(",")):
        raise Skip("the kernel has one of them")
    for key, value in (("apparmorProfile", "none-such"), ("selinuxLabel", "system_u:system_r:x_t:s0")):
        spec = t.spec("echo here")
        spec["process"][key] = value
        t.write(spec)
        t.ids.append(t.id)
        done = t.call("run", t.id)
        t.check(done.status != 0 and done.out == "" or done.out == "here\n", f"{key}: {done}")


@case("C3 run.oci.keep_original_groups", differs={"runc": "only crun has it"})
def kept_groups(t: Context) -> None:
    spec = t.spec("id -G")
    spec["annotations"] = {"run.oci.keep_original_groups": "1"}
    t.equal(t.output(spec, preexec_fn=lambda: os.setgroups([4, 5])).split(), ["0", "4", "5"], "groups")
