# SPDX-License-Identifier: LGPL-2.1-or-later
"""B4: masked and read-only paths, the propagation of the root."""
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import bundles
from harness import Context, case, mountinfo

ROW = "B4"


@case(f"{ROW} maskedPaths: files read as empty, directories are empty and read-only")
def masked(t: Context) -> None:
    (t.rootfs / "etc/secret").write_text("secret")
    (t.rootfs / "opt/dir").mkdir(parents=True)
    (t.rootfs / "opt/dir/file").write_text("secret")
    spec = t.spec("cat /etc/secret /proc/version; ls -A /opt/dir /sys/kernel; touch /opt/dir/new 2>&1")
    spec["linux"]["maskedPaths"] = ["/etc/secret", "/opt/dir", "/proc/version", "/sys/kernel", "/no/such/path"]
    out = t.run(spec).out
    t.equal(out.splitlines()[:3], ["/opt/dir:", "", "/sys/kernel:"], "what is to be seen")
    t.match(out, "Read-only file system", "what writing says")
    t.equal((t.rootfs / "etc/secret").read_text(), "secret", "the file itself")


@case(f"{ROW} maskedPaths, readonlyPaths: what is listed twice is mounted once", differs={"crun": "twice", "runc": "1.1: twice"})
def masked_twice(t: Context) -> None:
    spec = t.spec()
    spec["linux"]["maskedPaths"] = ["/proc/keys", "/proc/version", "/proc//keys", "/proc/./version"]
    spec["linux"]["readonlyPaths"] = ["/proc/sys", "/proc/sys/", "/proc/bus"]
    t.create(spec)
    points = [line.split()[4] for line in mountinfo(t.pid())]
    t.equal([points.count(path) for path in ("/proc/keys", "/proc/version", "/proc/sys")], [1, 1, 1], "mounts")


@case(f"{ROW} maskedPaths: a masked file is no way to a device")
def masked_device(t: Context) -> None:
    (t.rootfs / "etc/secret").write_text("secret")
    spec = t.spec("stat -c %t:%T /etc/secret; echo x >/etc/secret; cat /etc/secret")
    spec["linux"]["maskedPaths"] = ["/etc/secret"]
    t.match(t.run(spec).out, r"^(1:3|0:0)\n$", "what it is: null, or an empty file")
    t.equal((t.rootfs / "etc/secret").read_text(), "secret", "the file itself")


@case(f"{ROW} readonlyPaths")
def readonly(t: Context) -> None:
    (t.rootfs / "etc/fixed").write_text("as it was")
    (t.rootfs / "opt").mkdir()
    spec = t.spec("echo x >/etc/fixed; cat /etc/fixed; touch /opt/new || echo no; echo 1 >/proc/sys/kernel/msgmax || echo no")
    spec["linux"]["readonlyPaths"] = ["/etc/fixed", "/opt", "/proc/sys", "/no/such/path"]
    done = t.run(spec)
    t.equal(done.out, "as it wasno\nno\n", "what may be done")
    t.equal((t.rootfs / "etc/fixed").read_text(), "as it was", "the file itself")


@case(f"{ROW} readonlyPaths keep mounts' other flags")
def readonly_flags(t: Context) -> None:
    spec = t.spec()
    spec["mounts"][0]["options"] = ["nosuid", "noexec", "nodev"]
    spec["linux"]["readonlyPaths"] = ["/proc/sys"]
    t.create(spec)
    line = next(line.split() for line in mountinfo(t.pid()) if line.split()[4] == "/proc/sys")
    t.check({"ro", "nosuid", "noexec", "nodev"} <= set(line[5].split(",")), f"options of /proc/sys: {line[5]}")


@case(f"{ROW} readonlyPaths: a mount below stays as it is")
def readonly_below(t: Context) -> None:
    (t.rootfs / "opt").mkdir()
    spec = t.spec("touch /opt/new || echo no; touch /opt/sub/new && echo yes")
    bundles.mount(spec, "/opt/sub", "tmpfs", "tmpfs")
    spec["linux"]["readonlyPaths"] = ["/opt"]
    out = t.run(spec).out
    t.match(out, r"^no\n", "what may be done")


def propagation(word: str, wanted: str, unwanted: str) -> None:
    @case(f"{ROW} rootfsPropagation", name=f"propagation_{word}")
    def root(t: Context) -> None:
        # What the root is a slave of must be shared on the host.
        subprocess.run(["mount", "--bind", t.rootfs, t.rootfs], check=True)
        subprocess.run(["mount", "--make-shared", t.rootfs], check=True)
        t.cleanups.append(lambda: subprocess.run(["umount", "--lazy", t.rootfs], check=False) and None)
        t.before = t.before + [str(t.rootfs)]
        spec = t.spec()
        spec["linux"]["rootfsPropagation"] = word
        t.create(spec)
        line = next(line.split() for line in mountinfo(t.pid()) if line.split()[4] == "/")
        fields = " ".join(line[6:line.index("-")])
        t.check(wanted in fields and not (unwanted and unwanted in fields), f"the root's propagation is {fields!r}")


propagation("shared", "shared:", "unbindable")
propagation("rshared", "shared:", "unbindable")
propagation("slave", "", "shared:")
propagation("rslave", "", "shared:")
propagation("private", "", "shared:")
propagation("rprivate", "", "shared:")
propagation("unbindable", "unbindable", "shared:")
propagation("runbindable", "unbindable", "shared:")


