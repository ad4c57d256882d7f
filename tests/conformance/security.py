# SPDX-License-Identifier: LGPL-2.1-or-later
"""D: what has gone wrong in runtimes before, as far as it can be provoked from outside. Each test holds if the runtime
refuses, and if it goes on without the harm."""
from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import bundles
from harness import Context, Done, Spec, case
from sockets import Listener


def attempt(t: Context, spec: Spec, *options: str, start: bool = True) -> Done:
    """Creates and starts if that works; either is right here, and what counts is what is to be seen afterwards."""
    t.write(spec)
    t.ids.append(t.id)
    done = t.call("create", *options, t.id)
    if done.status == 0 and start:
        t.call("start", t.id)
    return done


def trap(t: Context, name: str = "trap") -> Path:
    """A directory of the host that nobody may write to."""
    folder = t.directory / name
    folder.mkdir()
    (folder / "kept").write_text("kept")
    return folder


def untouched(t: Context, folder: Path) -> None:
    t.equal([path.name for path in folder.iterdir()], ["kept"], f"what is in {folder.name} on the host")
    t.equal((folder / "kept").read_text(), "kept", "a file of the host")
    t.equal([line for line in bundle_mounts(folder)], [], "mounts on the host")


def bundle_mounts(folder: Path) -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if f" {folder}" in line]


def replaced(path: Path, target: str | Path) -> None:
    path.rmdir()
    path.symlink_to(target)


def linked_folder(cve: str, name: str, where: str) -> None:
    @case(f"D {cve}: /{where} is a link", name=name)
    def link(t: Context) -> None:
        folder = trap(t)
        (t.rootfs / where).parent.mkdir(parents=True, exist_ok=True)
        if (t.rootfs / where).exists():
            replaced(t.rootfs / where, folder)
        else:
            (t.rootfs / where).symlink_to(folder)
        before = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        attempt(t, t.spec("sleep 1000"))
        untouched(t, folder)
        after = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        t.equal([point for point in after if point not in before], [], "new mounts on the host")


linked_folder("CVE-2019-19921, 2025-54867", "proc_is_link", "proc")
linked_folder("CVE-2019-19921, 2025-54867", "sys_is_link", "sys")
linked_folder("CVE-2026-41579, 2026-47766", "dev_is_link", "dev")
linked_folder("CVE-2019-18837", "dev_pts_is_link", "dev/pts")


@case("D CVE-2019-19921: /proc is a link to another directory of the container")
def proc_link_inside(t: Context) -> None:
    (t.rootfs / "fake").mkdir()
    (t.rootfs / "fake/self").mkdir()
    replaced(t.rootfs / "proc", "fake")
    done = attempt(t, t.spec("sleep 1000"))
    if done.status == 0:
        lines = Path(f"/proc/{t.pid()}/mountinfo").read_text().splitlines()
        t.check(not any(line.split()[4] == "/fake" for line in lines), "procfs is mounted where the link leads")


@case("D CVE-2026-41579, 2026-47766: /dev is a link, and nothing is mounted there")
def dev_link_without_mount(t: Context) -> None:
    folder = trap(t)
    replaced(t.rootfs / "dev", folder)
    spec = t.spec("sleep 1000")
    spec["mounts"] = [row for row in spec["mounts"] if not row["destination"].startswith("/dev")]
    attempt(t, spec)
    untouched(t, folder)


@case("D CVE-2026-41579: /dev is a link that climbs")
def dev_link_climbs(t: Context) -> None:
    folder = trap(t)
    replaced(t.rootfs / "dev", "../" * 20 + str(folder)[1:])
    spec = t.spec("sleep 1000")
    spec["mounts"] = [row for row in spec["mounts"] if not row["destination"].startswith("/dev")]
    attempt(t, spec)
    untouched(t, folder)


@case("D CVE-2026-88265: /dev/null is a link or another file, and streams are reopened")
def null_is_link(t: Context) -> None:
    folder = trap(t)
    for kind in ("link", "file"):
        spec = t.spec("echo written; echo written >&2; sleep 1000")
        spec["mounts"] = [row for row in spec["mounts"] if not row["destination"].startswith("/dev")]
        null = t.rootfs / "dev/null"
        null.unlink(missing_ok=True)
        if kind == "link":
            null.symlink_to(folder / "kept")
        else:
            null.write_text("")
        before = (folder / "kept").stat()
        t.write(spec)
        t.ids.append(t.id)
        with open("/dev/null", "r+b") as host_null:
            if t.call("create", t.id, stdout=host_null, stderr=host_null).status == 0:
                t.call("start", t.id)
        t.equal((folder / "kept").stat().st_uid, before.st_uid, "owner of the host's file")
        untouched(t, folder)
        t.call("delete", "--force", t.id)


