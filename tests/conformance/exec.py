# SPDX-License-Identifier: LGPL-2.1-or-later
"""C1: exec, by words and by process.json."""
from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import bundles
from harness import Context, Done, Spec, case

ROW = "C1"


def running(t: Context, **process: Any) -> Spec:
    spec = t.spec("sleep 1000")
    spec["process"].update(process)
    t.start(spec)
    return spec


def by_file(t: Context, process: Spec, *options: str, **more: Any) -> Done:
    path = t.directory / "process.json"
    path.write_text(json.dumps(process))
    return t.call("exec", *options, "--process", str(path), t.id, **more)


@case(f"{ROW} exec: output, standard input and status")
def plain(t: Context) -> None:
    running(t)
    text = t.directory / "text"
    text.write_text("typed\n")
    with open(text, encoding="utf-8") as file:
        done = t.exec("sh", "-c", "cat; echo err >&2; exit 9", stdin=file)
    t.equal([done.status, done.out, done.err], [9, "typed\n", "err\n"], "status and output")


@case(f"{ROW} exec: status of what a signal ended")
def by_signal(t: Context) -> None:
    running(t)
    t.equal(t.exec("sh", "-c", "kill -KILL $$").status, 128 + signal.SIGKILL, "status")


@case(f"{ROW} exec: in all namespaces, cgroup and root of the container")
def inside(t: Context) -> None:
    running(t)
    out = t.exec("sh", "-c", "for n in cgroup ipc mnt net pid uts; do readlink /proc/self/ns/$n; done; "
                             "sed -n s/^0:://p /proc/self/cgroup; hostname; ls /bin/busybox").out.splitlines()
    pid = t.pid()
    t.equal(out[:6], [os.readlink(f"/proc/{pid}/ns/{n}") for n in ("cgroup", "ipc", "mnt", "net", "pid", "uts")], "links")
    t.equal(out[6:], ["/", "conformance", "/bin/busybox"], "cgroup, name and root")


@case(f"{ROW} exec --env, --cwd, --user, --additional-gids")
def options(t: Context) -> None:
    running(t)
    done = t.exec("sh", "-c", "echo $A $B; pwd; id -u; id -g; id -G",
                  options=["--env", "A=1", "--env", "B=two words", "--cwd", "/tmp", "--user", "1000:2000"])
    t.equal(done.out, "1 two words\n/tmp\n1000\n2000\n2000\n", f"output ({done.err})")


@case("D exec --cwd makes no directory")
def cwd_missing(t: Context) -> None:
    running(t)
    done = t.exec("pwd", options=["--cwd", "/typo/below"])
    t.equal(done.status, 255, f"status ({done.err})")
    t.match(done.err, "(?i)no such file or directory", "the error")
    t.check(not (t.rootfs / "typo").exists(), "the directory was made")
    done = by_file(t, {"args": ["/bin/pwd"], "cwd": "/typo", "user": {"uid": 0, "gid": 0}})
    t.check(done.status != 0 and not (t.rootfs / "typo").exists(), f"by a file: {done}")


@case(f"{ROW} exec --additional-gids", differs={"crun": "has no such option"})
def additional_gids(t: Context) -> None:
    running(t)
    done = t.exec("id", "-G", options=["--user", "1000:2000", "--additional-gids", "7", "--additional-gids", "8"])
    t.equal(done.out.split(), ["2000", "7", "8"], f"groups ({done.err})")


@case("D CVE-2026-30892: exec --user is read strictly", differs={"crun": "1.21 takes what is no number for 0"})
def user_strict(t: Context) -> None:
    running(t)
    t.equal(t.exec("id", "-u", options=["-u", "1"]).out, "1\n", "-u 1")
    t.equal(t.exec("id", "-u", options=["-u", "1:2"]).out, "1\n", "-u 1:2")
    for wrong in ("x", "", "1x", "-1", "1:", "1:y", ":", "4294967296", "0x10", " 5"):
        done = t.exec("id", "-u", options=[f"--user={wrong}"])
        t.check(done.status != 0 or done.out not in ("0\n",) or wrong == "", f"--user={wrong!r} became root: {done}")
        if wrong in ("x", "1x", "-1", "1:y", "4294967296"):
            t.check(done.status != 0, f"--user={wrong!r} was taken: {done.out}")


