# SPDX-License-Identifier: LGPL-2.1-or-later
"""B2: each option of mounts by its effect in mountinfo."""
from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import bundles
from harness import Context, case, mountinfo

ROW = "B2"

# The option, other options before it, and which words mountinfo must have and must not have: first those of the mount,
# then those of its file system.
TMPFS: dict[str, tuple[list[str], str, str, str, str]] = {
    "ro": ([], "ro", "rw", "", ""), "rw": (["ro"], "rw", "ro", "", ""),
    "nosuid": ([], "nosuid", "", "", ""), "suid": (["nosuid"], "", "nosuid", "", ""),
    "nodev": ([], "nodev", "", "", ""), "dev": (["nodev"], "", "nodev", "", ""),
    "noexec": ([], "noexec", "", "", ""), "exec": (["noexec"], "", "noexec", "", ""),
    "noatime": ([], "noatime", "", "", ""), "atime": (["noatime"], "", "noatime", "", ""),
    "nodiratime": ([], "nodiratime", "", "", ""), "diratime": (["nodiratime"], "", "nodiratime", "", ""),
    "relatime": ([], "relatime", "noatime", "", ""), "norelatime": ([], "", "noatime", "", ""),
    "strictatime": ([], "", "noatime relatime", "", ""), "nostrictatime": (["strictatime"], "", "noatime", "", ""),
    "sync": ([], "", "", "sync", ""), "async": (["sync"], "", "", "", "sync"),
    "dirsync": ([], "", "", "dirsync", ""),
    "lazytime": ([], "", "", "lazytime", ""), "nolazytime": (["lazytime"], "", "", "", "lazytime"),
    "nosymfollow": ([], "nosymfollow", "", "", ""), "symfollow": (["nosymfollow"], "", "nosymfollow", "", ""),
    "mand": ([], "rw", "", "", ""), "nomand": ([], "rw", "", "", ""),
    "iversion": ([], "rw", "", "", ""), "noiversion": ([], "rw", "", "", ""),
    "silent": ([], "rw", "", "", ""), "loud": ([], "rw", "", "", ""), "defaults": ([], "rw", "", "", ""),
}

# Of these the mount of a directory with another mount below has the words, and whether the one below has them as well.
RECURSIVE: dict[str, tuple[list[str], str, str]] = {
    "rro": ([], "ro", "rw"), "rrw": (["rro"], "rw", "ro"),
    "rnosuid": ([], "nosuid", ""), "rsuid": (["rnosuid"], "", "nosuid"),
    "rnodev": ([], "nodev", ""), "rdev": (["rnodev"], "", "nodev"),
    "rnoexec": ([], "noexec", ""), "rexec": (["rnoexec"], "", "noexec"),
    "rnodiratime": ([], "nodiratime", ""), "rdiratime": (["rnodiratime"], "", "nodiratime"),
    "rrelatime": ([], "relatime", "noatime"), "rnorelatime": ([], "", "noatime"),
    "rnoatime": ([], "noatime", "relatime"), "ratime": (["rnoatime"], "", "noatime"),
    "rstrictatime": ([], "", "noatime relatime"), "rnostrictatime": (["rstrictatime"], "", "noatime"),
    "rnosymfollow": ([], "nosymfollow", ""), "rsymfollow": (["rnosymfollow"], "", "nosymfollow"),
}

# A file system's own option would be refused: all of these are known although nothing shows in mountinfo.
PROPAGATION = {
    "private": ("", "shared master unbindable"), "rprivate": ("", "shared master unbindable"),
    "slave": ("master", "shared unbindable"), "rslave": ("master", "shared unbindable"),
    "shared": ("shared", "unbindable"), "rshared": ("shared", "unbindable"),
    "unbindable": ("unbindable", "shared"), "runbindable": ("unbindable", "shared"),
}


def words_of(line: str) -> tuple[set[str], set[str], set[str]]:
    """A line of mountinfo: options of the mount, of the file system, and its propagation without numbers."""
    fields = line.split()
    dash = fields.index("-")
    return (set(fields[5].split(",")), set(fields[dash + 3].split(",")),
            {field.split(":")[0] for field in fields[6:dash]})


def line_of(t: Context, point: str) -> str:
    lines = [line for line in mountinfo(t.pid()) if line.split()[4] == point]
    t.check(lines, f"{point} is not mounted")
    return lines[-1]