@case("D CVE-2019-16884: a mount over /proc")
def mount_over_proc(t: Context) -> None:
    folder = trap(t)
    spec = t.spec("sleep 1000")
    bundles.mount(spec, "/proc", "bind", str(folder), "bind")
    spec["process"]["apparmorProfile"] = ""
    done = attempt(t, spec)
    untouched(t, folder)
    if done.status == 0:
        t.check(not Path(f"/proc/{t.pid()}/root/proc/kept").exists(), "the container has a false /proc")


@case("D CVE-2019-16884: a mount below /proc")
def mount_below_proc(t: Context) -> None:
    folder = trap(t)
    for place in ("/proc/self/attr", "/proc/sys", "/proc/1", "/proc/self/fd/../attr"):
        spec = t.spec()
        bundles.mount(spec, place, "bind", str(folder), "bind")
        done = attempt(t, spec, start=False)
        t.check(done.status != 0, f"a mount over {place} was made")
        t.call("delete", "--force", t.id)
    untouched(t, folder)


@case("D CVE-2021-30465, 2019-18837: destinations through links of the image")
def destination_links(t: Context) -> None:
    folder = trap(t)
    source = trap(t, "source")
    (t.rootfs / "a").mkdir()
    links = {"direct": str(folder), "climbing": "../" * 20 + str(folder)[1:], "a/up": "../../../" * 10 + str(folder)[1:],
             "by-proc": f"/proc/self/root/../../{folder}"}
    for name, target in links.items():
        (t.rootfs / name).symlink_to(target)
    for name in links:
        for destination in (f"/{name}", f"/{name}/made", f"/{name}/../made-{name.replace('/', '-')}"):
            spec = t.spec("sleep 1000")
            bundles.mount(spec, destination, "bind", str(source), "bind")
            attempt(t, spec)
            untouched(t, folder)
            t.call("delete", "--force", t.id)


@case("D CVE-2021-30465: a destination that an earlier mount swaps for a link")
def destination_swapped(t: Context) -> None:
    folder, volume, source = trap(t), trap(t, "volume"), trap(t, "source")
    (volume / "link").symlink_to(folder)
    (volume / "up").symlink_to("../" * 20 + str(folder)[1:])
    for name in ("link", "up"):
        spec = t.spec("sleep 1000")
        bundles.mount(spec, "/volume", "bind", str(volume), "bind")
        bundles.mount(spec, f"/volume/{name}", "bind", str(source), "bind")
        bundles.mount(spec, f"/volume/{name}/made/deep", "tmpfs", "tmpfs")
        attempt(t, spec)
        untouched(t, folder)
        t.call("delete", "--force", t.id)


@case("D CVE-2024-21626: cwd by a descriptor")
def cwd_by_descriptor(t: Context) -> None:
    for number in range(3, 14):
        spec = t.spec("ls ../../../../.. | head -n 50; pwd -P; sleep 0")
        spec["process"]["cwd"] = f"/proc/self/fd/{number}"
        done = t.run(spec)
        t.check(done.status != 0 or "usr" not in done.out.split(), f"fd {number} shows the host: {done.out}")
        t.check(done.status != 0, f"a working directory of {spec['process']['cwd']} was taken: {done.out}")


@case("D CVE-2024-21626: exec --cwd by a descriptor")
def exec_cwd_by_descriptor(t: Context) -> None:
    t.start(t.spec("sleep 1000"))
    for number in range(3, 14):
        done = t.exec("ls", "../../../../../../usr", options=["--cwd", f"/proc/self/fd/{number}"])
        t.check(done.status != 0, f"fd {number} shows the host: {done.out}")


@case("D CVE-2019-5736: /proc/self/exe of exec is not the host's program")
def own_binary(t: Context) -> None:
    # The program to execute is a link to the one that executes it. Ours is asked for its version, not for anything else.
    before = Path(t.runtime.path).stat()
    (t.rootfs / "bin/self").symlink_to("/proc/self/exe")
    t.start(t.spec("sleep 1000"))
    t.exec("/bin/self", "--version")
    after = Path(t.runtime.path).stat()
    t.equal((after.st_ino, after.st_size, after.st_mtime), (before.st_ino, before.st_size, before.st_mtime),
            "the runtime's program")


