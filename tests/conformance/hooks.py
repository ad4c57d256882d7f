# SPDX-License-Identifier: LGPL-2.1-or-later
"""B5: the six kinds of hooks: order, place, state on their standard input, failures and time limits."""
from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from harness import Context, Spec, case

ROW = "B5"
KINDS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]


def hook(t: Context, kind: str, script: str, **more: Any) -> Spec:
    """A hook that runs a script of a shell; the log is in the root file system, which all of them can reach."""
    log = "/log" if kind == "startContainer" else f"{t.rootfs}/log"
    return {"path": "/bin/sh", "args": ["sh", "-c", f"log={log}; {script}"], **more}


def log_of(t: Context) -> list[str]:
    log = t.rootfs / "log"
    return log.read_text().splitlines() if log.exists() else []


def with_hooks(t: Context, script: str, *kinds: str, program: str = "echo program >>/log") -> Spec:
    """Each kind has two hooks that run the same script, in which $kind and $n tell which it is."""
    spec = t.spec(program)
    spec["hooks"] = {kind: [hook(t, kind, f"kind={kind}; n={n}; {script}") for n in (1, 2)] for kind in kinds or KINDS}
    return spec


@case(f"{ROW} hooks: order of kinds, listed order in each")
def order(t: Context) -> None:
    spec = with_hooks(t, 'cat >/dev/null; echo $kind$n >>$log', program="sleep 0.3; echo program >>/log")
    t.create(spec)
    t.equal(log_of(t), [f"{kind}{n}" for kind in KINDS[:3] for n in (1, 2)], "hooks of create")
    t.good("start", t.id)
    t.until_stopped()
    started = [f"startContainer{n}" for n in (1, 2)]
    t.equal(log_of(t)[6:], [*started, "poststart1", "poststart2", "program"], "hooks of start")
    t.good("delete", t.id)
    t.equal(log_of(t)[11:], ["poststop1", "poststop2"], "hooks of delete")


@case(f"{ROW} hooks: all of them with run")
def order_of_run(t: Context) -> None:
    spec = with_hooks(t, 'cat >/dev/null; echo $kind$n >>$log', program="sleep 0.3; echo program >>/log")
    t.output(spec)
    expected = [f"{kind}{n}" for kind in KINDS[:5] for n in (1, 2)] + ["program", "poststop1", "poststop2"]
    t.equal(log_of(t), expected, "order")


STATUS = {"prestart": "creating|created", "createRuntime": "creating|created", "createContainer": "creating|created",
          "startContainer": "created", "poststart": "running", "poststop": "stopped"}


def states(t: Context) -> dict[str, Spec]:
    """What each kind of hook had on its standard input."""
    found = {}
    for kind in KINDS:
        path = t.rootfs / f"{kind}1"
        t.check(path.exists(), f"{kind} has not run")
        found[kind] = json.loads(path.read_text())
    return found


@case(f"{ROW} hooks: state on standard input")
def state(t: Context) -> None:
    spec = with_hooks(t, 'cat >$(dirname $log)/$kind$n', program="sleep 0.3")
    spec["annotations"] = {"com.example.key": "value \"\u00e4\""}
    t.create(spec)
    pid = t.pid()
    t.good("start", t.id)
    t.until_stopped()
    t.good("delete", t.id)
    for kind, found in states(t).items():
        t.check(found.get("ociVersion"), f"{kind}: ociVersion is missing")
        t.equal([found.get("id"), found.get("bundle")], [t.id, str(t.bundle)], f"{kind}: id and bundle")
        t.equal(found.get("annotations", {}).get("com.example.key"), 'value "\u00e4"', f"{kind}: annotation")
        t.match(str(found.get("status")), f"^({STATUS[kind]})$", f"{kind}: status")
        if kind in ("prestart", "createRuntime", "poststart"):
            t.equal(found.get("pid"), pid, f"{kind}: pid")


@case("E hooks: the status of create's is created, of poststop's stopped")
def status_created(t: Context) -> None:
    t.output(with_hooks(t, 'cat >$(dirname $log)/$kind$n', program="sleep 0.3"))
    t.equal([found["status"] for found in states(t).values()],
            ["created", "created", "created", "created", "running", "stopped"], "statuses")


