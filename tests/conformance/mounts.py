# SPDX-License-Identifier: LGPL-2.1-or-later
"""B2: where mounts go and what they are. mount_options.py has the options."""
from __future__ import annotations

import os
import re
from pathlib import Path

import bundles
from harness import Context, Spec, case, mountinfo
from namespaces import own_namespaces

ROW = "B2"


def mounted(t: Context, spec: Spec) -> dict[str, list[str]]:
    """Creates; the fields of mountinfo by mount point, the topmost."""
    t.create(spec)
    return {line.split()[4]: line.split() for line in mountinfo(t.pid())}


def source(t: Context, name: str = "source", text: str = "from the host") -> Path:
    folder = t.directory / name
    folder.mkdir()
    (folder / "file").write_text(text)
    return folder


@case(f"{ROW} listed order")
def listed_order(t: Context) -> None:
    spec = t.spec("ls /a; ls /a/b; ls /c")
    first, second = source(t, "first"), source(t, "second")
    (second / "other").write_text("")
    # The second hides the first; one below is made in what is mounted by then.
    bundles.mount(spec, "/a", "tmpfs", "tmpfs")
    bundles.mount(spec, "/a/b", "bind", str(first), "bind")
    bundles.mount(spec, "/c", "bind", str(first), "bind")
    bundles.mount(spec, "/c", "bind", str(second), "bind")
    t.equal(t.output(spec), "b\nfile\nfile\nother\n", "what is where")


@case(f"{ROW} listed order, though a later one hides an earlier")
def listed_order_hides(t: Context) -> None:
    spec = t.spec("ls /a")
    bundles.mount(spec, "/a/b", "bind", str(source(t)), "bind")
    bundles.mount(spec, "/a", "tmpfs", "tmpfs")
    t.equal(t.output(spec), "", "what is in the later mount")


@case(f"{ROW} destination relative to /")
def destination_relative(t: Context) -> None:
    spec = t.spec("cat /data/file")
    bundles.mount(spec, "data", "bind", str(source(t)), "bind")
    t.equal(t.output(spec), "from the host", "the file")


@case(f"{ROW} source relative to the bundle")
def source_relative(t: Context) -> None:
    (t.bundle / "inside").mkdir()
    (t.bundle / "inside/file").write_text("in the bundle")
    spec = t.spec("cat /data/file")
    bundles.mount(spec, "/data", "bind", "inside", "bind")
    t.equal(t.output(spec, cwd="/", *("--bundle", str(t.bundle))), "in the bundle", "the file")


@case(f"{ROW} bind by options, whatever the type")
def bind_type(t: Context) -> None:
    for kind in ("bind", "none", "dummy", ""):
        spec = t.spec("cat /data/file")
        folder = t.directory / f"source-{kind}"
        folder.mkdir()
        (folder / "file").write_text(kind)
        bundles.mount(spec, "/data", kind, str(folder), "rbind")
        t.equal(t.output(spec), kind, f"type {kind!r}")


@case(f"{ROW} bind of a file")
def bind_file(t: Context) -> None:
    spec = t.spec("cat /etc/new/file; stat -c %F /etc/new/file")
    bundles.mount(spec, "/etc/new/file", "bind", str(source(t) / "file"), "bind")
    t.equal(t.output(spec), "from the hostregular file\n", "the file")


@case(f"{ROW} bind takes no mounts below along, rbind does")
def bind_recursive(t: Context) -> None:
    folder = source(t)
    (folder / "sub").mkdir()
    os.system(f"mount -t tmpfs conformance {folder}/sub && touch {folder}/sub/below")
    t.cleanups.append(lambda: (os.system(f"umount {folder}/sub"), None)[1])
    t.before = t.before + [f"{folder}/sub"]
    spec = t.spec("ls /bind/sub; echo; ls /rbind/sub")
    bundles.mount(spec, "/bind", "bind", str(folder), "bind")
    bundles.mount(spec, "/rbind", "bind", str(folder), "rbind")
    t.equal(t.output(spec), "\nbelow\n", "mounts below")


@case(f"{ROW} source must exist")
def source_missing(t: Context) -> None:
    spec = t.spec()
    bundles.mount(spec, "/data", "bind", "/no/such/source", "bind")
    t.refused(spec, "no such file")