@case("D CVE-2019-5736: the program of the waiting init cannot be written to")
def init_binary(t: Context) -> None:
    t.create(t.spec("sleep 1000"))
    exe = f"/proc/{t.pid()}/exe"
    inside, host = os.stat(exe), os.stat(t.runtime.path)
    if (inside.st_dev, inside.st_ino) == (host.st_dev, host.st_ino):
        # A busy file is writable as soon as nobody runs it; one that is seen through a read-only mount never is.
        t.check(os.statvfs(exe).f_flag & os.ST_RDONLY, "the init runs the host's file, by a mount that can be written to")
    else:
        try:
            os.close(os.open(exe, os.O_WRONLY))
            t.check(False, "the init's program can be written to")
        except OSError:
            pass


@case("D CVE-2016-9962: the init cannot be traced by the container's processes")
def dumpable(t: Context) -> None:
    t.create(t.spec("sleep 1000"))
    # Who is not dumpable has files in procfs that belong to root, whatever its user is.
    owner = Path(f"/proc/{t.pid()}/environ").stat().st_uid
    t.equal(owner, 0, "owner of the init's environ")
    t.delete()
    bundles.give_away(t.rootfs, 100000)
    spec = t.spec("sleep 1000")
    bundles.user_namespace(spec)
    t.create(spec)
    t.equal(Path(f"/proc/{t.pid()}/environ").stat().st_uid, 0, "owner of the init's environ, with a user namespace")


@case("D CVE-2025-31133, 2025-62161: masked paths with another /dev/null")
def masked_by_other_null(t: Context) -> None:
    folder = trap(t)
    spec = t.spec("sleep 1000")
    spec["mounts"] = [row for row in spec["mounts"] if not row["destination"].startswith("/dev")]
    spec["linux"]["maskedPaths"] = ["/etc/passwd", "/proc/kcore"]
    (t.rootfs / "dev/null").symlink_to("/proc/sysrq-trigger")
    done = attempt(t, spec)
    if done.status == 0:
        passwd = Path(f"/proc/{t.pid()}/root/etc/passwd")
        t.check(passwd.read_text() == "", "the masked file is to be read")
        lines = Path(f"/proc/{t.pid()}/mountinfo").read_text().splitlines()
        t.check(not any("sysrq-trigger" in line for line in lines), "a file of procfs is mounted over the masked one")
    untouched(t, folder)


@case("D CVE-2025-31133: a masked path that is a link")
def masked_link(t: Context) -> None:
    folder = trap(t)
    (t.rootfs / "etc/link").symlink_to(folder / "kept")
    (t.rootfs / "etc/folder").symlink_to(folder)
    spec = t.spec("sleep 1000")
    spec["linux"]["maskedPaths"] = ["/etc/link", "/etc/folder"]
    spec["linux"]["readonlyPaths"] = ["/etc/link", "/etc/folder"]
    attempt(t, spec)
    untouched(t, folder)


@case("D CVE-2025-52565: /dev/console and /dev/pts/0 in the image")
def console_in_image(t: Context) -> None:
    folder = trap(t)
    for name, target in (("console", folder / "kept"), ("ptmx", folder / "kept")):
        (t.rootfs / f"dev/{name}").symlink_to(target)
    spec = t.spec("sleep 1000")
    spec["process"]["terminal"] = True
    spec["mounts"] = [row for row in spec["mounts"] if not row["destination"].startswith("/dev")]
    listener = Listener(t, "console")
    attempt(t, spec, "--console-socket", str(listener.path))
    untouched(t, folder)


