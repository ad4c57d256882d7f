# SPDX-License-Identifier: LGPL-2.1-or-later
"""B4: namespaces that are new, inherited or given by path, and what is set in them."""
from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import bundles
from harness import Context, Skip, Spec, case

ROW = "B4"
FILES = {"pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts", "mount": "mnt", "user": "user", "cgroup": "cgroup",
         "time": "time"}


def link(pid: int | str, kind: str) -> str:
    return os.readlink(f"/proc/{pid}/ns/{FILES[kind]}")


def own_namespaces(t: Context, *kinds: str) -> int:
    """A process of ours in new namespaces; it ends with the test."""
    flags = [f"--{'net' if kind == 'network' else kind}" for kind in kinds]
    words = ["unshare", *flags, "--fork", "--kill-child", "sh", "-c", "echo; exec sleep 1000"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    t.active.append(process)
    assert process.stdout
    process.stdout.readline()

    def end() -> None:
        process.kill()
        process.wait()
        t.reap()

    t.cleanups.append(end)
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])


@case(f"{ROW} namespaces that are listed are new")
def new(t: Context) -> None:
    spec = t.spec()
    t.create(spec)
    pid = t.pid()
    for row in spec["linux"]["namespaces"]:
        t.check(link(pid, row["type"]) != link("self", row["type"]), f"{row['type']} is ours")


@case(f"{ROW} namespaces that are not listed are inherited")
def inherited(t: Context) -> None:
    for kind in ("network", "ipc", "uts", "cgroup"):
        spec = t.spec()
        bundles.drop_namespace(spec, kind)
        if kind == "uts":
            del spec["hostname"]
        if kind == "network":
            bundles.drop_mount(spec, "/sys")
            bundles.drop_mount(spec, "/sys/fs/cgroup")
        t.create(spec)
        t.equal(link(t.pid(), kind), link("self", kind), kind)
        t.equal(link(t.pid(), "time"), link("self", "time"), "time")
        t.delete()


@case(f"{ROW} a container without a pid namespace is killed whole")
def inherited_pid(t: Context) -> None:
    spec = t.spec("sleep 1000 & sleep 1000")
    bundles.drop_namespace(spec, "pid")
    t.create(spec)
    t.equal(link(t.pid(), "pid"), link("self", "pid"), "pid")
    t.good("start", t.id)
    procs = Path(f"/sys/fs/cgroup/conformance/{t.runtime.name}-{t.id}")
    t.until(lambda: sum(len(path.read_text().split()) for path in procs.rglob("cgroup.procs")) >= 2, "there are two")
    t.delete()
    t.equal(t.left(), [], "what is left")


@case(f"{ROW} namespaces by path")
def by_path(t: Context) -> None:
    pid = own_namespaces(t, "network", "ipc", "uts")
    spec = t.spec()
    del spec["hostname"]
    for kind in ("network", "ipc", "uts"):
        bundles.namespace(spec, kind, f"/proc/{pid}/ns/{FILES[kind]}")
    t.create(spec)
    for kind in ("network", "ipc", "uts"):
        t.equal(link(t.pid(), kind), link(pid, kind), kind)


@case(f"{ROW} a namespace by path is not the host's, though a bind mount names it")
def by_bind_mount(t: Context) -> None:
    pid = own_namespaces(t, "network")
    point = t.directory / "netns"
    point.touch()
    subprocess.run(["mount", "--bind", f"/proc/{pid}/ns/net", point], check=True)
    t.cleanups.append(lambda: subprocess.run(["umount", point], check=False) and None)
    t.before = t.before + [str(point)]
    spec = t.spec()
    bundles.namespace(spec, "network", str(point))
    t.create(spec)
    t.equal(link(t.pid(), "network"), link(pid, "network"), "network")


@case(f"{ROW} pid namespace by path")
def pid_by_path(t: Context) -> None:
    pid = own_namespaces(t, "pid")
    spec = t.spec("readlink /proc/self >/number; sleep 1000")
    bundles.namespace(spec, "pid", f"/proc/{pid}/ns/pid")
    t.create(spec)
    t.equal(link(t.pid(), "pid"), link(pid, "pid"), "pid")
    t.delete()
    t.check(Path(f"/proc/{pid}").exists(), "the namespace that we had made is gone")


@case(f"{ROW} user namespace by path is joined first")
def user_by_path(t: Context) -> None:
    pid = own_namespaces(t, "user", "network")
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{pid}/{name}").write_text("0 100000 65536\n")
    bundles.give_away(t.rootfs, 100000)
    spec = t.spec()
    bundles.namespace(spec, "user", f"/proc/{pid}/ns/user")
    bundles.namespace(spec, "network", f"/proc/{pid}/ns/net")
    t.create(spec)
    t.equal(link(t.pid(), "user"), link(pid, "user"), "user")
    t.equal(link(t.pid(), "network"), link(pid, "network"), "network")