@case(f"{ROW} exec of words has the container's environment and directory")
def inherits(t: Context) -> None:
    running(t, env=["PATH=/bin", "OF_CONTAINER=yes"], cwd="/tmp")
    t.equal(t.exec("sh", "-c", "echo $OF_CONTAINER; pwd", env={**os.environ, "OF_CALLER": "1"}).out, "yes\n/tmp\n", "output")
    t.equal(t.exec("sh", "-c", "echo $OF_CALLER", env={**os.environ, "OF_CALLER": "1"}).out, "\n", "the caller's")


@case(f"{ROW} exec --process")
def process(t: Context) -> None:
    running(t)
    done = by_file(t, {"terminal": False, "user": {"uid": 12, "gid": 34, "additionalGids": [56], "umask": 0o77},
                       "args": ["/bin/sh", "-c", "id -u; id -G; umask; pwd; echo $A; ulimit -n; grep NoNewPrivs /proc/self/status"],
                       "env": ["PATH=/bin", "A=b"], "cwd": "/tmp", "noNewPrivileges": True,
                       "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 99, "hard": 199}]})
    t.equal(done.out.split(), ["12", "34", "56", "0077", "/tmp", "b", "99", "NoNewPrivs:", "1"], f"output ({done.err})")


@case(f"{ROW} exec --process: wrong ones are errors")
def process_wrong(t: Context) -> None:
    running(t)
    good = {"args": ["/bin/true"], "cwd": "/", "user": {"uid": 0, "gid": 0}}
    t.equal(by_file(t, good).status, 0, "a good one")
    for wrong in ({**good, "cwd": "relative"}, {**good, "args": []},
                  {**good, "rlimits": [{"type": "RLIMIT_ODD", "soft": 1, "hard": 1}]}):
        t.check(by_file(t, wrong).status > 0, f"{wrong} was taken")
    t.bad("exec", "--process", "/no/such/file", t.id, says="no such file")


def mask(status: str, name: str) -> int:
    return int(re.search(rf"{name}:\s*(\w+)", status).group(1), 16)  # type: ignore[union-attr]


@case("D CVE-2022-29162, 2022-27650: exec --cap leaves the inheritable set empty")
def capabilities(t: Context) -> None:
    running(t)
    before = t.exec("cat", "/proc/self/status").out
    t.equal([mask(before, "CapInh"), mask(before, "CapAmb")], [0, 0], "inheritable and ambient without --cap")
    after = t.exec("cat", "/proc/self/status", options=["--cap", "CAP_CHOWN"]).out
    t.equal(mask(after, "CapInh"), 0, "inheritable with --cap")
    t.equal(mask(after, "CapEff"), mask(before, "CapEff") | 1, "effective with --cap")


@case("D CVE-2025-27612: exec has no capabilities beyond its container's")
def capabilities_bounded(t: Context) -> None:
    spec = running(t)
    expected = mask(Path(f"/proc/{t.pid()}/status").read_text(), "CapEff")
    t.equal(mask(t.exec("cat", "/proc/self/status").out, "CapEff"), expected, "effective of words")
    without = {key: value for key, value in spec["process"].items() if key != "capabilities"}
    status = by_file(t, {**without, "args": ["/bin/cat", "/proc/self/status"]}).out
    t.check(mask(status, "CapEff") & ~expected == 0, f"effective of a file without any: {mask(status, 'CapEff'):x}")
    t.check(mask(status, "CapBnd") & ~expected == 0, f"bounding of a file without any: {mask(status, 'CapBnd'):x}")


@case(f"{ROW} exec --detach, --pid-file")
def detach(t: Context) -> None:
    running(t)
    path = t.directory / "pid"
    t.good("exec", "--detach", "--pid-file", str(path), t.id, "sleep", "77")
    t.until(lambda: b"77" in Path(f"/proc/{path.read_text()}/cmdline").read_bytes(), "the pid is of the program")
    t.equal(len(json.loads(t.good("ps", "--format", "json", t.id).out)), 2, "processes")


@case(f"{ROW} exec --no-new-privs")
def no_new_privileges(t: Context) -> None:
    running(t)
    for words, expected in (([], "0"), (["--no-new-privs"], "1")):
        t.equal(t.exec("grep", "NoNewPrivs", "/proc/self/status", options=words).out.split()[1], expected, str(words))


@case(f"{ROW} exec --preserve-fds")
def preserve_fds(t: Context) -> None:
    running(t)
    path = t.directory / "passed"
    path.write_text("of the caller")

    def place() -> None:
        os.dup2(os.open(path, os.O_RDONLY), 3)
        os.set_inheritable(3, True)

    done = t.exec("sh", "-c", "cat <&3; ls /proc/self/fd", options=["--preserve-fds", "1"], preexec_fn=place, close_fds=False)
    t.match(done.out, r"^of the caller0\n1\n2\n3\n", f"output ({done.err})")


@case(f"{ROW} exec of a created container")
def created(t: Context) -> None:
    t.create(t.spec("sleep 1000"))
    t.equal(t.exec("echo", "here").out, "here\n", "output")


@case(f"{ROW} exec of a paused container is refused, unless --ignore-paused", differs={"crun": "has no --ignore-paused"})
def paused(t: Context) -> None:
    running(t)
    t.good("pause", t.id)
    t.bad("exec", t.id, "true", says="paused", seconds=5)
    process = t.popen("exec", "--ignore-paused", t.id, "echo", "here")
    t.until(lambda: process.poll() is None, "it waits")
    t.good("resume", t.id)
    t.equal(t.finish(process).out, "here\n", "output after resume")


@case(f"{ROW} exec --cgroup, below the container's")
def cgroup(t: Context) -> None:
    spec = t.spec("mkdir /sys/fs/cgroup/below; sleep 1000")
    for row in spec["mounts"]:
        if row["type"] == "cgroup":
            row["options"] = ["rw"]
    t.start(spec)
    t.until(lambda: t.exec("ls", "-d", "/sys/fs/cgroup/below").status == 0, "the cgroup is there")
    out = t.exec("grep", "0::", "/proc/self/cgroup", options=["--cgroup", "below"])
    t.equal(out.out.strip(), "0::/below", f"cgroup ({out.err})")


@case("D exec --cgroup does not lead out by ..")
def cgroup_dots(t: Context) -> None:
    running(t)
    for wrong in ("../..", "..", "x/../../..", "/../.."):
        done = t.exec("grep", "0::", "/proc/self/cgroup", options=["--cgroup", wrong])
        t.check(done.status != 0 or ".." not in done.out, f"--cgroup {wrong}: {done.out}")
        t.check(done.status != 0 or done.out.strip() in ("0::/",), f"--cgroup {wrong}: {done.out}")


@case(f"{ROW} many execs at once")
def many(t: Context) -> None:
    running(t)
    done = [t.finish(process) for process in [t.popen("exec", t.id, "echo", str(number)) for number in range(8)]]
    t.equal([one.out for one in done], [f"{number}\n" for number in range(8)], "outputs")


@case(f"{ROW} exec leaves nothing of the runtime in the container")
def nothing_left(t: Context) -> None:
    running(t)
    for _ in range(3):
        t.exec("true")
    t.equal(json.loads(t.good("ps", "--format", "json", t.id).out), [t.pid()], "processes")


@case("D exec goes to the container's own cgroup, wherever the init has moved")
def after_move(t: Context) -> None:
    spec = t.spec("mkdir /sys/fs/cgroup/inner && echo $$ >/sys/fs/cgroup/inner/cgroup.procs && touch /moved && sleep 1000")
    bundles.mount(spec, "/sys/fs/cgroup", "cgroup", "cgroup", "rw")
    bundles.namespace(spec, "cgroup")
    t.start(spec)
    t.until(lambda: (t.rootfs / "moved").exists(), "the init has moved")
    t.equal(t.exec("grep", "0::", "/proc/self/cgroup").out, "0::/\n", "cgroup")
    t.equal(t.exec("grep", "0::", "/proc/self/cgroup", options=["--cgroup", "inner"]).out, "0::/inner\n", "the other one")
    t.check(t.exec("true", options=["--cgroup", "none"]).status > 0, "there is none")


@case("D exec --cap is ambient where the container has inheritable ones", differs={"crun": "--cap replaces all sets"})
def ambient_capabilities(t: Context) -> None:
    spec = t.spec("sleep 1000")
    sets = {"bounding": ["CAP_KILL", "CAP_SYSLOG"], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"],
            "inheritable": ["CAP_SYSLOG"], "ambient": []}
    spec["process"]["capabilities"] = sets
    t.start(spec)
    out = t.exec("grep", "CapAmb", "/proc/self/status", options=["--cap", "CAP_SYSLOG"]).out
    t.equal(int(out.split()[1], 16), 1 << 34, "ambient set")
