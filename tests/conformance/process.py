# SPDX-License-Identifier: LGPL-2.1-or-later
"""B3: what the program finds: words, environment, directory, limits, scheduling."""
from __future__ import annotations

import ctypes
import json
import os
import re
import signal
from pathlib import Path

from harness import Context, Done, Skip, case

ROW = "B3"


@case(f"{ROW} args are passed as they are")
def args_exact(t: Context) -> None:
    t.equal(t.output(t.spec("/bin/printf", "[%s]", "", "a b", "$HOME", "\u00e4", "-x", "--")),
            "[][a b][$HOME][\u00e4][-x][--]", "words")


@case(f"{ROW} args[0] is found in the PATH of env")
def args_path(t: Context) -> None:
    (t.rootfs / "opt").mkdir()
    os.link(t.rootfs / "bin/busybox", t.rootfs / "opt/special")
    spec = t.spec("special", "echo", "found")
    spec["process"]["env"] = ["PATH=/nowhere:/opt:/bin"]
    # A program that only the host has must not be found.
    done = t.run(spec)
    t.match(done.out + done.err, "applet not found|found", "the program of the container was executed")
    spec = t.spec("python3", "-c", "1")
    spec["process"]["env"] = ["PATH=/usr/bin:/bin"]
    t.refused(spec, "not found|no such file")


@case(f"{ROW} env is exact")
def env_exact(t: Context) -> None:
    spec = t.spec("/bin/cat", "/proc/self/environ")
    spec["process"]["env"] = ["PATH=/bin", "EMPTY=", "SPACES= a  b ", "EQUALS=a=b", "HOME=/here"]
    lines = t.output(spec, env={**os.environ, "OF_THE_HOST": "1"}).strip("\0").split("\0")
    t.equal(lines, ["PATH=/bin", "EMPTY=", "SPACES= a  b ", "EQUALS=a=b", "HOME=/here"], "environment")


@case(f"{ROW} env: the last of two counts")
def env_twice(t: Context) -> None:
    spec = t.spec("echo $TWICE")
    spec["process"]["env"] += ["TWICE=first", "TWICE=second"]
    t.equal(t.output(spec), "second\n", "the value")


@case(f"{ROW} HOME is of the passwd file")
def home_default(t: Context) -> None:
    spec = t.spec("echo $HOME")
    spec["process"]["user"] = {"uid": 1000, "gid": 1000}
    t.equal(t.output(spec), "/home/user\n", "HOME of a user")
    spec["process"]["user"] = {"uid": 4321, "gid": 1000}
    t.equal(t.output(spec), "/\n", "HOME of nobody known")
    spec["process"]["env"].append("HOME=/set")
    t.equal(t.output(spec), "/set\n", "HOME that is given")


@case(f"{ROW} cwd")
def cwd(t: Context) -> None:
    (t.rootfs / "a/b").mkdir(parents=True)
    spec = t.spec("pwd; echo $PWD")
    spec["process"]["cwd"] = "/a/b"
    t.match(t.output(spec), r"^/a/b\n", "the working directory")


@case(f"{ROW} cwd is made if it is missing")
def cwd_missing(t: Context) -> None:
    spec = t.spec("/bin/pwd")
    spec["process"]["cwd"] = "/not/there/yet"
    t.equal(t.output(spec), "/not/there/yet\n", "the working directory")


@case(f"{ROW} cwd is a directory")
def cwd_file(t: Context) -> None:
    spec = t.spec()
    spec["process"]["cwd"] = "/etc/passwd"
    t.refused(spec, "directory")


@case(f"{ROW} cwd that only the user may enter")
def cwd_of_user(t: Context) -> None:
    private = t.rootfs / "private"
    private.mkdir(mode=0o700)
    os.chown(private, 1000, 1000)
    spec = t.spec("/bin/pwd")
    spec["process"].update(cwd="/private", user={"uid": 1000, "gid": 1000})
    t.equal(t.output(spec), "/private\n", "the working directory")


LIMITS = {"AS": ("Max address space", 1 << 33), "CORE": ("Max core file size", 4096), "CPU": ("Max cpu time", 1000),
          "DATA": ("Max data size", 1 << 32), "FSIZE": ("Max file size", 1 << 30), "LOCKS": ("Max file locks", 99),
          "MEMLOCK": ("Max locked memory", 65536), "MSGQUEUE": ("Max msgqueue size", 100000),
          "NICE": ("Max nice priority", 0), "NOFILE": ("Max open files", 321), "NPROC": ("Max processes", 1234),
          "RSS": ("Max resident set", 1 << 30), "RTPRIO": ("Max realtime priority", 0),
          "RTTIME": ("Max realtime timeout", 1000000), "SIGPENDING": ("Max pending signals", 77),
          "STACK": ("Max stack size", 1 << 23)}


