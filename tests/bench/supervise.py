#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""xctld's supervision beside others', interleaved in one run: medians, and ratios to a base. No verdict.

supervise.py WORK ROUNDS CROWD: WORK holds the bundles again, true and sleeper, the root busybox, and fifo.
"""
import collections
import json
import os
import re
import select
import shutil
import signal
import statistics
import subprocess
import sys
import time

PATIENCE = 20  # seconds
IDLE = 10      # seconds


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout.strip()


def timed(*words):
    """Milliseconds from the start of the program to its end."""
    begin = time.perf_counter()
    run(*words)
    return (time.perf_counter() - begin) * 1000


class Table:
    def __init__(self, title, base):
        self.title, self.base = title, base
        self.values = collections.defaultdict(list)

    def add(self, case, value):
        self.values[case].append(value)

    def report(self, unit):
        print(f"\n{self.title:38}{'min ' + unit:>12}{'median ' + unit:>14}{'x ' + self.base:>16}")
        medians = {case: statistics.median(values) for case, values in self.values.items()}
        for case, values in self.values.items():
            ratio = f"{medians[case] / medians[self.base]:16.2f}" if medians.get(self.base) else f"{'-':>16}"
            print(f"{case:38}{min(values):12.1f}{medians[case]:14.1f}{ratio}")


def measure_restarts(work, rounds):
    """From SIGKILL to the first thing that the program does when it runs again."""
    fifo = os.open(f"{work}/fifo", os.O_RDWR | os.O_NONBLOCK)
    cases = start_restarting(work)

    def arrived():
        ready = select.select([fifo], [], [], PATIENCE)[0]
        return bool(ready) and bool(os.read(fifo, 4096))

    table = Table("died to running again", "systemd service")
    for number in range(rounds + 1):
        for case, pid_of in cases.items():
            pid = int(pid_of())
            time.sleep(0.3)
            select.select([fifo], [], [], 0)[0] and os.read(fifo, 4096)
            begin = time.perf_counter()
            os.kill(pid, signal.SIGKILL)
            if not arrived():
                sys.exit(f"{case}: it does not run again")
            if number > 0:
                table.add(case, (time.perf_counter() - begin) * 1000)
            time.sleep(0.3)
    run("xctl", "delete", "--force", "again")
    run("systemctl", "stop", "bench-again")
    if "podman" in cases:
        subprocess.run(["podman", "rm", "--force", "--time=0", "again"], check=False, capture_output=True)
    table.report("ms")


def start_restarting(work):
    """Each case with the number of the process to kill."""
    definition = {"bundle": f"{work}/again", "restart": {"policy": "always", "delayUSec": 0, "limit": 0}}
    os.makedirs("/etc/xctl/containers", exist_ok=True)
    with open("/etc/xctl/containers/again.json", "w", encoding="utf-8") as file:
        json.dump(definition, file)
    run("xctl", "start", "again")
    run("systemd-run", "--unit=bench-again", "-p", "Restart=always", "-p", "RestartSec=0", "-p", "StartLimitIntervalSec=0",
        "/bin/busybox", "sh", "-c", f"echo >{work}/fifo; exec sleep 1000000")
    cases = {
        "xctl, restart=always, delay 0": lambda: next(c["pid"] for c in json.loads(run("xctl", "list", "--json"))
                                                     if c["name"] == "again"),
        "systemd service": lambda: run("systemctl", "show", "-P", "MainPID", "bench-again"),
    }
    if shutil.which("podman"):
        made = subprocess.run(["podman", "run", "-d", "--name=again", "--restart=always", "--network=none", "-v",
                               f"{work}/fifo:/fifo", "--rootfs", f"{work}/busybox", "sh", "-c",
                               "echo >/fifo; exec sleep 1000000"], check=False, capture_output=True, text=True)
        if made.returncode == 0:
            cases["podman --restart=always"] = lambda: run("podman", "inspect", "-f", "{{.State.Pid}}", "again")
        else:
            print("podman does not run here:", made.stderr.strip())
    return cases


def private_kilobytes(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
            total += sum(int(n) for n in re.findall(r"^Private_\w+:\s+(\d+)", file.read(), re.M))
    return total


def pids_named(pattern):
    found = subprocess.run(["pgrep", "-x", pattern], check=False, capture_output=True, text=True).stdout.split()
    return [int(pid) for pid in found]


def measure_memory(work, count):
    """What each further idle container adds to whoever supervises it."""
    def ours():
        return private_kilobytes(pids_named("xctld") + pids_named("xctl-launch") + pids_named("xctl-keeper"))

    table = Table("private memory per idle container", "conmon")
    before = ours()
    for number in range(count):
        run("xctl", "run", "--detach", f"idle{number}", f"{work}/sleeper")
    table.add("xctld with its helpers", (ours() - before) / count)
    for number in range(count):
        run("xctl", "delete", "--force", f"idle{number}")
    others = {
        "conmon": ("conmon", ["podman", "run", "-d", "--name=idle", "--network=none", "--rootfs", f"{work}/busybox",
                              "sleep", "1000000"], ["podman", "rm", "--force", "--time=0", "idle"]),
        "containerd-shim": ("containerd-shim", ["ctr", "run", "-d", "--rootfs", f"{work}/busybox", "idle", "sleep",
                                                "1000000"], ["ctr", "task", "kill", "--signal", "KILL", "idle"]),
    }
    for case, (process, start, stop) in others.items():
        if not shutil.which(start[0]):
            continue
        if subprocess.run(start, check=False, capture_output=True).returncode == 0:
            time.sleep(1)
            table.add(case, private_kilobytes(pids_named(process)))
        subprocess.run(stop, check=False, capture_output=True)
    table.report("KiB")


def measure_calls(work, rounds):
    table_run, table_exec = Table("run of /bin/true", "crun --systemd-cgroup"), Table("exec of /bin/true", "crun")
    run("xctl", "run", "--detach", "execs", f"{work}/sleeper")
    run("crun", "--systemd-cgroup", "run", "--detach", "--bundle", f"{work}/sleeper", "execs")
    for number in range(rounds):
        table_run.add("xctl run --rm", timed("xctl", "run", "--rm", f"r{number}", f"{work}/true"))
        table_run.add("crun --systemd-cgroup",
                      timed("crun", "--systemd-cgroup", "run", "--bundle", f"{work}/true", f"r{number}"))
        table_exec.add("xctl", timed("xctl", "exec", "execs", "--", "/bin/true"))
        table_exec.add("crun", timed("crun", "exec", "execs", "/bin/true"))
    run("xctl", "delete", "--force", "execs")
    run("crun", "delete", "--force", "execs")
    table_run.report("ms")
    table_exec.report("ms")


def switches(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.M)[1])


def measure_crowd(work, rounds, crowd):
    first = []
    table = Table(f"beside {crowd} containers", "start of the first")
    for number in range(crowd):
        took = timed("xctl", "run", "--detach", f"c{number}", f"{work}/sleeper")
        run("crun", "create", "--bundle", f"{work}/sleeper", f"c{number}")
        if number < 10:
            first.append(took)
        if number >= crowd - 10:
            table.add("start of the last", took)
    for took in first:
        table.add("start of the first", took)
    for _ in range(rounds):
        table.add("xctl list", timed("xctl", "list"))
        table.add("crun list", timed("crun", "list"))
    table.report("ms")
    pid = pids_named("xctld")[0]
    before = switches(pid)
    time.sleep(IDLE)
    print(f"\nxctld wakes up {(switches(pid) - before) / IDLE:.1f} times a second while {crowd} containers are idle")
    for number in range(crowd):
        run("xctl", "delete", "--force", f"c{number}")
        run("crun", "delete", "--force", f"c{number}")


def main():
    work, rounds, crowd = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    measure_restarts(work, rounds)
    measure_memory(work, 10)
    measure_calls(work, rounds)
    if crowd > 0:
        measure_crowd(work, rounds, crowd)


if __name__ == "__main__":
    main()