@case(f"{ROW} hooks: namespaces")
def namespaces(t: Context) -> None:
    report = 'cat >/dev/null; [ $n = 2 ] || echo $kind $(readlink /proc/self/ns/mnt) >>$log'
    t.create(with_hooks(t, report, program="sleep 1000"))
    inside = os.readlink(f"/proc/{t.pid()}/ns/mnt")
    t.good("start", t.id)
    t.delete()
    outside = os.readlink("/proc/self/ns/mnt")
    found = dict(line.split() for line in log_of(t))
    expected = {kind: inside if kind.endswith("Container") else outside for kind in KINDS}
    t.equal(found, expected, "mount namespaces")


@case(f"{ROW} hooks: before and after pivot_root")
def pivot(t: Context) -> None:
    (t.rootfs / "only-inside").write_text("")
    script = 'cat >/dev/null; [ $n = 2 ] || echo $kind $(ls -d /only-inside 2>/dev/null) >>$log'
    t.output(with_hooks(t, script, program="sleep 0.3"))
    t.equal([line.split() for line in log_of(t)], [[kind, "/only-inside"] if kind == "startContainer" else [kind]
                                                   for kind in KINDS], "who sees the container's root as /")


@case(f"{ROW} hooks: path of the container's root, args and env are exact")
def arguments(t: Context) -> None:
    spec = t.spec("sleep 0.3")
    spec["process"]["env"].append("OF_PROCESS=1")
    for kind in KINDS:
        log = "/log" if kind == "startContainer" else f"{t.rootfs}/log"
        program = "/bin/busybox"
        spec.setdefault("hooks", {})[kind] = [{
            "path": program, "args": ["sh", "-c", 'cat >/dev/null; echo "$0 $1 $HOOK $OF_CALLER $OF_PROCESS" >>' + log,
                                      kind, "a b"],
            "env": ["HOOK=set", "PATH=/bin"]}]
    t.write(spec)
    t.ids.append(t.id)
    done = t.call("run", t.id, env={**os.environ, "OF_CALLER": "1"})
    t.equal(done.status, 0, str(done))
    t.equal([line.rstrip() for line in log_of(t)], [f"{kind} a b set" for kind in KINDS], "words and environment")


@case(f"{ROW} hooks: without env the caller's, as of both other runtimes")
def environment_absent(t: Context) -> None:
    spec = t.spec("true")
    spec["hooks"] = {"createRuntime": [hook(t, "createRuntime", "cat >/dev/null; echo $OF_CALLER >>$log")]}
    t.output(spec, env={**os.environ, "OF_CALLER": "passed on"})
    t.equal(log_of(t), ["passed on"], "a variable of the caller")


@case(f"{ROW} hooks: a hook need not read its state")
def state_unread(t: Context) -> None:
    spec = with_hooks(t, 'exec 0<&-; echo $kind$n >>$log', program="sleep 0.3")
    spec["annotations"] = {"large": "x" * 200000}
    t.output(spec)
    t.equal(len(log_of(t)), 12, "hooks that have run")


def fails(kind: str) -> None:
    @case(f"{ROW} hooks: a failing one of {kind} stops everything", name=f"failure_of_{kind}")
    def failure(t: Context) -> None:
        spec = t.spec("sleep 0.5; echo program >>/log")
        spec["hooks"] = {kind: [hook(t, kind, "cat >/dev/null; exit 3"), hook(t, kind, "echo second >>$log")],
                         "poststop": [hook(t, "poststop", "cat >/dev/null; echo poststop >>$log")]}
        t.write(spec)
        t.ids.append(t.id)
        if kind in KINDS[:3]:
            t.bad("create", t.id, says="hook")
            t.equal([line for line in t.left() if "cgroup" not in line], [], "what is left")
        else:
            t.good("create", t.id)
            t.bad("start", t.id)
            time.sleep(0.7)
            if t.runtime.name == "xrun":
                t.equal(t.left(), [], "what is left of a container whose start failed by a hook")
            t.call("delete", "--force", t.id)
        t.equal(log_of(t), ["poststop"], "what has run besides")


for each in KINDS[:5]:
    fails(each)


@case(f"{ROW} hooks: a failing poststop is only warned of")
def failure_of_poststop(t: Context) -> None:
    spec = t.spec("true")
    spec["hooks"] = {"poststop": [hook(t, "poststop", "exit 3"), hook(t, "poststop", "echo second >>$log")]}
    t.create(spec)
    t.good("delete", "--force", t.id)
    t.equal(log_of(t), ["second"], "hooks that have run")
    t.equal(t.left(), [], "what is left")