def compare(t: Context, what: str, found: set[str], wanted: str, unwanted: str) -> None:
    t.check(set(wanted.split()) <= found and not set(unwanted.split()) & found,
            f"{what}: expected {wanted!r} and not {unwanted!r}, got {','.join(sorted(found))!r}")


def tmpfs_option(name: str) -> Callable[[Context], None]:
    before, wanted, unwanted, of_fs, not_of_fs = TMPFS[name]

    def test(t: Context) -> None:
        spec = t.spec()
        bundles.mount(spec, "/a", "tmpfs", "tmpfs", *before, name)
        t.create(spec)
        mount, file_system, _ = words_of(line_of(t, "/a"))
        compare(t, "the mount", mount, wanted, unwanted)
        compare(t, "the file system", file_system, of_fs, not_of_fs)

    return test


def submounted(t: Context, name: str = "source") -> Path:
    """A directory of the host with a tmpfs below, which ends with the test."""
    folder = t.directory / name
    (folder / "sub").mkdir(parents=True)
    for point in (folder, folder / "sub"):
        subprocess.run(["mount", "-t", "tmpfs", "conformance", point], check=True)
        t.cleanups.append(lambda point=point: subprocess.run(["umount", "--recursive", "--lazy", point], check=False)
                          and None)
        (point / "sub").mkdir(exist_ok=True)
    t.before = t.before + [str(folder), str(folder / "sub")]
    return folder


def bind_option(name: str) -> Callable[[Context], None]:
    before, wanted, unwanted, _, _ = TMPFS[name]

    def test(t: Context) -> None:
        spec = t.spec()
        bundles.mount(spec, "/a", "bind", str(submounted(t)), "rbind", *before, name)
        t.create(spec)
        compare(t, "the mount", words_of(line_of(t, "/a"))[0], wanted, unwanted)
        if wanted and wanted != "relatime" and wanted != "rw":
            compare(t, "the mount below", words_of(line_of(t, "/a/sub"))[0], "", wanted)

    return test


def recursive_option(name: str) -> Callable[[Context], None]:
    before, wanted, unwanted = RECURSIVE[name]

    def test(t: Context) -> None:
        spec = t.spec()
        bundles.mount(spec, "/a", "bind", str(submounted(t)), "rbind", *before, name)
        t.create(spec)
        for point in ("/a", "/a/sub"):
            compare(t, point, words_of(line_of(t, point))[0], wanted, unwanted)

    return test


def propagation_option(name: str) -> Callable[[Context], None]:
    wanted, unwanted = PROPAGATION[name]

    def test(t: Context) -> None:
        folder = submounted(t)
        subprocess.run(["mount", "--make-rshared", folder], check=True)
        spec = t.spec()
        spec["linux"]["rootfsPropagation"] = "rshared" if "shared" in name else "rslave"
        bundles.mount(spec, "/a", "bind", str(folder), "rbind", name)
        t.create(spec)
        compare(t, "the mount", words_of(line_of(t, "/a"))[2], wanted, unwanted)
        # The mount below is the source's peer or slave unless the option is a recursive one.
        if name.startswith("r"):
            compare(t, "the mount below", words_of(line_of(t, "/a/sub"))[2], wanted, unwanted)

    return test


def register() -> None:
    makers = [("", TMPFS, tmpfs_option, "of tmpfs"), ("bind_", TMPFS, bind_option, "of bind mounts"),
              ("", RECURSIVE, recursive_option, "recursive"), ("", PROPAGATION, propagation_option, "propagation")]
    for prefix, table, maker, what in makers:
        for name in table:
            if prefix and TMPFS[name][3:] != ("", ""):
                # The file system of a bind mount has its own options, and keeps them.
                continue
            test = maker(name)
            test.__module__ = __name__
            case(f"{ROW} option {name}, {what}", name=f"{prefix}{name}")(test)


register()


@case(f"{ROW} option remount")
def remount(t: Context) -> None:
    spec = t.spec()
    bundles.mount(spec, "/a", "tmpfs", "tmpfs", "nosuid")
    bundles.mount(spec, "/a", "tmpfs", "tmpfs", "remount", "ro", "nosuid")
    t.create(spec)
    lines = [line for line in mountinfo(t.pid()) if line.split()[4] == "/a"]
    t.equal(len(lines), 1, "mounts there")
    compare(t, "the mount", words_of(lines[0])[0], "ro nosuid", "")


