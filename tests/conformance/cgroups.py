# SPDX-License-Identifier: LGPL-2.1-or-later
"""B4: cgroups as far as a kernel without controllers shows them; limits.py has those that need controllers."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import bundles
from harness import CGROUPS, SECONDS, Context, Skip, case

ROW = "B4"


def own(t: Context) -> Path:
    return CGROUPS / f"conformance/{t.runtime.name}-{t.id}"


def cgroup_of(pid: int) -> str:
    return next(line for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if line.startswith("0::"))[3:]


@case(f"{ROW} cgroupsPath absolute: below the mount point")
def absolute(t: Context) -> None:
    t.create(t.spec())
    t.equal(cgroup_of(t.pid()).removesuffix("/container"), f"/conformance/{t.runtime.name}-{t.id}", "cgroup")


@case(f"{ROW} cgroupsPath is made and removed")
def removed(t: Context) -> None:
    spec = t.spec("mkdir /sys/fs/cgroup/below; echo $$ >/sys/fs/cgroup/below/cgroup.procs; sleep 1000")
    bundles.drop_mount(spec, "/sys/fs/cgroup")
    bundles.mount(spec, "/sys/fs/cgroup", "cgroup", "cgroup", "rw")
    t.start(spec)
    t.until(lambda: (own(t) / "below").exists() or list(own(t).glob("*/below")), "the container has made a cgroup")
    t.delete()
    t.check(not own(t).exists(), "the cgroup is still there")


@case(f"{ROW} cgroupsPath: a parent that was there stays")
def parent_kept(t: Context) -> None:
    parent = CGROUPS / f"conformance/kept-{t.runtime.name}"
    parent.mkdir(parents=True)
    t.cleanups.append(parent.rmdir)
    spec = t.spec()
    spec["linux"]["cgroupsPath"] = f"/conformance/{parent.name}/inner"
    t.create(spec)
    t.check((parent / "inner").exists(), "the cgroup is not where it should be")
    t.delete()
    t.check(parent.exists() and not (parent / "inner").exists(), "the parent is gone, or the cgroup is not")


@case(f"{ROW} cgroupsPath absent: one of the runtime's choice")
def none_given(t: Context) -> None:
    spec = t.spec()
    del spec["linux"]["cgroupsPath"]
    t.create(spec)
    found = cgroup_of(t.pid())
    t.check(found != cgroup_of(os.getpid()), f"the container is in our own cgroup {found}")
    t.delete()
    t.check(not (CGROUPS / found[1:]).exists(), f"{found} is left")


@case(f"{ROW} cgroupsPath relative")
def relative(t: Context) -> None:
    spec = t.spec()
    spec["linux"]["cgroupsPath"] = f"conformance-{t.runtime.name}-{t.id}"
    t.create(spec)
    found = cgroup_of(t.pid())
    t.match(found, rf"/conformance-{t.runtime.name}-{t.id}(/container)?$", "cgroup")
    t.delete()
    t.check(not (CGROUPS / found[1:]).exists(), f"{found} is left")


@case(f"{ROW} cgroupsPath does not lead out by ..")
def dots(t: Context) -> None:
    spec = t.spec()
    spec["linux"]["cgroupsPath"] = f"/conformance/../../../../conformance/dots-{t.runtime.name}"
    t.write(spec)
    t.ids.append(t.id)
    if t.call("create", t.id).status == 0:
        t.check((CGROUPS / f"conformance/dots-{t.runtime.name}").exists(), "the path was not cleaned")
        t.delete()


@case(f"{ROW} a frozen cgroup is refused")
def frozen(t: Context) -> None:
    own(t).mkdir(parents=True)
    t.cleanups.append(lambda: own(t).rmdir() if own(t).exists() else None)
    (own(t) / "cgroup.freeze").write_text("1")
    t.write(t.spec())
    t.ids.append(t.id)
    t.bad("create", t.id, says="frozen|freez|paused", seconds=5)
    (own(t) / "cgroup.freeze").write_text("0")


@case(f"{ROW} a cgroup with processes is refused")
def not_empty(t: Context) -> None:
    own(t).mkdir(parents=True)
    process = subprocess.Popen(["sleep", "1000"])
    t.active.append(process)
    (own(t) / "cgroup.procs").write_text(str(process.pid))

    def end() -> None:
        process.kill()
        process.wait()
        if own(t).exists():
            own(t).rmdir()

    t.cleanups.append(end)
    t.write(t.spec())
    t.ids.append(t.id)
    t.bad("create", t.id, says="empty|processes|cgroup|not supported")
    t.check(process.poll() is None, "the process that was there has been killed")


@case(f"{ROW} cgroup namespace: the container's cgroup is its root")
def namespace(t: Context) -> None:
    t.match(t.output(t.spec("cat /proc/self/cgroup")), r"(?m)^0::/$", "/proc/self/cgroup")


@case(f"{ROW} cgroup ownership in a user namespace")
def ownership(t: Context) -> None:
    for writable, owner in (("rw", 100000), ("ro", 0)):
        bundles.give_away(t.rootfs, 100000)
        spec = t.spec()
        bundles.user_namespace(spec)
        bundles.drop_mount(spec, "/sys/fs/cgroup")
        bundles.mount(spec, "/sys/fs/cgroup", "cgroup", "cgroup", writable)
        t.create(spec)
        folder = CGROUPS / cgroup_of(t.pid())[1:]
        delegated = Path("/sys/kernel/cgroup/delegate")
        names = delegated.read_text().split() if delegated.exists() else ["cgroup.procs", "cgroup.subtree_control"]
        found = {name: (folder / name).stat().st_uid for name in [".", *names] if (folder / name).exists()}
        t.equal(found, dict.fromkeys(found, owner), f"owners, mounted {writable}")
        t.equal((folder / "cgroup.freeze").stat().st_uid, 0, "owner of what is not delegated")
        t.equal(t.good("exec", t.id, "/bin/echo", "in").out, "in\n", f"exec, mounted {writable}")
        t.delete()


@case(f"{ROW} resources that are empty ask for nothing")
def empty_resources(t: Context) -> None:
    spec = t.spec("echo here")
    spec["linux"]["resources"] = {"memory": {}, "cpu": {}, "blockIO": {}, "network": {}, "unified": {},
                                  "hugepageLimits": [], "devices": []}
    t.equal(t.output(spec), "here\n", "output")


def without_controllers(name: str, resources: dict, says: str) -> None:
    @case(f"{ROW} resources whose controller is missing are errors", name=f"missing_{name}")
    def refused(t: Context) -> None:
        if name in (CGROUPS / "cgroup.controllers").read_text().split():
            raise Skip(f"the kernel has the controller {name}")
        spec = t.spec()
        spec["linux"]["resources"] = resources
        t.refused(spec, says)


without_controllers("memory", {"memory": {"limit": 1 << 26}}, "memory")
without_controllers("cpu", {"cpu": {"shares": 512}}, "cpu")
without_controllers("cpuset", {"cpu": {"cpus": "0"}}, "cpuset|cpu")
without_controllers("pids", {"pids": {"limit": 20}}, "pids")
without_controllers("io", {"blockIO": {"weight": 200}}, r"\bio\b|weight")
without_controllers("rdma", {"rdma": {"mlx5_1": {"hcaHandles": 3}}}, "rdma")


@case(f"{ROW} resources.unified is written")
def unified(t: Context) -> None:
    spec = t.spec()
    spec["linux"]["resources"] = {"unified": {"cgroup.max.depth": "7"}}
    t.create(spec)
    t.equal((CGROUPS / cgroup_of(t.pid())[1:].removesuffix("/container") / "cgroup.max.depth").read_text(), "7\n", "cgroup.max.depth")


@case(f"{ROW} resources.unified: what cannot be written is an error")
def unified_wrong(t: Context) -> None:
    for key, value, says in (("memory.high", "1000000", "memory"), ("cgroup.max.depth", "deep", "cgroup.max.depth|invalid"),
                             ("no.such.file", "1", "no.such|unified"), ("../cgroup.max.depth", "3", r"unified|\.\./|invalid")):
        if key == "memory.high" and "memory" in (CGROUPS / "cgroup.controllers").read_text().split():
            continue
        spec = t.spec()
        spec["linux"]["resources"] = {"unified": {key: value}}
        t.refused(spec, says)


@case("C1 update without anything")
def update_empty(t: Context) -> None:
    t.start(t.spec("sleep 1000"))
    resources = t.directory / "resources.json"
    resources.write_text("{}")
    t.good("update", "--resources", str(resources), t.id)
    with open(resources, encoding="utf-8") as file:
        t.good("update", "--resources=-", t.id, stdin=file)
    resources.write_text(json.dumps({"unified": 5}))
    t.bad("update", "--resources", str(resources), t.id)
    t.bad("update", "--resources", "/no/such/file", t.id, says="no such file")


@case("C1 pause and resume")
def pause(t: Context) -> None:
    t.start(t.spec("while :; do echo x >>/log; sleep 0.01; done"))
    t.good("pause", t.id)
    t.equal(t.state()["status"], "paused", "status")
    events = (own(t) / "cgroup.events").read_text()
    if "frozen 1" not in events:
        t.match((CGROUPS / cgroup_of(t.pid())[1:] / "cgroup.events").read_text(), "frozen 1", "cgroup.events")
    t.good("resume", t.id)
    t.equal(t.state()["status"], "running", "status")
    size = (t.rootfs / "log").stat().st_size
    t.until(lambda: (t.rootfs / "log").stat().st_size > size, "the container goes on")


@case("C1 a paused container can be killed and deleted")
def pause_delete(t: Context) -> None:
    t.start(t.spec("sleep 1000"))
    t.good("pause", t.id)
    t.delete()
    t.equal(t.left(), [], "what is left")


@case("C2 intelRdt without resctrl is an error")
def intel_rdt(t: Context) -> None:
    if Path("/sys/fs/resctrl/schemata").exists():
        raise Skip("resctrl is mounted")
    spec = t.spec()
    spec["linux"]["intelRdt"] = {"closID": "group", "l3CacheSchema": "L3:0=f"}
    t.refused(spec, "rdt|resctrl")


@case("C1 update --l3-cache-schema of a container without intelRdt is an error")
def intel_rdt_update(t: Context) -> None:
    t.start(t.spec("sleep 1000"))
    t.bad("update", "--l3-cache-schema", "L3:0=f", t.id, says="rdt|resctrl")
    t.bad("update", "--mem-bw-schema", "MB:0=50", t.id, says="rdt|resctrl")


# -- the systemd driver


def scoped(t: Context, script: str = "sleep 1000") -> dict:
    """A spec for --systemd-cgroup, whose cgroups are then those of systemd."""
    if not Path("/run/systemd/system").exists():
        raise Skip("there is no systemd")
    t.options = ["--systemd-cgroup"]
    spec = t.spec(script)
    spec["linux"]["cgroupsPath"] = f"system.slice:cf-{t.runtime.name}:{t.id}"
    return spec


def unit_properties(unit: str, *names: str) -> list[str]:
    words = ["systemctl", "show", "--value", *(f"--property={name}" for name in names), unit]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()


def unit_of(t: Context) -> str:
    return f"cf-{t.runtime.name}-{t.id}.scope"


@case("C2 systemd driver: slice:prefix:name is a scope")
def systemd_scope(t: Context) -> None:
    t.start(scoped(t))
    t.match(cgroup_of(t.pid()), rf"^/(.*/)?system\.slice/{unit_of(t)}(/container)?$", "cgroup")
    t.equal(unit_properties(unit_of(t), "ActiveState"), ["active"], "the unit's state")
    t.equal(unit_properties(unit_of(t), "Delegate"), ["yes"], "Delegate")
    if t.runtime.name != "runc":
        t.equal(t.state()["systemd-scope"], unit_of(t), "the scope that state tells")
    t.delete()
    t.until(lambda: unit_properties(unit_of(t), "LoadState") == ["not-found"], "the unit is gone")


@case("C2 systemd driver: another slice, with nested names")
def systemd_slice(t: Context) -> None:
    spec, slice_name = scoped(t), f"cf{t.runtime.name}"
    spec["linux"]["cgroupsPath"] = f"{slice_name}-cfb.slice:cf-{t.runtime.name}:{t.id}"
    t.start(spec)
    t.match(cgroup_of(t.pid()), rf"/{slice_name}\.slice/{slice_name}-cfb\.slice/{unit_of(t)}", "cgroup")
    t.delete()
    subprocess.run(["systemctl", "stop", f"{slice_name}.slice"], check=False)


@case("C2 systemd driver: no path is system.slice, or the root's default")
def systemd_default(t: Context) -> None:
    spec = scoped(t)
    del spec["linux"]["cgroupsPath"]
    t.start(spec)
    t.match(cgroup_of(t.pid()), rf"\.slice/[a-z]+-{t.id}\.scope", "cgroup")
    t.delete()


@case("C2 systemd driver: a path that is none of its own is an error")
def systemd_wrong_path(t: Context) -> None:
    spec = scoped(t)
    spec["linux"]["cgroupsPath"] = "/conformance/plain"
    t.refused(spec, "cgroup|slice|path|invalid")


@case("C2 systemd driver: org.systemd.property annotations")
def systemd_properties(t: Context) -> None:
    spec = scoped(t)
    spec["annotations"] = {"org.systemd.property.Description": "'of the suite'",
                           "org.systemd.property.TimeoutStopUSec": "uint64 7000000"}
    t.start(spec)
    t.equal(sorted(unit_properties(unit_of(t), "Description", "TimeoutStopUSec")), ["7s", "of the suite"], "properties")


@case("C2 systemd driver: kill and pause")
def systemd_pause(t: Context) -> None:
    t.start(scoped(t))
    t.good("pause", t.id)
    t.equal(t.state()["status"], "paused", "status")
    t.good("resume", t.id)
    t.good("kill", t.id, "KILL")
    t.until_stopped()
    t.good("delete", t.id)


@case("C2 systemd driver: exec is in the container's scope")
def systemd_exec(t: Context) -> None:
    t.start(scoped(t))
    out = t.exec("grep", "0::", "/proc/self/cgroup").out
    t.match(out, r"^0::/", "cgroup of an exec")
    t.check(".." not in out, f"exec is in another cgroup: {out}")


@case("C2 systemd driver: a frozen cgroup is refused")
def systemd_frozen(t: Context) -> None:
    t.write(scoped(t))
    folder = CGROUPS / "system.slice" / unit_of(t)
    folder.mkdir(parents=True)
    (folder / "cgroup.freeze").write_text("1")

    def end() -> None:
        if folder.exists():
            (folder / "cgroup.freeze").write_text("0")
            subprocess.run(["systemctl", "kill", "--signal=KILL", unit_of(t)], check=False, stderr=subprocess.DEVNULL)
            t.until(lambda: "populated 0" in (folder / "cgroup.events").read_text(), "the cgroup is empty")
            folder.rmdir()

    t.cleanups.append(end)
    t.ids.append(t.id)
    for _ in range(2):
        t.bad("create", t.id, says="frozen|freez|paused", seconds=5)
        t.check((folder / "cgroup.freeze").exists() and (folder / "cgroup.freeze").read_text() == "1\n",
                "the cgroup is not as it was")


@case("C2 systemd driver: a scope that failed is there until delete")
def systemd_failed(t: Context) -> None:
    spec = scoped(t)
    # As long as a slow machine takes to create it.
    spec["annotations"] = {"org.systemd.property.RuntimeMaxUSec": f"uint64 {int(SECONDS * 50000)}"}
    t.create(spec)
    t.until_stopped()
    t.until(lambda: unit_properties(unit_of(t), "ActiveState") == ["failed"], "systemd says that the scope failed")
    t.equal(unit_properties(unit_of(t), "Result"), ["timeout"], "why it failed")
    t.good("delete", t.id)
    t.equal(unit_properties(unit_of(t), "LoadState"), ["not-found"], "the unit")
    # Without a delete, as after a state directory was lost, a new one takes the name.
    t.create(spec)
    t.until(lambda: unit_properties(unit_of(t), "ActiveState") == ["failed"], "it failed once more")
    shutil.rmtree(t.state_root / t.id)
    spec["annotations"] = {}
    t.start(spec)
    t.equal(unit_properties(unit_of(t), "ActiveState"), ["active"], "the new scope")
    t.delete()


@case("C2 systemd driver: a scope that is in use is refused")
def systemd_in_use(t: Context) -> None:
    spec = scoped(t)
    spec["linux"]["cgroupsPath"] = f"system.slice:cf-{t.runtime.name}:used-{t.id}"
    t.start(spec)
    first = t.pid()
    t.ids.append(f"{t.id}-2")
    t.bad("create", f"{t.id}-2", says="not empty|already")
    t.check(Path(f"/proc/{first}").exists(), "who was there is gone")