@case(f"{ROW} an unknown file system is an error")
def unknown_type(t: Context) -> None:
    spec = t.spec()
    bundles.mount(spec, "/data", "nosuchfs", "none")
    t.refused(spec, "no such device|nosuchfs")


@case(f"{ROW} missing destinations are made, 0755")
def destinations_made(t: Context) -> None:
    spec = t.spec("stat -c %a /x /x/y")
    bundles.mount(spec, "/x/y/z", "tmpfs", "tmpfs")
    t.equal(t.output(spec, umask=0o077), "755\n755\n", "modes of what was made")


@case(f"{ROW} destinations through links stay in the root")
def destination_links(t: Context) -> None:
    host = t.directory / "host"
    host.mkdir()
    os.symlink(str(host), t.rootfs / "absolute")
    os.symlink("../../../../../../../../../.." + str(host), t.rootfs / "relative")
    spec = t.spec("cat /absolute/a/file; cat /relative/b/file")
    for destination in ("/absolute/a", "/relative/b"):
        bundles.mount(spec, destination, "bind", str(source(t, destination[1:4])), "bind")
    t.equal(t.output(spec), "from the host" * 2, "files")
    t.equal(list(host.iterdir()), [], "what was made on the host")
    t.check((t.rootfs / str(host)[1:] / "a").is_dir(), "the destination is not where the link leads in the root")


@case(f"{ROW} unknown options are the file system's")
def data(t: Context) -> None:
    spec = t.spec("stat -c '%a %u' /a; df -k /a | tail -n 1 | awk '{ print $2 }'; grep ' /a ' /proc/self/mountinfo")
    spec["mounts"].append({"destination": "/a", "type": "tmpfs", "source": "name-of-it",
                           "options": ["size=1m", "mode=751", "uid=33", "nosuid"]})
    out = t.output(spec)
    t.match(out, r"^751 33\n", "mode and owner")
    t.match(out, r"- tmpfs name-of-it rw,.*size=1024k", "size and source")


@case(f"{ROW} a file system's own refusal is an error")
def data_wrong(t: Context) -> None:
    spec = t.spec()
    bundles.mount(spec, "/a", "tmpfs", "tmpfs", "nosuchoption=1")
    t.refused(spec, "invalid argument|nosuchoption|unknown parameter")


@case("B2, E data of bind mounts is ignored")
def data_on_bind(t: Context) -> None:
    spec = t.spec("cat /data/file")
    bundles.mount(spec, "/data", "bind", str(source(t)), "bind", "size=1m")
    t.equal(t.output(spec), "from the host", "the file")


@case(f"{ROW} tmpfs inherits the mode of what it hides")
def tmpfs_mode(t: Context) -> None:
    (t.rootfs / "shut").mkdir(mode=0o700)
    (t.rootfs / "sticky").mkdir()
    (t.rootfs / "sticky").chmod(0o1770)
    spec = t.spec("stat -c %a /shut /sticky /given")
    bundles.mount(spec, "/shut", "tmpfs", "tmpfs")
    bundles.mount(spec, "/sticky", "tmpfs", "tmpfs")
    bundles.mount(spec, "/given", "tmpfs", "tmpfs", "mode=1711")
    t.equal(t.output(spec), "700\n1770\n1711\n", "modes")


@case(f"{ROW} tmpcopyup")
def tmpcopyup(t: Context) -> None:
    folder = t.rootfs / "kept"
    (folder / "sub").mkdir(parents=True)
    (folder / "file").write_text("text")
    (folder / "file").chmod(0o604)
    os.chown(folder / "file", 12, 34)
    os.symlink("file", folder / "link")
    spec = t.spec("cat /kept/file; stat -c '%a %u %g' /kept/file; readlink /kept/link; ls -d /kept/sub; touch /kept/new; "
                  "stat -f -c %T /kept")
    bundles.mount(spec, "/kept", "tmpfs", "tmpfs", "tmpcopyup")
    t.match(t.output(spec), r"^text604 12 34\nfile\n/kept/sub\n.*tmpfs\n$", "the copy")
    t.check(not (folder / "new").exists(), "the copy is not apart")


@case(f"{ROW} proc: of the container's own processes")
def proc(t: Context) -> None:
    t.equal(t.output(t.spec("/bin/readlink", "/proc/self")), "1\n", "/proc/self")


