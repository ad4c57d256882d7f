# SPDX-License-Identifier: LGPL-2.1-or-later
"""B4: resources that need cgroup controllers. They are tagged vm: box's virtual machine has the controllers."""
from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable
from pathlib import Path

from harness import CGROUPS, Context, Skip, Spec, case

ROW = "B4"


def folder_of(pid: int) -> Path:
    line = next(line for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if line.startswith("0::"))
    return CGROUPS / line[4:].removesuffix("/container")


def need(*controllers: str) -> None:
    there = (CGROUPS / "cgroup.controllers").read_text().split()
    missing = set(controllers) - set(there)
    if missing:
        raise Skip(f"the kernel lacks {', '.join(sorted(missing))}")


def weight(shares: int) -> int:
    """The present conversion of shares: 2, 1024 and 262144 are 1, 100 and 10000."""
    level = math.log2(shares)
    return math.ceil(10 ** ((level * level + 125 * level) / 612 - 7 / 34))


# What is asked for, which controllers it needs, and what the files then say.
RESOURCES: dict[str, tuple[Spec, list[str], dict[str, str]]] = {
    "memory_limit": ({"memory": {"limit": 1 << 26}}, ["memory"], {"memory.max": str(1 << 26)}),
    "memory_reservation": ({"memory": {"reservation": 1 << 25}}, ["memory"], {"memory.low": str(1 << 25)}),
    "memory_unlimited": ({"memory": {"limit": -1}}, ["memory"], {"memory.max": "max"}),
    "pids": ({"pids": {"limit": 20}}, ["pids"], {"pids.max": "20"}),
    "pids_unlimited": ({"pids": {"limit": -1}}, ["pids"], {"pids.max": "max"}),
    "cpu_quota": ({"cpu": {"quota": 50000, "period": 100000}}, ["cpu"], {"cpu.max": "50000 100000"}),
    "cpu_burst": ({"cpu": {"quota": 50000, "period": 100000, "burst": 10000}}, ["cpu"], {"cpu.max.burst": "10000"}),
    "cpu_period": ({"cpu": {"period": 50000}}, ["cpu"], {"cpu.max": "max 50000"}),
    "cpu_idle": ({"cpu": {"idle": 1}}, ["cpu"], {"cpu.idle": "1"}),
    "cpu_shares": ({"cpu": {"shares": 1024}}, ["cpu"], {"cpu.weight": str(weight(1024))}),
    "cpu_shares_least": ({"cpu": {"shares": 2}}, ["cpu"], {"cpu.weight": "1"}),
    "cpu_shares_most": ({"cpu": {"shares": 262144}}, ["cpu"], {"cpu.weight": "10000"}),
    "cpuset": ({"cpu": {"cpus": "0", "mems": "0"}}, ["cpuset"], {"cpuset.cpus": "0", "cpuset.mems": "0"}),
    "unified": ({"unified": {"memory.high": "33554432", "pids.max": "9"}}, ["memory", "pids"],
                {"memory.high": "33554432", "pids.max": "9"}),
}


def resource(name: str) -> Callable[[Context], None]:
    resources, controllers, files = RESOURCES[name]

    def test(t: Context) -> None:
        need(*controllers)
        spec = t.spec("sleep 1000")
        spec["linux"]["resources"] = resources
        t.create(spec)
        folder = folder_of(t.pid())
        for file, expected in files.items():
            t.equal((folder / file).read_text().strip(), expected, file)

    test.__module__ = __name__
    return test


OLD = {"runc": "1.1 does not know it"}
DIFFERS = {"cpu_burst": OLD, "cpu_idle": OLD,
           "cpu_shares": {"runc": "1.1 has the older conversion", "crun": "1.21 has the older conversion"}}

for each in RESOURCES:
    case(f"{ROW} resources", name=each, tags=["vm"], differs=DIFFERS.get(each))(resource(each))


@case(f"{ROW} memory.swap is memory and swap together", tags=["vm"])
def memory_swap(t: Context) -> None:
    need("memory")
    spec = t.spec("sleep 1000")
    spec["linux"]["resources"] = {"memory": {"limit": 1 << 26, "swap": 1 << 27}}
    t.create(spec)
    file = folder_of(t.pid()) / "memory.swap.max"
    if not file.exists():
        raise Skip("the kernel does not account for swap")
    t.equal(file.read_text().strip(), str(1 << 26), "memory.swap.max")


@case(f"{ROW} memory.swap below the limit is an error", tags=["vm"])
def memory_swap_wrong(t: Context) -> None:
    need("memory")
    spec = t.spec()
    spec["linux"]["resources"] = {"memory": {"limit": 1 << 27, "swap": 1 << 26}}
    t.refused(spec, "swap|memory")


