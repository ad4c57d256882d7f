# SPDX-License-Identifier: LGPL-2.1-or-later
"""B4: seccomp: actions, arguments, flags, architectures, and agents that are told."""
from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from harness import Context, Spec, case
from sockets import Agent

ROW = "B4"
ALLOW = "SCMP_ACT_ALLOW"


def filtered(t: Context, script: str, *rules: Spec, **more: object) -> Spec:
    spec = t.spec(script)
    spec["linux"]["seccomp"] = {"defaultAction": ALLOW, "syscalls": list(rules), **more}
    return spec


def rule(names: Sequence[str], action: str, **more: object) -> Spec:
    return {"names": list(names), "action": action, **more}


# Of busybox: mkdir calls mkdir, umask is a builtin of the shell.
MKDIR = ["mkdir", "mkdirat"]


@case(f"{ROW} seccomp ERRNO, without and with errnoRet")
def action_errno(t: Context) -> None:
    done = t.run(filtered(t, "mkdir /tmp/x", rule(MKDIR, "SCMP_ACT_ERRNO")))
    t.match(done.err, "not permitted", "EPERM by default")
    done = t.run(filtered(t, "mkdir /tmp/x", rule(MKDIR, "SCMP_ACT_ERRNO", errnoRet=errno.EXDEV)))
    t.match(done.err, "Invalid cross-device link", "EXDEV")
    done = t.run(filtered(t, "mkdir /tmp/x && echo made", rule(MKDIR, "SCMP_ACT_ERRNO", errnoRet=0)))
    t.equal(done.out, "made\n", "errnoRet 0")


def kills(action: str, number: int) -> None:
    @case(f"{ROW} seccomp {action}", name=f"action_{action[9:].lower()}")
    def killed(t: Context) -> None:
        spec = filtered(t, "", rule(MKDIR, action))
        spec["process"]["args"] = ["/bin/mkdir", "/tmp/x"]
        t.equal(t.run(spec).status, 128 + number, "status of what was killed")
        t.check(not (t.rootfs / "tmp/x").exists(), "the call was made")


for each in ("SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"):
    kills(each, signal.SIGSYS)


@case(f"{ROW} seccomp LOG lets through")
def action_log(t: Context) -> None:
    t.equal(t.output(filtered(t, "mkdir /tmp/x && echo made", rule(MKDIR, "SCMP_ACT_LOG"))), "made\n", "output")


@case(f"{ROW} seccomp TRACE without a tracer is ENOSYS")
def action_trace(t: Context) -> None:
    t.match(t.run(filtered(t, "mkdir /tmp/x", rule(MKDIR, "SCMP_ACT_TRACE"))).err, "not implemented", "the error")


@case(f"{ROW} seccomp: a default that denies, with rules that allow")
def default_denies(t: Context) -> None:
    numbers = ["read", "write", "exit_group", "brk", "arch_prctl", "prctl", "set_tid_address", "set_robust_list", "rseq",
               "prlimit64", "readlinkat", "setresgid", "setresuid", "setfsuid", "setfsgid", "getgroups", "prctl", "readlink", "getrandom", "mprotect", "mmap", "munmap", "execve", "getuid",
               "fstat", "newfstatat", "futex", "close", "openat", "open", "fcntl", "getppid", "getpid", "rt_sigprocmask",
               "rt_sigaction", "sigaltstack", "tgkill", "gettid", "capset", "setgid", "setuid", "setgroups", "dup3",
               "epoll_pwait", "epoll_ctl", "clone", "clone3", "sched_yield", "nanosleep", "getgid", "geteuid", "getegid",
               "getcwd", "fchdir", "chdir", "statfs", "fstatfs", "getdents64", "madvise", "pread64", "poll", "access",
               "close_range", "capget", "ioctl", "lseek", "writev", "readv", "uname", "stat", "lstat", "dup", "dup2",
               "tkill", "umask", "unlinkat", "unlink", "sendmsg", "sendto", "recvfrom", "recvmsg", "socket", "connect",
               "setsid", "fchown", "fchownat", "faccessat2", "faccessat", "statx", "openat2", "pidfd_open", "seccomp",
               "keyctl", "exit", "wait4", "ppoll", "pipe2", "kill", "vfork", "getpgrp", "epoll_create1", "eventfd2"]
    spec = filtered(t, "", rule(numbers, ALLOW))
    spec["process"]["args"] = ["/bin/sh", "-c", "echo here; /bin/mkdir /tmp/x"]
    spec["linux"]["seccomp"].update(defaultAction="SCMP_ACT_ERRNO", defaultErrnoRet=errno.EDOM)
    done = t.run(spec)
    t.equal(done.out, "here\n", f"output ({done.err})")
    t.match(done.err, "Numerical argument|math|domain", "defaultErrnoRet")


# Of signals that a program ignores by default: one that is denied, one that is not, with 18 in the rule.
OPERATORS = {"EQ": (18, 17), "NE": (17, 18), "LT": (17, 18), "LE": (18, 23), "GT": (23, 18), "GE": (18, 17)}