@case(f"{ROW} cgroup: version 2, of the container's own subtree")
def cgroup(t: Context) -> None:
    found = mounted(t, t.spec())["/sys/fs/cgroup"]
    t.equal(found[found.index("-") + 1], "cgroup2", "type")
    t.match(found[5], r"\bro\b", "options")


@case(f"{ROW} cgroup without a cgroup namespace")
def cgroup_shared_namespace(t: Context) -> None:
    # The whole hierarchy: who reads /proc/self/cgroup finds that path in it.
    spec = t.spec("own=$(sed -n s/^0:://p /proc/self/cgroup); [ \"$own\" != / ] || exit 1; "
                  "cat /sys/fs/cgroup$own/cgroup.procs; stat -f -c %t /sys/fs/cgroup")
    bundles.drop_namespace(spec, "cgroup")
    t.match(t.output(spec), r"^1\n(.*\n)*63677270\n", "processes of the own cgroup, and its file system")


@case(f"{ROW} cgroup without a cgroup namespace, in a user namespace", differs={"runc": "1.1 shows no processes there"})
def cgroup_shared_with_users(t: Context) -> None:
    spec = t.spec("own=$(sed -n s/^0:://p /proc/self/cgroup); cat /sys/fs/cgroup$own/cgroup.procs; "
                  "mkdir /sys/fs/cgroup$own/x 2>/dev/null || echo refused")
    bundles.give_away(t.rootfs, 100000)
    bundles.user_namespace(spec)
    bundles.drop_namespace(spec, "cgroup")
    t.match(t.output(spec), r"^1\n(.*\n)*refused\n$", "processes of the own cgroup")


@case(f"{ROW} bind in a user namespace: a source below a directory that only another user may enter",
      differs={"runc": "1.1 cannot do it with files"})
def bind_private(t: Context) -> None:
    home = t.directory / "home"
    home.mkdir()
    folder = home / "data"
    folder.mkdir()
    (folder / "file").write_text("from the host")
    (home / "link").symlink_to(folder)
    for path in (folder, home):
        os.chown(path, 1000, 1000)
    home.chmod(0o700)
    (home / "file").write_text("a file")
    bundles.give_away(t.rootfs, 100000)
    spec = t.spec("cat /data/file /file /link/file")
    bundles.user_namespace(spec)
    bundles.mount(spec, "/data", "bind", str(folder), "bind")
    bundles.mount(spec, "/file", "bind", str(home / "file"), "bind", "ro")
    bundles.mount(spec, "/link", "bind", str(home / "link"), "rbind", "nosuid")
    t.equal(t.output(spec), "from the hosta filefrom the host", "what is in the files")


@case(f"{ROW} bind in a user namespace: a private source that is missing is told", differs={"runc": "1.1 leaves its cgroup"})
def bind_private_missing(t: Context) -> None:
    home = t.directory / "home"
    home.mkdir(mode=0o700)
    os.chown(home, 1000, 1000)
    bundles.give_away(t.rootfs, 100000)
    spec = t.spec()
    bundles.user_namespace(spec)
    bundles.mount(spec, "/data", "bind", str(home / "none"), "bind")
    t.refused(spec, "no such file|permission denied")


@case(f"{ROW} sysfs in a user namespace on the host's network: the host's",
      differs={"crun": "what is mounted below stays writable", "runc": "it refuses that"})
def sysfs_of_host(t: Context) -> None:
    bundles.give_away(t.rootfs, 100000)
    spec = t.spec("grep -c '^[0-9: /]* /sys ro,' /proc/self/mountinfo >/dev/null; ls /sys/class >/dev/null && echo seen; "
                  "for f in $(sed -n 's,^[0-9 ]*[0-9:]* [^ ]* \\(/sys[^ ]*\\) rw.*,\\1,p' /proc/self/mountinfo); do echo writable $f; done")
    bundles.user_namespace(spec)
    bundles.drop_namespace(spec, "network")
    t.equal(t.output(spec), "seen\n", "sysfs")


@case(f"{ROW} mqueue and devpts: instances of their own")
def instances(t: Context) -> None:
    out = t.output(t.spec("ls /dev/pts /dev/mqueue; stat -f -c %t /dev/mqueue /dev/pts"))
    t.equal(out.split(), ["/dev/mqueue:", "/dev/pts:", "ptmx", "19800202", "1cd1"], "contents and types")