@case(f"{ROW} pids.limit holds", tags=["vm"])
def pids_holds(t: Context) -> None:
    need("pids")
    spec = t.spec("for n in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; echo all; wait")
    spec["linux"]["resources"] = {"pids": {"limit": 6}}
    done = t.run(spec)
    t.match(done.err, "Resource temporarily unavailable|can't fork", "what the shell says")


@case(f"{ROW} pids.limit 0 since 1.3: the program runs, and nothing beside it", tags=["vm"],
      differs={"crun": "0 is no limit", "runc": "1.1: 0 is no limit"})
def pids_zero(t: Context) -> None:
    need("pids")
    spec = t.spec("/bin/sleep", "1000")
    spec["ociVersion"] = "1.3.0"
    spec["linux"]["resources"] = {"pids": {"limit": 0}}
    folder = folder_of(t.start(spec))
    t.equal((folder / "pids.max").read_text(), "1\n", "pids.max")
    t.equal(t.state()["status"], "running", "status")
    t.check(t.exec("true").status != 0, "a second process was started")
    t.good("update", "--pids-limit", "20", t.id)
    t.equal(t.exec("true").status, 0, "status with a higher limit")


@case(f"{ROW} memory.limit holds: what needs more is killed", tags=["vm"])
def memory_holds(t: Context) -> None:
    need("memory")
    spec = t.spec("exec dd if=/dev/zero of=/dev/null bs=200M count=1")
    spec["linux"]["resources"] = {"memory": {"limit": 20 << 20, "swap": 20 << 20}}
    t.equal(t.run(spec).status, 137, "status of what was killed")


@case("C1 update", tags=["vm"])
def update(t: Context) -> None:
    need("memory", "pids", "cpu")
    spec = t.spec("sleep 1000")
    spec["linux"]["resources"] = {"memory": {"limit": 1 << 26}, "pids": {"limit": 20}}
    folder = folder_of(t.start(spec))
    t.good("update", "--memory", "128M" if t.runtime.name != "crun" else str(1 << 27), "--pids-limit", "30", t.id)
    t.equal([(folder / name).read_text().strip() for name in ("memory.max", "pids.max")], [str(1 << 27), "30"], "limits")
    document = t.directory / "resources.json"
    document.write_text(json.dumps({"cpu": {"quota": 20000, "period": 100000}}))
    t.good("update", "--resources", str(document), t.id)
    t.equal((folder / "cpu.max").read_text().strip(), "20000 100000", "cpu.max")
    t.equal((folder / "memory.max").read_text().strip(), str(1 << 27), "what was not named")


@case("C2 systemd driver: limits are properties of the scope", tags=["vm"])
def systemd_limits(t: Context) -> None:
    need("memory", "pids")
    t.options = ["--systemd-cgroup"]
    spec = t.spec("sleep 1000")
    spec["linux"]["cgroupsPath"] = f"system.slice:cf-{t.runtime.name}:{t.id}"
    spec["linux"]["resources"] = {"memory": {"limit": 1 << 26}, "pids": {"limit": 20}}
    folder = folder_of(t.start(spec))
    words = ["systemctl", "show", "--value", "-p", "MemoryMax", f"cf-{t.runtime.name}-{t.id}.scope"]
    t.equal(subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip(), str(1 << 26), "MemoryMax")
    t.equal((folder / "pids.max").read_text().strip(), "20", "pids.max")
    t.good("update", "--pids-limit", "40", t.id)
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    t.equal((folder / "pids.max").read_text().strip(), "40", "pids.max after update and daemon-reload")


@case("C2 events --stats: memory and pids", tags=["vm"], differs={"crun": "has no events"})
def stats(t: Context) -> None:
    need("memory", "pids")
    t.start(t.spec("sleep 1000"))
    data = json.loads(t.good("events", "--stats", t.id).out)["data"]
    t.check(data["memory"]["usage"]["usage"] > 0 and data["pids"]["current"] >= 1, f"{data}")


@case(f"{ROW} update: what is not said of a share of CPU time stays", tags=["vm"])
def update_bandwidth(t: Context) -> None:
    need("cpu")
    spec = t.spec("sleep 1000")
    spec["linux"]["resources"] = {"cpu": {"quota": 50000, "period": 200000}}
    file = folder_of(t.start(spec)) / "cpu.max"
    for option, value, after in (("--cpu-period", "100000", "50000 100000"), ("--cpu-quota", "30000", "30000 100000")):
        t.good("update", option, value, t.id)
        t.equal(file.read_text().strip(), after, f"cpu.max after {option}")


@case(f"{ROW} update: without a limit of memory there is none of swap", tags=["vm"])
def update_memory_unlimited(t: Context) -> None:
    need("memory")
    spec = t.spec("sleep 1000")
    spec["linux"]["resources"] = {"memory": {"limit": 1 << 26, "swap": 1 << 27}}
    folder = folder_of(t.start(spec))
    t.good("update", "--memory", "-1", t.id)
    for name in ("memory.max", "memory.swap.max"):
        t.equal((folder / name).read_text().strip(), "max", name)