@case(f"{ROW} read-only bind keeps the source's locked flags in a user namespace")
def locked_flags(t: Context) -> None:
    folder = t.directory / "locked"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nosuid,nodev,noexec,noatime,mode=777", "conformance", folder], check=True)
    t.cleanups.append(lambda: subprocess.run(["umount", folder], check=False) and None)
    t.before = t.before + [str(folder)]
    bundles.give_away(t.rootfs, 100000)
    spec = t.spec()
    bundles.user_namespace(spec)
    bundles.mount(spec, "/a", "bind", str(folder), "bind", "ro")
    t.create(spec)
    compare(t, "the mount", words_of(line_of(t, "/a"))[0], "ro nosuid nodev noexec noatime", "")


@case(f"{ROW} remount of what is no mount is an error")
def remount_nothing(t: Context) -> None:
    (t.rootfs / "a").mkdir()
    for kind, options in (("bind", ["bind", "remount"]), ("tmpfs", ["remount"]), ("bind", ["bind", "remount", "ro"])):
        spec = t.spec()
        bundles.mount(spec, "/a", kind, str(t.rootfs), *options)
        t.refused(spec, "remount|invalid argument")


@case(f"{ROW} what is locked in a user namespace stays, whatever is asked for", differs={"runc": "1.1 fails"})
def locked_flags_cleared(t: Context) -> None:
    folder = t.directory / "locked"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nosuid,nodev,noexec,noatime,mode=777", "conformance", folder], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro,nosuid,nodev,noexec,noatime", folder], check=True)
    t.cleanups.append(lambda: subprocess.run(["umount", folder], check=False) and None)
    t.before = t.before + [str(folder)]
    bundles.give_away(t.rootfs, 100000)
    spec = t.spec()
    bundles.user_namespace(spec)
    wanted = {"/a": ["rw", "exec"], "/b": ["rw", "suid", "dev", "exec"], "/c": ["rw", "strictatime"], "/d": ["rrw", "rexec"],
              "/e": ["ro", "exec", "nosymfollow"], "/f": ["rw", "rprivate"], "/g": ["rrelatime"]}
    for place, options in wanted.items():
        bundles.mount(spec, place, "bind", str(folder), "rbind", *options)
    bundles.mount(spec, "/mapped", "bind", str(folder), "rbind", "idmap", "rw", "exec", "strictatime")
    t.create(spec)
    for place, options in [*wanted.items(), ("/mapped", ["idmap"])]:
        found = words_of(line_of(t, place))[0]
        t.check({"ro", "nosuid", "nodev", "noexec", "noatime"} <= set(found), f"{options}: {found}")
        t.equal("nosymfollow" in found, "nosymfollow" in options, f"nosymfollow with {options}")


@case(f"{ROW} crun's src-nofollow and copy-symlink", differs={"runc": "only crun has them"})
def crun_options(t: Context) -> None:
    (t.directory / "target").mkdir()
    (t.directory / "target/file").write_text("x")
    (t.directory / "link").symlink_to("target")
    spec = t.spec("readlink /copied")
    bundles.mount(spec, "/copied", "bind", str(t.directory / "link"), "bind", "copy-symlink")
    t.equal(t.output(spec), "target\n", "the link")


@case(f"{ROW} a bind mount has its source's flags, or with options of its own just those")
def bind_flags(t: Context) -> None:
    folder = t.directory / "source"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "conformance", folder], check=True)
    subprocess.run(["mount", "-o", "remount,bind,nosuid,nodev,noexec,noatime", folder], check=True)
    t.cleanups.append(lambda: subprocess.run(["umount", folder], check=False) and None)
    t.before = t.before + [str(folder)]
    spec = t.spec()
    wanted = {"/like": ([], "rw nosuid nodev noexec noatime"), "/ro": (["ro"], "ro noatime"), "/exec": (["exec"], "rw noatime"),
              "/one": (["nosuid", "relatime"], "rw nosuid relatime")}
    for place, (options, _) in wanted.items():
        bundles.mount(spec, place, "bind", str(folder), "bind", *options)
    t.create(spec)
    for place, (options, flags) in wanted.items():
        t.equal(sorted(words_of(line_of(t, place))[0]), sorted(flags.split()), f"flags with {options}")