@case(f"{ROW} no mount of the container shows on the host")
def hidden_from_host(t: Context) -> None:
    spec = t.spec()
    bundles.mount(spec, "/data", "bind", str(source(t)), "bind")
    bundles.mount(spec, "/a", "tmpfs", "tmpfs")
    t.create(spec)
    new = [line for line in mountinfo() if str(t.rootfs) in line]
    t.equal(new, [], "mounts below the root file system, on the host")


@case(f"{ROW} the root has nothing of the host's mounts")
def nothing_of_host(t: Context) -> None:
    lines = mounted(t, t.spec())
    expected = {"/", *(destination for destination, _, _ in bundles.MOUNTS)}
    t.equal(set(lines) - expected - {"/dev/console"}, set(), "mounts that nobody asked for")
    t.check(expected <= set(lines), f"missing mounts: {expected - set(lines)}")


@case(f"{ROW} idmap with mappings of its own")
def idmapped(t: Context) -> None:
    folder = source(t)
    for path in (folder, folder / "file"):
        os.chown(path, 1000, 2000)
    spec = t.spec("stat -c '%u %g' /data/file; touch /data/new")
    bundles.mount(spec, "/data", "bind", str(folder), "bind", "idmap",
                  uidMappings=[{"containerID": 1000, "hostID": 0, "size": 1}],
                  gidMappings=[{"containerID": 2000, "hostID": 0, "size": 1}])
    out = t.output(spec)
    t.equal(out, "0 0\n", "owner inside")
    made = (folder / "new").stat()
    t.equal((made.st_uid, made.st_gid), (1000, 2000), "owner of a new file on the host")


@case(f"{ROW} two idmapped mounts with different mappings")
def idmapped_twice(t: Context) -> None:
    spec = t.spec("stat -c '%u' /a/file /b/file")
    for name, owner, inside in (("a", 1000, 5), ("b", 2000, 6)):
        os.chown(source(t, name) / "file", owner, owner)
        mapping = [{"containerID": owner, "hostID": inside, "size": 1}]
        bundles.mount(spec, f"/{name}", "bind", str(t.directory / name), "bind", "idmap",
                      uidMappings=mapping, gidMappings=mapping)
    t.equal(t.output(spec), "5\n6\n", "owners")


def below(t: Context, option: str) -> str:
    """Owners in an idmapped mount with another below."""
    folder = source(t)
    (folder / "sub").mkdir()
    os.system(f"mount -t tmpfs conformance {folder}/sub && touch {folder}/sub/file")
    t.cleanups.append(lambda: (os.system(f"umount {folder}/sub"), None)[1])
    t.before = t.before + [f"{folder}/sub"]
    for path in (folder / "file", folder / "sub/file"):
        os.chown(path, 1000, 1000)
    spec = t.spec("stat -c '%u' /data/file /data/sub/file")
    mapping = [{"containerID": 1000, "hostID": 3, "size": 1}]
    bundles.mount(spec, "/data", "bind", str(folder), "rbind", option, uidMappings=mapping, gidMappings=mapping)
    return t.output(spec)


@case(f"{ROW} idmap is for the mount alone")
def idmap_alone(t: Context) -> None:
    t.equal(below(t, "idmap"), "3\n1000\n", "owners in the mount and below")


@case(f"{ROW} ridmap is for mounts below as well")
def ridmap(t: Context) -> None:
    t.equal(below(t, "ridmap"), "3\n3\n", "owners in the mount and below")


@case(f"{ROW} idmap without mappings: the container's")
def idmap_of_userns(t: Context) -> None:
    folder = source(t)
    bundles.give_away(t.rootfs, 100000)
    os.chown(folder / "file", 7, 7)
    spec = t.spec("stat -c '%u' /data/file")
    bundles.user_namespace(spec)
    bundles.mount(spec, "/data", "bind", str(folder), "bind", "idmap")
    t.equal(t.output(spec), "7\n", "owner inside")