def operator(name: str) -> None:
    hit, miss = OPERATORS[name]

    @case(f"{ROW} seccomp args SCMP_CMP_{name}", name=f"compare_{name.lower()}")
    def compare(t: Context) -> None:
        args = [{"index": 1, "value": 18, "op": f"SCMP_CMP_{name}"}]
        script = f"sleep 50 & kill -{hit} $! || echo denied; kill -{miss} $! && echo sent"
        t.equal(t.run(filtered(t, script, rule(["kill"], "SCMP_ACT_ERRNO", args=args))).out, "denied\nsent\n",
                f"signals {hit} and {miss}")


for each in OPERATORS:
    operator(each)


@case(f"{ROW} seccomp args SCMP_CMP_MASKED_EQ")
def masked_equal(t: Context) -> None:
    # kill(2): its second argument is the signal. Mask 0xf0 of the signal number, value 0x10: signals 16 to 31.
    args = [{"index": 1, "value": 0xF0, "valueTwo": 0x10, "op": "SCMP_CMP_MASKED_EQ"}]
    spec = filtered(t, "sleep 50 & kill -17 $! || echo no; kill -9 $! && echo yes",
                    rule(["kill"], "SCMP_ACT_ERRNO", args=args))
    t.equal(t.run(spec).out, "no\nyes\n", "what may be sent")


@case(f"{ROW} seccomp args: conditions on two arguments are all needed")
def two_arguments(t: Context) -> None:
    args = [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 0, "op": "SCMP_CMP_EQ"}]
    spec = filtered(t, "kill -0 1 || echo no; kill -0 $$ $$ ; sleep 50 & kill -0 $! && echo yes; kill $!",
                    rule(["kill"], "SCMP_ACT_ERRNO", args=args))
    t.equal(t.run(spec).out.splitlines()[0], "no", "kill -0 1")
    t.check("yes" in t.run(spec).out, "kill -0 of another")


@case(f"{ROW} seccomp: unknown system calls are ignored")
def unknown_call(t: Context) -> None:
    t.equal(t.output(filtered(t, "echo here", rule(["no_such_call", "mkdir"], "SCMP_ACT_ERRNO"))), "here\n", "output")


WRONG = {
    "action": ({"defaultAction": "SCMP_ACT_PRAISE"}, "action|PRAISE"),
    "rule_action": ({"defaultAction": ALLOW, "syscalls": [rule(["mkdir"], "SCMP_ACT_PRAISE")]}, "action|PRAISE"),
    "operator": ({"defaultAction": ALLOW, "syscalls": [rule(["mkdir"], "SCMP_ACT_ERRNO", args=[
        {"index": 0, "value": 1, "op": "SCMP_CMP_ODD"}])]}, "operator|ODD|seccomp|op"),
    "index": ({"defaultAction": ALLOW, "syscalls": [rule(["mkdir"], "SCMP_ACT_ERRNO", args=[
        {"index": 9, "value": 1, "op": "SCMP_CMP_EQ"}])]}, "index|seccomp|arg"),
    "architecture": ({"defaultAction": ALLOW, "architectures": ["SCMP_ARCH_PDP11"]}, "arch|PDP11"),
    "flag": ({"defaultAction": ALLOW, "flags": ["SECCOMP_FILTER_FLAG_RED"]}, "flag|RED"),
    "errno_of_kill": ({"defaultAction": ALLOW, "syscalls": [rule(["mkdir"], "SCMP_ACT_KILL", errnoRet=5)]}, "errno"),
    "default_errno_of_allow": ({"defaultAction": ALLOW, "defaultErrnoRet": 5}, "errno"),
    "metadata_alone": ({"defaultAction": ALLOW, "listenerMetadata": "x"}, "listener|metadata"),
    "notify_without_listener": ({"defaultAction": ALLOW, "syscalls": [rule(["mkdir"], "SCMP_ACT_NOTIFY")]}, "listener|notify|seccomp"),
    "notify_default": ({"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/tmp/x"}, "notify|default"),
    "notify_write": ({"defaultAction": ALLOW, "listenerPath": "/tmp/x",
                      "syscalls": [rule(["write"], "SCMP_ACT_NOTIFY")]}, "notify|write"),
    "no_default": ({"syscalls": []}, "default|action"),
    "names_empty": ({"defaultAction": ALLOW, "syscalls": [rule([], "SCMP_ACT_ERRNO")]}, "names|syscall|empty"),
}


def refuses(name: str) -> None:
    seccomp, says = WRONG[name]

    @case(f"{ROW} seccomp that is an error", name=f"wrong_{name}")
    def wrong(t: Context) -> None:
        spec = t.spec("echo here")
        spec["linux"]["seccomp"] = seccomp
        t.refused(spec, says)


for each in WRONG:
    refuses(each)