@case(f"{ROW} rlimits, each")
def rlimits(t: Context) -> None:
    spec = t.spec("cat /proc/self/limits")
    spec["process"]["rlimits"] = [{"type": f"RLIMIT_{name}", "soft": value // 2, "hard": value}
                                  for name, (_, value) in LIMITS.items()]
    out = t.output(spec)
    for name, (title, value) in LIMITS.items():
        found = re.search(rf"^{title} +(\S+) +(\S+)", out, re.M)
        t.equal(found and found.groups(), (str(value // 2), str(value)), name)


@case(f"{ROW} rlimits: unlimited and zero")
def rlimits_extremes(t: Context) -> None:
    spec = t.spec("cat /proc/self/limits")
    spec["process"]["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 0, "hard": (1 << 64) - 1},
                                  {"type": "RLIMIT_FSIZE", "soft": (1 << 64) - 1, "hard": (1 << 64) - 1}]
    out = t.output(spec)
    t.match(out, r"Max core file size +0 +unlimited", "limits")
    t.match(out, r"Max file size +unlimited +unlimited", "limits")


def refuses_limits(name: str, limits: list[dict[str, object]], says: str) -> None:
    @case(f"{ROW} rlimits that are errors", name=name)
    def refused(t: Context) -> None:
        spec = t.spec()
        spec["process"]["rlimits"] = limits
        t.refused(spec, says)


refuses_limits("rlimit_unknown", [{"type": "RLIMIT_PATIENCE", "soft": 1, "hard": 1}], "rlimit|PATIENCE")
refuses_limits("rlimit_twice", [{"type": "RLIMIT_CORE", "soft": 1, "hard": 1}] * 2, "rlimit|duplicate|CORE")
refuses_limits("rlimit_soft_above_hard", [{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}], "rlimit|limit|CORE")


@case(f"{ROW} oomScoreAdj")
def oom_score_adj(t: Context) -> None:
    spec = t.spec("cat /proc/self/oom_score_adj")
    spec["process"]["oomScoreAdj"] = 567
    t.equal(t.output(spec), "567\n", "oom_score_adj")


@case(f"{ROW} oomScoreAdj is untouched if unset")
def oom_score_adj_unset(t: Context) -> None:
    # A runtime that is told nothing passes on what it has itself.
    spec = t.spec("cat /proc/self/oom_score_adj")
    own = Path("/proc/self/oom_score_adj")
    before = own.read_text()
    try:
        own.write_text("321")
        t.equal(t.output(spec), "321\n", "oom_score_adj")
        spec["process"]["oomScoreAdj"] = 0
        spec["process"]["oomScoreAdj"] = 400
        t.equal(t.output(spec), "400\n", "oom_score_adj")
    finally:
        own.write_text(before)


def scheduler_of(t: Context, spec: dict) -> list[str]:
    """The fields of /proc/PID/stat from nice on: nice is the 19th, rt_priority the 40th, policy the 41st."""
    t.start(spec)
    fields = Path(f"/proc/{t.pid()}/stat").read_text().rsplit(")", 1)[1].split()
    return [fields[16], fields[37], fields[38]]


POLICIES = {
    "other": ({"policy": "SCHED_OTHER", "nice": 5}, ["5", "0", "0"]),
    "batch": ({"policy": "SCHED_BATCH", "nice": 7}, ["7", "0", "3"]),
    "idle": ({"policy": "SCHED_IDLE"}, [None, "0", "5"]),
    "fifo": ({"policy": "SCHED_FIFO", "priority": 12}, [None, "12", "1"]),
    "rr": ({"policy": "SCHED_RR", "priority": 3}, [None, "3", "2"]),
    "deadline": ({"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 5000000, "period": 10000000},
                 [None, None, "6"]),
}


def scheduler(name: str) -> None:
    wanted, expected = POLICIES[name]

    @case(f"{ROW} scheduler", name=f"scheduler_{name}")
    def policy(t: Context) -> None:
        spec = t.spec("sleep 1000")
        spec["process"]["scheduler"] = wanted
        found = scheduler_of(t, spec)
        t.equal([a if b is not None else None for a, b in zip(found, expected)], expected, "nice, priority, policy")


for each in POLICIES:
    scheduler(each)


@case(f"{ROW} scheduler: unknown policies and flags are errors")
def scheduler_unknown(t: Context) -> None:
    for wrong in ({"policy": "SCHED_NEVER"}, {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_RED"]}):
        spec = t.spec()
        spec["process"]["scheduler"] = wrong
        t.refused(spec, "sched|policy|flag")


@case(f"{ROW} scheduler flag RESET_ON_FORK")
def scheduler_reset_on_fork(t: Context) -> None:
    # The program is a shell that forks: its child is back at the default.
    spec = t.spec("sleep 1000 & cut -d' ' -f 41 /proc/$!/stat; cut -d' ' -f 41 /proc/$$/stat; kill $!")
    spec["process"]["scheduler"] = {"policy": "SCHED_FIFO", "priority": 5, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}
    t.equal(t.output(spec), "0\n1\n", "policies of child and parent")


IO_CLASSES = {"be": ("IOPRIO_CLASS_BE", 2, 6), "idle": ("IOPRIO_CLASS_IDLE", 3, 0), "rt": ("IOPRIO_CLASS_RT", 1, 3)}


def io_priority(name: str) -> None:
    word, number, level = IO_CLASSES[name]

    @case(f"{ROW} ioPriority", name=f"io_priority_{name}")
    def priority(t: Context) -> None:
        spec = t.spec("sleep 1000")
        spec["process"]["ioPriority"] = {"class": word, "priority": level}
        pid = t.start(spec)
        found = ctypes.CDLL(None).syscall(252, 1, pid)
        t.equal((found >> 13, found & 7), (number, level), "class and priority")


for each in IO_CLASSES:
    io_priority(each)


@case(f"{ROW} ioPriority: unknown classes and priorities are errors")
def io_priority_wrong(t: Context) -> None:
    for wrong in ({"class": "IOPRIO_CLASS_VIP", "priority": 1}, {"class": "IOPRIO_CLASS_BE", "priority": 9}):
        spec = t.spec()
        spec["process"]["ioPriority"] = wrong
        t.refused(spec, "priority|class|io")


@case(f"{ROW} consoleSize without a terminal is ignored")
def console_size_ignored(t: Context) -> None:
    spec = t.spec("echo here")
    spec["process"]["consoleSize"] = {"height": 10, "width": 20}
    t.equal(t.output(spec), "here\n", "output")


@case(f"{ROW} a new session, and the program leads it")
def session(t: Context) -> None:
    fields = t.output(t.spec("/bin/cat", "/proc/self/stat")).rsplit(")", 1)[1].split()
    t.equal(fields[2:4], ["1", "1"], "process group and session")


@case(f"{ROW} signals are as by default")
def signals_default(t: Context) -> None:
    def block() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])

    out = t.output(t.spec("/bin/grep", "SigBlk", "/proc/self/status"), preexec_fn=block)
    t.equal(int(out.split()[1], 16), 0, "blocked signals")


def exec_with_affinity(t: Context, affinity: dict[str, str]) -> Done:
    """An exec whose process says on which CPUs it is to run."""
    if len(os.sched_getaffinity(0)) < 2:
        raise Skip("there is only one CPU")
    spec = t.spec("sleep 1000")
    spec["process"]["execCPUAffinity"] = affinity
    t.start(spec)
    t.equal(len(os.sched_getaffinity(t.pid())), len(os.sched_getaffinity(0)), "the CPUs of the container")
    process = t.directory / "process.json"
    args = ["/bin/grep", "Cpus_allowed_list", "/proc/self/status"]
    process.write_text(json.dumps({**spec["process"], "args": args}))
    return t.call("exec", "--process", str(process), t.id)


@case(f"{ROW} execCPUAffinity: final, of exec")
def affinity_final(t: Context) -> None:
    for initial, final in (("0", "1"), ("1", "0"), ("0-1", "1")):
        done = exec_with_affinity(t, {"initial": initial, "final": final})
        t.equal(done.out.split(), ["Cpus_allowed_list:", final], f"the CPUs of an exec: {done}")
        t.delete()


@case(f"{ROW} execCPUAffinity: only initial")
def affinity_initial(t: Context) -> None:
    done = exec_with_affinity(t, {"initial": "0"})
    t.equal(done.status, 0, str(done))


@case(f"{ROW} execCPUAffinity: what is no list of CPUs is an error")
def affinity_wrong(t: Context) -> None:
    spec = t.spec("sleep 1000")
    spec["process"]["execCPUAffinity"] = {"initial": "0", "final": "all"}
    t.write(spec)
    t.ids.append(t.id)
    if t.call("create", t.id).status == 0:
        t.good("start", t.id)
        process = t.directory / "process.json"
        process.write_text(json.dumps({**spec["process"], "args": ["/bin/true"]}))
        t.bad("exec", "--process", str(process), t.id, says="affinity|cpu|parse")


@case(f"{ROW} env: an empty HOME is none")
def empty_home(t: Context) -> None:
    for entries in (["HOME="], ["HOME=/set", "HOME="]):
        spec = t.spec("echo $HOME; env | grep -c ^HOME=")
        spec["process"]["env"] += entries
        t.equal(t.output(spec).split(), ["/root", "1"], f"HOME, and how often, with {entries}")


@case(f"{ROW} cwd: it is made also in a root that is read-only")
def directory_in_read_only_root(t: Context) -> None:
    spec = t.spec("pwd")
    spec["root"]["readonly"] = True
    spec["process"]["cwd"] = "/new/one"
    t.equal(t.output(spec), "/new/one\n", "directory")


@case(f"{ROW} user: ids that are not there are 0")
def user_defaults(t: Context) -> None:
    for user in ({}, {"uid": 0}, {"gid": 5}):
        spec = t.spec("id -u; id -g")
        spec["process"]["user"] = user
        t.equal(t.output(spec).split(), ["0", str(user.get("gid", 0))], f"ids with {user}")