def times_out(kind: str) -> None:
    @case(f"{ROW} hooks: timeout of {kind}", name=f"timeout_of_{kind}")
    def timeout(t: Context) -> None:
        spec = t.spec("sleep 0.1")
        spec["hooks"] = {kind: [hook(t, kind, "echo first >>$log; exec sleep 60", timeout=1)]}
        t.write(spec)
        t.ids.append(t.id)
        start = time.monotonic()
        if kind in KINDS[:3]:
            t.bad("create", t.id, says="hook|time")
        else:
            t.good("create", t.id)
            done = t.call("start", t.id) if kind != "poststop" else t.call("delete", "--force", t.id)
            t.check(kind in ("poststop", "startContainer") or done.status != 0, f"a timeout is an error: {done}")
        took = time.monotonic() - start
        t.check(took < 10, f"it took {took:.1f} s")
        if kind != "startContainer":
            t.check(took >= 0.9, f"the hook had only {took:.1f} s")
        t.equal(log_of(t), ["first"], "hooks that have run")


for each in ("createRuntime", "createContainer", "startContainer", "poststart", "poststop"):
    times_out(each)


@case(f"{ROW} hooks: a path that does not exist is an error")
def missing(t: Context) -> None:
    spec = t.spec()
    spec["hooks"] = {"createRuntime": [{"path": "/no/such/hook"}]}
    t.refused(spec, "no such file|hook")


@case(f"{ROW} hooks: createRuntime may give the container a network")
def network(t: Context) -> None:
    spec = t.spec("cat /proc/sys/net/ipv4/conf/lo/tag")
    script = 'pid=$(sed "s/.*\\"pid\\": *\\([0-9]*\\).*/\\1/" | tr -d "\\n{} "); nsenter --net=/proc/$pid/ns/net sysctl -qw net.ipv4.conf.lo.tag=42'
    spec["hooks"] = {"createRuntime": [hook(t, "createRuntime", script, env=[f"PATH={os.environ['PATH']}"])]}
    t.equal(t.output(spec), "42\n", "what the hook has set in the container's namespace")


@case(f"{ROW} hooks: createContainer may mount into the root")
def mounts(t: Context) -> None:
    (t.rootfs / "point").mkdir()
    spec = t.spec("ls /point")
    script = f"cat >/dev/null; mount -t tmpfs hook {t.rootfs}/point && touch {t.rootfs}/point/by-hook"
    spec["hooks"] = {"createContainer": [hook(t, "createContainer", script)]}
    t.equal(t.output(spec), "by-hook\n", "what the hook has mounted")
    t.check(not Path(t.rootfs / "point/by-hook").exists(), "the mount shows on the host")


@case(f"{ROW} hooks: the error names kind and place, and what the hook did", differs={"crun": "it names neither"})
def failure_names_hook(t: Context) -> None:
    kinds = {"createRuntime": "exit 3", "createContainer": "exit 3", "startContainer": "kill -SEGV $$"}
    for kind, script in kinds.items():
        spec = t.spec("true")
        spec["hooks"] = {kind: [{"path": "/bin/true"}, {"path": "/bin/sh", "args": ["sh", "-c", script]}]}
        done = t.run(spec)
        t.check(done.status > 0, f"{kind}: {done}")
        t.match(done.err, f"error running {kind} hook #1: .*(exit status 3|signal: segmentation fault)", kind)


@case(f"{ROW} hooks: startContainer's are confined by the seccomp profile")
def start_hook_filtered(t: Context) -> None:
    spec = t.spec("true")
    spec["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
    spec["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "mkdir /made"]}]}
    t.run(spec)
    t.check(not (t.rootfs / "made").exists(), "the hook made a directory")


@case(f"{ROW} hooks: startContainer's without env have the process's")
def start_hook_environment(t: Context) -> None:
    spec = t.spec("true")
    spec["process"]["env"] += ["ONE=two", "HOME=/here"]
    spec["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "echo $ONE $HOME >/log"]}]}
    t.output(spec)
    t.equal((t.rootfs / "log").read_text(), "two /here\n", "variables")


@case(f"{ROW} hooks: what startContainer's print is seen, also on a terminal and when they fail")
def start_hook_output(t: Context) -> None:
    spec = t.spec("true")
    spec["process"]["terminal"] = True
    spec["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "echo seen; exit 1"]}]}
    done = t.run(spec)
    t.check(done.status > 0, str(done))
    t.match(done.out + done.err, "seen", "what it printed")


@case(f"{ROW} hooks: createContainer's begin in the container's root", differs={"crun": "they begin in the bundle"})
def create_hook_directory(t: Context) -> None:
    spec = t.spec("true")
    spec["hooks"] = {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "touch ./made-here"]}]}
    t.output(spec)
    t.check((t.rootfs / "made-here").exists(), "it is not in the root")