@case(f"{ROW} idmap without mappings: those of a namespace that is joined", differs={"runc": "1.1 ignores it"})
def idmap_of_joined(t: Context) -> None:
    folder = source(t)
    os.chown(folder / "file", 7, 8)
    pid = own_namespaces(t, "user")
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{pid}/{name}").write_text("0 100000 65536\n")
    bundles.give_away(t.rootfs, 100000)
    spec = t.spec("stat -c '%u %g' /data/file; touch /data/new")
    bundles.namespace(spec, "user", f"/proc/{pid}/ns/user")
    bundles.mount(spec, "/data", "bind", str(folder), "rbind", "idmap")
    t.equal(t.output(spec), "7 8\n", "owner inside")
    t.equal((folder / "new").stat().st_uid, 0, "owner of a new file on the host")


@case(f"{ROW} idmap, in a user namespace, of what lies in the root or was mounted there before",
      differs={"crun": "1.21 cannot", "runc": "1.1 ignores idmap"})
def idmap_in_root(t: Context) -> None:
    folder = source(t)
    (folder / "inner").mkdir()
    (folder / "inner/file").write_text("brought")
    os.chown(folder / "inner/file", 7, 8)
    bundles.give_away(t.rootfs, 100000)
    (t.rootfs / "own").mkdir()
    (t.rootfs / "own/file").write_text("own")
    os.chown(t.rootfs / "own/file", 5, 6)
    spec = t.spec("cat /again/file /copy/file; stat -c '%u %g' /again/file /copy/file")
    bundles.user_namespace(spec)
    bundles.mount(spec, "/first", "bind", str(folder), "bind")
    bundles.mount(spec, "/again", "bind", f"{t.rootfs}/first/inner", "rbind", "idmap")
    bundles.mount(spec, "/copy", "bind", f"{t.rootfs}/own", "bind", "idmap", "ro")
    t.equal(t.output(spec), "broughtown7 8\n5 6\n", "files and owners inside")


@case(f"{ROW} idmap without mappings needs a user namespace")
def idmap_without_userns(t: Context) -> None:
    spec = t.spec()
    bundles.mount(spec, "/data", "bind", str(source(t)), "bind", "idmap")
    t.refused(spec, "map|user")


@case(f"{ROW} uidMappings and gidMappings come together")
def idmap_half(t: Context) -> None:
    spec = t.spec()
    bundles.mount(spec, "/data", "bind", str(source(t)), "bind", "idmap",
                  uidMappings=[{"containerID": 0, "hostID": 1, "size": 1}])
    t.refused(spec, "map")


@case("B4 default file systems are readable by those who list none")
def no_mounts(t: Context) -> None:
    spec = t.spec("echo here")
    spec["mounts"] = [spec["mounts"][0]]
    t.match(t.output(spec), r"^here\n", "output without mounts but proc")


@case("B4 mountLabel without SELinux is no error")
def mount_label(t: Context) -> None:
    spec = t.spec("echo here")
    spec["linux"]["mountLabel"] = ""
    t.equal(t.output(spec), "here\n", "output")


@case(f"{ROW} a mount of everything that procfs allows")
def below_proc(t: Context) -> None:
    spec = t.spec("cat /proc/meminfo")
    bundles.mount(spec, "/proc/meminfo", "bind", str(source(t) / "file"), "bind")
    t.equal(t.output(spec), "from the host", "the file")


@case(f"{ROW} propagation of single mounts")
def single_propagation(t: Context) -> None:
    spec = t.spec()
    for word in ("shared", "slave", "private", "unbindable"):
        bundles.mount(spec, f"/{word}", "tmpfs", "tmpfs", word)
    found = mounted(t, spec)
    fields = {word: " ".join(found[f"/{word}"][6:found[f"/{word}"].index("-")]) for word in
              ("shared", "slave", "private", "unbindable")}
    t.check(re.search("shared:", fields["shared"]), f"shared: {fields}")
    t.check(not re.search("shared:", fields["slave"] + fields["private"]), f"slave, private: {fields}")
    t.equal(fields["unbindable"], "unbindable", "unbindable")


@case(f"{ROW} mounts: a destination may have the root's path on the host; a source may be what was mounted before")
def host_destination(t: Context) -> None:
    source = t.directory / "source"
    (source / "inner").mkdir(parents=True)
    (source / "inner/file").write_text("found")
    spec = t.spec("cat /again/file")
    bundles.mount(spec, "/first", "bind", str(source), "bind")
    bundles.mount(spec, f"{t.rootfs}/again", "bind", f"{t.rootfs}/first/inner", "bind")
    t.equal(t.output(spec), "found", "content")