@case(f"{ROW} a network of the host's together with a user namespace, new or by path")
def host_network_of_user(t: Context) -> None:
    network = own_namespaces(t, "network")
    pid = own_namespaces(t, "user", "ipc")
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{pid}/{name}").write_text("0 100000 65536\n")
    bundles.give_away(t.rootfs, 100000)
    spec = t.spec("readlink /proc/self/ns/net; readlink /proc/self/ns/ipc; cat /proc/self/uid_map | xargs")
    bundles.drop_mount(spec, "/sys")  # of a network that another user owns
    bundles.namespace(spec, "network", f"/proc/{network}/ns/net")
    bundles.namespace(spec, "user", f"/proc/{pid}/ns/user")
    bundles.namespace(spec, "ipc", f"/proc/{pid}/ns/ipc")
    t.equal(t.output(spec).splitlines(), [link(network, "network"), link(pid, "ipc"), "0 100000 65536"], "by path")
    bundles.drop_namespace(spec, "user")
    bundles.namespace(spec, "ipc")
    bundles.user_namespace(spec)
    t.equal(t.output(spec).splitlines()[::2], [link(network, "network"), "0 100000 65536"], "a new one")


@case(f"{ROW} a path of another type is an error")
def wrong_type(t: Context) -> None:
    spec = t.spec()
    bundles.namespace(spec, "network", "/proc/self/ns/ipc")
    t.refused(spec, "namespace|type|ns|invalid")


@case(f"{ROW} a path must exist, be absolute, be a namespace")
def wrong_path(t: Context) -> None:
    for path, says in (("/no/such/ns", "no such file|lstat|not exist"), ("proc/self/ns/net", "absolute|no such|namespace"),
                       ("/etc/passwd", "namespace|invalid|type|ns")):
        spec = t.spec()
        bundles.namespace(spec, "network", path)
        t.refused(spec, says)


@case(f"{ROW} duplicates are an error")
def duplicates(t: Context) -> None:
    spec = t.spec()
    spec["linux"]["namespaces"].append({"type": "network"})
    t.refused(spec, "namespace|duplicate|more than once")


@case(f"{ROW} uidMappings and gidMappings")
def user_namespace(t: Context) -> None:
    bundles.give_away(t.rootfs, 100000)
    spec = t.spec("cat /proc/self/uid_map /proc/self/gid_map; id -u; id -g; touch /made; stat -c %u /made")
    bundles.user_namespace(spec, 100000, 1000)
    t.equal(t.output(spec).split(), ["0", "100000", "1000"] * 2 + ["0", "0", "0"], "maps and users")
    t.equal((t.rootfs / "made").stat().st_uid, 100000, "owner on the host")


@case(f"{ROW} mappings in several pieces")
def user_mappings(t: Context) -> None:
    bundles.give_away(t.rootfs, 100000)
    spec = t.spec("cat /proc/self/uid_map")
    bundles.user_namespace(spec)
    spec["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 10},
                                    {"containerID": 10, "hostID": 200000, "size": 20},
                                    {"containerID": 1000, "hostID": 1000, "size": 1}]
    t.equal(t.output(spec).split(), "0 100000 10 10 200000 20 1000 1000 1".split(), "uid_map")


@case(f"{ROW} a user namespace needs mappings")
def user_without_mappings(t: Context) -> None:
    spec = t.spec()
    bundles.namespace(spec, "user")
    t.refused(spec, "map")


@case(f"{ROW} mappings need a user namespace")
def mappings_without_user(t: Context) -> None:
    spec = t.spec()
    bundles.user_namespace(spec)
    bundles.drop_namespace(spec, "user")
    t.refused(spec, "map|user")


@case(f"{ROW} groups work in a user namespace that root made")
def setgroups(t: Context) -> None:
    bundles.give_away(t.rootfs, 100000)
    spec = t.spec("cat /proc/self/setgroups; grep Groups /proc/self/status")
    bundles.user_namespace(spec)
    spec["process"]["user"]["additionalGids"] = [7, 8]
    t.match(t.output(spec), r"allow\nGroups:\s7 8", "setgroups and groups")


@case(f"{ROW} timeOffsets")
def time_offsets(t: Context) -> None:
    if not Path("/proc/self/ns/time").exists():
        raise Skip("the kernel has no time namespaces")
    spec = t.spec("cat /proc/self/timens_offsets; cut -d. -f 1 /proc/uptime")
    bundles.namespace(spec, "time")
    spec["linux"]["timeOffsets"] = {"monotonic": {"secs": 172800, "nanosecs": 7}, "boottime": {"secs": 864000}}
    out = t.output(spec)
    t.match(out, r"monotonic +172800 +7\nboottime +864000 +0\n", "timens_offsets")
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    t.check(864000 <= int(out.split()[-1]) <= 864001 + uptime, f"uptime inside: {out.split()[-1]}")