@case(f"{ROW} rootfsPropagation rslave: what is mounted on the host later arrives")
def slave_receives(t: Context) -> None:
    folder = t.directory / "shared"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "conformance", folder], check=True)
    subprocess.run(["mount", "--make-shared", folder], check=True)
    t.cleanups.append(lambda: subprocess.run(["umount", "--recursive", "--lazy", folder], check=False) and None)
    t.before = t.before + [str(folder), str(folder / "late")]
    (folder / "late").mkdir()
    for option, arrives in (("rslave", True), ("rprivate", False)):
        spec = t.spec("sleep 1000")
        spec["linux"]["rootfsPropagation"] = "rslave"
        bundles.mount(spec, "/data", "bind", str(folder), "rbind", option)
        pid = t.start(spec)
        subprocess.run(["mount", "-t", "tmpfs", "conformance", folder / "late"], check=True)
        there = any(line.split()[4] == "/data/late" for line in mountinfo(pid))
        subprocess.run(["umount", folder / "late"], check=True)
        t.equal(there, arrives, f"with {option} the late mount is there")
        t.delete()


@case(f"{ROW} the root's mount on the host keeps its propagation")
def host_untouched(t: Context) -> None:
    point = str(t.rootfs)
    subprocess.run(["mount", "--bind", point, point], check=True)
    subprocess.run(["mount", "--make-shared", point], check=True)
    t.cleanups.append(lambda: subprocess.run(["umount", "--lazy", point], check=False) and None)
    t.before = t.before + [point]
    before = [line for line in mountinfo() if line.split()[4] == point]
    spec = t.spec()
    spec["linux"]["rootfsPropagation"] = "rprivate"
    t.create(spec)
    t.equal([line for line in mountinfo() if line.split()[4] == point], before, "the mount on the host")


@case(f"{ROW} without a mount namespace the caller's mounts keep their propagation")
def no_mount_namespace(t: Context) -> None:
    spec = t.spec("echo here")
    bundles.drop_namespace(spec, "mount")
    spec["mounts"] = []
    t.write(spec)
    t.ids.append(t.id)
    # What goes wrong here would spoil all tests that follow, so it goes wrong in a namespace of its own.
    script = """list() { awk '$5 != root { print $5, $7 }' root="$3" /proc/self/mountinfo | sort; }
                before=$(list "$@"); "$1" --root "$2" run "$4" || true; [ "$before" = "$(list "$@")" ] || echo changed"""
    words = ["unshare", "--mount", "--propagation", "slave", "sh", "-c", script, "sh", t.runtime.path,
             str(t.state_root), str(t.rootfs), t.id]
    done = subprocess.run(words, cwd=t.bundle, capture_output=True, text=True, check=False, timeout=60)
    t.check("changed" not in done.stdout, f"propagation changed: {done.stderr}")


@case("C2 --no-pivot: the host's files are out of reach")
def no_pivot(t: Context) -> None:
    (t.rootfs / "only-here").touch()
    spec = t.spec("cd /; for n in 1 2 3; do cd ..; done; ls; cat /proc/mounts | grep -c ' / '")
    t.match(t.output(spec, "--no-pivot"), r"(?s)only-here.*\n1\n", "names in the root and in those above, mounts at /")
    pid = t.start(t.spec("sleep 1000"), "--no-pivot")
    t.equal(os.path.samefile(f"/proc/{pid}/root", t.rootfs), True, "the root is the bundle's")
    # As a program would that may change its root: nothing stops it on the way up but the mounts.
    at = os.open(f"/proc/{pid}/root", os.O_PATH)
    for _ in range(4):
        above = os.open("..", os.O_PATH, dir_fd=at)
        os.close(at)
        at = above
    t.check("only-here" in os.listdir(f"/proc/self/fd/{at}"), "above the root is the root")
    os.close(at)
    t.equal(t.exec("ls", "/only-here").status, 0, "status of exec")


@case(f"{ROW} the old root is gone")
def old_root(t: Context) -> None:
    t.create(t.spec())
    roots = [line.split()[3] for line in mountinfo(t.pid()) if line.split()[4] == "/"]
    t.equal(len(roots), 1, "mounts at /")
    t.check(not Path(f"/proc/{t.pid()}/root/{t.directory}").exists(), "the host's files show")
    t.equal(os.path.samefile(f"/proc/{t.pid()}/root", t.rootfs), True, "the root is the bundle's")


@case(f"{ROW} without a mount namespace the root is changed all the same, and exec finds it")
def host_mounts(t: Context) -> None:
    (t.rootfs / "only-here").touch()
    spec = t.spec("ls -d /only-here; sleep 1000")
    bundles.drop_namespace(spec, "mount")
    spec["mounts"] = []
    # What stays mounted is for nobody but us.
    script = """"$1" --root "$2" run --detach "$3" </dev/null >out 2>&1
                until [ -s out ]; do sleep 0.05; done; "$1" --root "$2" exec "$3" ls -d /only-here
                "$1" --root "$2" delete --force "$3"; umount --lazy -R rootfs 2>/dev/null || true"""
    t.write(spec)
    t.ids.append(t.id)
    words = ["unshare", "--mount", "sh", "-c", script, "sh", t.runtime.path, str(t.state_root), t.id]
    done = subprocess.run(words, cwd=t.bundle, capture_output=True, text=True, check=False, timeout=60)
    t.equal(((t.bundle / "out").read_text(), done.stdout), ("/only-here\n", "/only-here\n"), f"who sees it: {done.stderr}")