@case("D CVE-2025-52881: sysctl and labels are written to a procfs of the runtime's own")
def procfs_redirect(t: Context) -> None:
    folder = trap(t)
    spec = t.spec("cat /proc/sys/net/ipv4/ip_forward; sleep 1000")
    spec["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}
    # Whatever hides procfs, the setting must not land in it.
    bundles.mount(spec, "/proc/sys", "bind", str(folder), "bind")
    done = attempt(t, spec)
    t.equal(sorted(path.name for path in folder.iterdir()), ["kept"], "what is in the volume")
    t.check(done.status != 0 or done.out == "", "a mount over /proc/sys")


@case("D CVE-2024-45310: files and directories are made in the root only")
def made_outside(t: Context) -> None:
    folder, volume = trap(t), trap(t, "volume")
    (volume / "dir").symlink_to(folder)
    (t.directory / "file").write_text("x")
    spec = t.spec("sleep 1000")
    bundles.mount(spec, "/volume", "bind", str(volume), "bind")
    bundles.mount(spec, "/volume/dir/new/file", "bind", str(t.directory / "file"), "bind")
    attempt(t, spec)
    untouched(t, folder)


@case("D CVE-2023-25809: without a cgroup namespace the host's cgroups are not writable below a ro mount")
def cgroup_mount_readonly(t: Context) -> None:
    spec = t.spec("mkdir /sys/fs/cgroup/escape 2>/dev/null && echo made; :")
    bundles.drop_namespace(spec, "cgroup")
    t.equal(t.output(spec), "", "what could be made")


@case("D: cwd that is made follows no link out")
def cwd_link(t: Context) -> None:
    folder = trap(t)
    (t.rootfs / "link").symlink_to(folder)
    spec = t.spec("sleep 1000")
    spec["process"]["cwd"] = "/link/made"
    attempt(t, spec)
    untouched(t, folder)


@case("D: devices follow no link out")
def device_link(t: Context) -> None:
    folder = trap(t)
    (t.rootfs / "link").symlink_to(folder)
    (t.rootfs / "climb").symlink_to("../" * 20 + str(folder)[1:])
    for path in ("/link/null", "/climb/null", "/../../../.." + str(folder) + "/null"):
        spec = t.spec("sleep 1000")
        spec["linux"]["devices"] = [{"path": path, "type": "c", "major": 1, "minor": 3, "fileMode": 0o666}]
        attempt(t, spec)
        untouched(t, folder)
        t.call("delete", "--force", t.id)


@case("D: tmpcopyup follows no link out")
def tmpcopyup_link(t: Context) -> None:
    folder = trap(t)
    (t.rootfs / "copied").mkdir()
    (t.rootfs / "copied/link").symlink_to(folder / "kept")
    spec = t.spec("sleep 1000")
    bundles.mount(spec, "/copied", "tmpfs", "tmpfs", "tmpcopyup")
    if attempt(t, spec).status == 0:
        inside = Path(f"/proc/{t.pid()}/root/copied/link")
        t.check(inside.is_symlink() or not inside.exists(), "the link was followed when it was copied")
    untouched(t, folder)


@case("D: fifos instead of /etc/passwd and group")
def etc_passwd_fifo(t: Context) -> None:
    (t.rootfs / "etc/passwd").unlink()
    os.mkfifo(t.rootfs / "etc/passwd")
    (t.rootfs / "etc/group").unlink()
    os.mkfifo(t.rootfs / "etc/group")
    t.write(t.spec("true"))
    t.ids.append(t.id)
    t.call("run", t.id, seconds=8)


@case("D: /etc/passwd is a link to the host's")
def etc_passwd_link(t: Context) -> None:
    folder = trap(t)
    (folder / "kept").write_text("user:x:1000:1000::/home/of-host:/bin/sh\n")
    (t.rootfs / "etc/passwd").unlink()
    (t.rootfs / "etc/passwd").symlink_to(folder / "kept")
    spec = t.spec("echo $HOME")
    spec["process"]["user"] = {"uid": 1000, "gid": 1000}
    t.check("of-host" not in t.run(spec).out, "the host's file was read")


@case("D: the root is read-only even if it has links")
def root_stays_readonly(t: Context) -> None:
    for name in ("etc/link", "root/link"):
        (t.rootfs / name).symlink_to("/proc/self/fd/0")
    spec = t.spec("touch /new 2>/dev/null && echo made; :")
    spec["root"]["readonly"] = True
    t.equal(t.output(spec), "", "what could be made")


@case("D CVE-2026-115521: a read-only root, with a false /proc/self/fd in the image")
def root_readonly_false_proc(t: Context) -> None:
    (t.rootfs / "proc/self").mkdir()
    (t.rootfs / "proc/self/fd").symlink_to("/tmp")
    spec = t.spec("sleep 1000")
    spec["root"]["readonly"] = True
    spec["mounts"] = [row for row in spec["mounts"] if row["destination"] != "/proc"]
    if attempt(t, spec).status == 0:
        line = next(line.split() for line in Path(f"/proc/{t.pid()}/mountinfo").read_text().splitlines()
                    if line.split()[4] == "/")
        t.check("ro" in line[5].split(","), f"the root is mounted {line[5]}")


@case("D: set-user-ID and modes of made files")
def modes_of_made(t: Context) -> None:
    spec = t.spec("sleep 1000")
    (t.directory / "file").write_text("x")
    bundles.mount(spec, "/made/file", "bind", str(t.directory / "file"), "bind")
    t.create(spec, umask=0)
    mode = stat.S_IMODE((t.rootfs / "made/file").stat().st_mode)
    t.check(mode & 0o022 == 0, f"mode of the file that was made: {mode:o}")


@case("D: the host's mounts do not show, and its processes neither")
def nothing_of_host(t: Context) -> None:
    process = subprocess.Popen(["sleep", "4321"])
    t.active.append(process)
    out = t.output(t.spec("cat /proc/*/cmdline | tr '\\0' ' '; ls /proc/1/root"))
    t.check("4321" not in out, "a process of the host shows")
    process.kill()
    process.wait()