@case(f"{ROW} timeOffsets need a time namespace")
def time_offsets_alone(t: Context) -> None:
    spec = t.spec()
    spec["linux"]["timeOffsets"] = {"monotonic": {"secs": 1}}
    t.refused(spec, "time")


def veth(t: Context, *addresses: str) -> str:
    """A pair of network devices; the name of the one that is to be moved."""
    name = f"cf{os.getpid() % 10000}a"
    made = subprocess.run(["ip", "link", "add", name, "type", "veth", "peer", "name", name[:-1] + "b"],
                          capture_output=True, text=True, check=False)
    if made.returncode:
        raise Skip(f"no veth devices: {made.stderr.strip()}")
    t.cleanups.append(lambda: subprocess.run(["ip", "link", "delete", name[:-1] + "b"], check=False,
                                             stderr=subprocess.DEVNULL) and None)
    for address in addresses:
        subprocess.run(["ip", "address", "add", address, "dev", name], check=True)
    return name


@case(f"{ROW} netDevices: moved, renamed, up, with addresses")
def net_devices(t: Context) -> None:
    name = veth(t, "10.77.0.5/24")
    subprocess.run(["ip", "link", "set", name, "mtu", "1400"], check=True)
    spec = t.spec("ip address show dev inside")
    spec["linux"]["netDevices"] = {name: {"name": "inside"}}
    out = t.output(spec)
    t.match(out, r"mtu 1400", "attributes")
    t.match(out, r"<[^>]*\bUP\b", "flags")
    t.match(out, r"10\.77\.0\.5/24", "addresses")
    t.check(not Path(f"/sys/class/net/{name}").exists(), "the device is back on the host")


@case(f"{ROW} netDevices: the same name without one given")
def net_devices_same_name(t: Context) -> None:
    name = veth(t)
    spec = t.spec(f"cat /sys/class/net/{name}/ifindex")
    spec["linux"]["netDevices"] = {name: {}}
    t.match(t.output(spec), r"^\d+\n$", "ifindex inside")


@case(f"{ROW} netDevices: a missing device, a name in use, a bad name are errors")
def net_devices_wrong(t: Context) -> None:
    name = veth(t)
    for devices, says in (({"nosuchdevice": {}}, "nosuchdevice|not found|no such"), ({name: {"name": "lo"}}, "lo|exist"),
                          ({name: {"name": "a/b"}}, "name|a/b"), ({name: {"name": "a" * 16}}, "name|aaaa")):
        spec = t.spec()
        spec["linux"]["netDevices"] = devices
        t.refused(spec, says)
    t.check(Path(f"/sys/class/net/{name}").exists(), "a failed create has taken the device")


@case(f"{ROW} netDevices need a network namespace")
def net_devices_alone(t: Context) -> None:
    name = veth(t)
    spec = t.spec()
    bundles.drop_namespace(spec, "network")
    spec["linux"]["netDevices"] = {name: {}}
    t.refused(spec, "net")


SYSCTLS = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "4096000", "fs.mqueue.msg_max": "12",
           "kernel.msgmax": "9000", "net/ipv4/conf/lo/forwarding": "1"}


@case(f"{ROW} sysctl")
def sysctl(t: Context) -> None:
    paths = " ".join("/proc/sys/" + name.replace(".", "/") for name in SYSCTLS)
    spec = t.spec(f"cat {paths}")
    spec["linux"]["sysctl"] = SYSCTLS
    t.equal(t.output(spec).split(), list(SYSCTLS.values()), "values")


def refuses_sysctl(what: str, name: str, namespace: str | None) -> None:
    @case(f"{ROW} sysctl that is not of the container is an error", name=f"sysctl_{what}")
    def refused(t: Context) -> None:
        spec: Spec = t.spec()
        if namespace:
            bundles.drop_namespace(spec, namespace)
            if namespace == "uts":
                del spec["hostname"]
        path = Path("/proc/sys") / name.replace(".", "/")
        before = path.read_text() if path.exists() else ""
        spec["linux"]["sysctl"] = {name: before.strip() or "1"}
        t.refused(spec, re.escape(name) + "|sysctl|namespace")


refuses_sysctl("of_host", "vm.swappiness", None)
refuses_sysctl("core_pattern", "kernel.core_pattern", None)
refuses_sysctl("hostname", "kernel.hostname", None)
refuses_sysctl("ipc_shared", "kernel.shmmax", "ipc")
refuses_sysctl("net_shared", "net.ipv4.ip_forward", "network")
refuses_sysctl("uts_shared", "kernel.domainname", "uts")
refuses_sysctl("escape", "net.../../kernel.panic", None)
refuses_sysctl("unknown", "net.ipv4.no_such_thing", None)