def with_flags(*flags: str) -> None:
    @case(f"{ROW} seccomp flags", name="flags_" + ("_".join(flag[20:].lower() for flag in flags) or "empty"))
    def flagged(t: Context) -> None:
        spec = filtered(t, "mkdir /tmp/x || echo denied", rule(MKDIR, "SCMP_ACT_ERRNO"), flags=list(flags))
        t.equal(t.output(spec), "denied\n", f"with {flags}")


with_flags()
with_flags("SECCOMP_FILTER_FLAG_LOG")
with_flags("SECCOMP_FILTER_FLAG_SPEC_ALLOW")
with_flags("SECCOMP_FILTER_FLAG_TSYNC")
with_flags("SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW")


@case(f"{ROW} seccomp architectures")
def architectures(t: Context) -> None:
    spec = filtered(t, "mkdir /tmp/x || echo denied", rule(MKDIR, "SCMP_ACT_ERRNO"),
                    architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"])
    t.equal(t.output(spec), "denied\n", "with all architectures of the machine")


@case(f"{ROW} seccomp is on with and without noNewPrivileges, and in exec")
def with_and_without_nnp(t: Context) -> None:
    for wanted in (True, False):
        spec = filtered(t, "sleep 1000", rule(MKDIR, "SCMP_ACT_ERRNO"))
        spec["process"]["noNewPrivileges"] = wanted
        t.start(spec)
        t.match(Path(f"/proc/{t.pid()}/status").read_text(), r"Seccomp:\s2\n", "mode of the container")
        t.match(t.exec("mkdir", "/tmp/x").err, "not permitted", "mkdir by exec")
        t.delete()


@case("E a profile that denies getcwd")
def denies_getcwd(t: Context) -> None:
    t.equal(t.output(filtered(t, "echo here", rule(["getcwd"], "SCMP_ACT_ERRNO"))), "here\n", "output")


def notified(t: Context, agent: Agent, **more: object) -> Spec:
    return filtered(t, "mkdir /tmp/x; ls /tmp", rule(MKDIR, "SCMP_ACT_NOTIFY"), listenerPath=str(agent.path), **more)


@case(f"{ROW} seccomp NOTIFY: an agent answers")
def notify(t: Context) -> None:
    agent = Agent(t, errno.EDQUOT)
    done = t.run(notified(t, agent))
    t.match(done.err, "quota", "what mkdir says")
    t.check(agent.seen, "the agent has seen nothing")


@case(f"{ROW} seccomp NOTIFY: an agent lets through")
def notify_continue(t: Context) -> None:
    done = t.run(notified(t, Agent(t, None)))
    t.equal(done.out, "x\n", f"what mkdir has made: {done.err}")


@case(f"{ROW} seccomp NOTIFY: the message")
def notify_message(t: Context) -> None:
    agent = Agent(t, None)
    spec = notified(t, agent, listenerMetadata="some metadata")
    spec["annotations"] = {"com.example.key": "value"}
    spec["linux"]["seccomp"]["syscalls"][0]["names"] = ["mkdir", "mkdirat"]
    spec["process"]["args"] = ["/bin/sleep", "100"]
    pid = t.start(spec)
    data, descriptors = agent.one()
    t.equal(len(descriptors), 1, "descriptors")
    message = json.loads(data)
    t.equal(message.get("fds"), ["seccompFd"], "fds")
    t.equal(message.get("metadata"), "some metadata", "metadata")
    t.equal(message.get("pid"), pid, "pid")
    t.check(message.get("ociVersion"), "ociVersion is missing")
    state = message["state"]
    t.equal([state.get("id"), state.get("bundle"), state.get("pid"), state.get("status")],
            [t.id, str(t.bundle), pid, "creating"], "state")
    t.equal(state["annotations"].get("com.example.key"), "value", "annotations")
    t.until(lambda: agent.rest, "the connection is closed")
    t.equal(agent.rest[0], b"", "what follows the message")


@case(f"{ROW} seccomp NOTIFY of an exec: another message")
def notify_exec(t: Context) -> None:
    agent = Agent(t, errno.EDQUOT)
    spec = notified(t, agent)
    spec["process"]["args"] = ["/bin/sleep", "100"]
    t.start(spec)
    t.good("exec", t.id, "true")
    t.until(lambda: len(agent.messages) == 2, "a second message has come")
    message = json.loads(agent.messages[1][0])
    t.check(message["pid"] != t.pid(), "the pid is the container's")
    t.equal(message["state"]["id"], t.id, "id")
    t.equal(message["state"]["pid"], t.pid(), "pid of the state")


@case(f"{ROW} seccomp NOTIFY: no agent is an error")
def notify_nobody(t: Context) -> None:
    spec = filtered(t, "true", rule(MKDIR, "SCMP_ACT_NOTIFY"), listenerPath=str(t.directory / "nobody"))
    t.write(spec)
    t.ids.append(t.id)
    t.bad("run", t.id, says="seccomp|connect|no such file|nobody")
    t.check(not os.path.exists(t.directory / "nobody"), "a socket was made")
