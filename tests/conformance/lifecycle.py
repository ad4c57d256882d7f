# SPDX-License-Identifier: LGPL-2.1-or-later
"""B5: what may be done when: create, start, kill, delete, and how they end that are killed or come together."""
from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import bundles
from harness import Context, case

ROW = "B5"


@case(f"{ROW} create does not run the program")
def create(t: Context) -> None:
    t.create(t.spec("touch /ran; sleep 1000"))
    time.sleep(0.2)
    t.check(not (t.rootfs / "ran").exists(), "the program has run")
    t.equal(t.state()["status"], "created", "status")
    t.check(Path(f"/proc/{t.pid()}").exists(), "the pid of the state is of no process")


@case(f"{ROW} statuses in turn: created, running, stopped")
def statuses(t: Context) -> None:
    t.create(t.spec("trap 'exit 0' TERM; while :; do sleep 0.05; done"))
    t.equal(t.state()["status"], "created", "after create")
    t.good("start", t.id)
    t.equal(t.state()["status"], "running", "after start")
    caught = Path(f"/proc/{t.pid()}/status")
    t.until(lambda: int(caught.read_text().split("SigCgt:")[1].split()[0], 16) & 0x4000, "it traps TERM")
    t.good("kill", t.id, "TERM")
    t.until_stopped()
    t.equal(t.state().get("pid", 0), 0, "pid of a stopped container")
    t.good("delete", t.id)
    t.bad("state", t.id, says="not exist|no such|not found")


@case(f"{ROW} an id is unique")
def unique(t: Context) -> None:
    t.create(t.spec("sleep 1000"))
    pid = t.pid()
    t.bad("create", t.id, says="exist|already|use")
    t.equal([t.state()["status"], t.pid()], ["created", pid], "the container that was there")
    t.check(Path(f"/proc/{pid}").exists(), "its process is gone")


@case(f"{ROW} an id can be used again after delete")
def id_again(t: Context) -> None:
    for _ in range(3):
        t.create(t.spec())
        t.delete()
        t.equal(t.left(), [], "what is left")


@case(f"{ROW} start: only from created")
def start_again(t: Context) -> None:
    t.start(t.spec("echo x >>/log; sleep 1000"))
    t.until(lambda: (t.rootfs / "log").exists(), "it runs")
    t.bad("start", t.id, says="running|created|state")
    t.equal([t.state()["status"], (t.rootfs / "log").read_text()], ["running", "x\n"], "the container")
    t.good("kill", t.id, "KILL")
    t.until_stopped()
    t.bad("start", t.id, says="stopped|state|created")
    t.equal(t.state()["status"], "stopped", "status")


@case(f"{ROW} kill: created and running, not stopped")
def kill(t: Context) -> None:
    t.create(t.spec("sleep 1000"))
    t.good("kill", t.id, "KILL")
    t.until_stopped()
    t.bad("kill", t.id, "TERM", says="not running")
    t.good("delete", t.id)
    t.bad("kill", t.id, "TERM", says="does not exist")


@case("C1 kill: TERM ends a created container, as the program would be by default", differs={"crun": "only KILL does"})
def kill_created(t: Context) -> None:
    for word in ("TERM", "INT", "HUP"):
        t.create(t.spec("sleep 1000"))
        t.good("kill", t.id, word)
        t.until_stopped()
        t.bad("start", t.id, says="stopped|state|created")
        t.delete()


@case("D a container whose first thread has ended is running",
      differs={"crun": "it looks at the first thread", "runc": "it looks at the first thread"})
def first_thread_ended(t: Context) -> None:
    exit_thread = "import ctypes, platform, threading, time; threading.Thread(target=time.sleep, args=(1000,)).start(); " \
                  "ctypes.CDLL(None).syscall(60 if platform.machine() == 'x86_64' else 93, 0)"
    spec = t.spec("/usr/bin/python3", "-c", exit_thread)
    for folder in ("/usr", "/lib", "/lib64"):
        if Path(folder).exists():
            bundles.mount(spec, folder, "bind", folder, "rbind", "ro")
    pid = t.start(spec)
    t.until(lambda: Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z", "its first thread has ended")
    t.equal([t.state()["status"], t.pid()], ["running", pid], "the container")
    t.equal(t.exec("hostname").out, "conformance\n", "what exec prints")
    t.bad("delete", t.id, says="running|stopped|state")
    t.good("kill", t.id, "KILL")
    t.until_stopped()


@case(f"{ROW} delete: a running container stays")
def delete_running(t: Context) -> None:
    t.start(t.spec("sleep 1000"))
    t.bad("delete", t.id, says="running|stopped|state")
    t.equal(t.state()["status"], "running", "status")


@case(f"{ROW} delete: stopped")
def delete_stopped(t: Context) -> None:
    t.start(t.spec("true"))
    t.until_stopped()
    t.good("delete", t.id)
    t.equal(t.left(), [], "what is left")


@case(f"{ROW} delete: a created container is killed and removed")
def delete_created(t: Context) -> None:
    t.create(t.spec())
    pid = t.pid()
    t.good("delete", t.id)
    t.until(lambda: not Path(f"/proc/{pid}").exists(), "its process is gone")
    t.equal(t.left(), [], "what is left")


@case(f"{ROW} delete removes what create made, and nothing else")
def delete_only_own(t: Context) -> None:
    (t.bundle / "other").write_text("kept")
    t.start(t.spec("echo kept >/file"))
    t.until_stopped()
    t.good("delete", t.id)
    t.equal([(t.rootfs / "file").read_text(), (t.bundle / "other").read_text()], ["kept\n", "kept"], "files")
    t.check((t.bundle / "config.json").exists(), "config.json is gone")


@case(f"{ROW} what the container's programs leave is killed with its first")
def orphans(t: Context) -> None:
    t.start(t.spec("setsid sleep 1000 & setsid sleep 1000 & sleep 0.2"))
    t.until_stopped()
    t.good("delete", t.id)
    t.equal(t.left(), [], "what is left")


@case(f"{ROW} the state")
def state(t: Context) -> None:
    spec = t.spec("sleep 1000")
    spec["ociVersion"] = "1.0.2"
    t.start(spec)
    found = t.state()
    t.check(found.get("ociVersion"), "ociVersion is missing")
    t.equal([found.get("id"), found.get("bundle"), found.get("status")], [t.id, str(t.bundle), "running"], "state")
    command = Path(f"/proc/{found['pid']}/cmdline").read_bytes()
    t.check(b"sleep" in command, f"the pid is of {command!r}")


@case(f"{ROW} a start that fails says so, and the container has stopped")
def start_fails(t: Context) -> None:
    t.create(t.spec("/bin/sh", "-c", "true"))
    os.remove(t.rootfs / "bin/sh")
    t.call("start", t.id)
    t.until_stopped()
    t.good("delete", t.id)


@case(f"{ROW} a bundle may be a link, and then shows resolved or as it was given")
def bundle_link(t: Context) -> None:
    link = t.directory / "link"
    link.symlink_to(t.bundle)
    t.write(t.spec("sleep 1000"))
    t.ids.append(t.id)
    t.good("create", "--bundle", str(link), t.id, cwd="/")
    t.check(os.path.samefile(t.state()["bundle"], t.bundle), "the bundle of the state")


@case("C1 two commands at once on one id: one create wins")
def concurrent_create(t: Context) -> None:
    t.write(t.spec("sleep 1000"))
    t.ids.append(t.id)
    for _ in range(3):
        processes = [t.popen("create", t.id) for _ in range(4)]
        good = [done for done in map(t.finish, processes) if done.status == 0]
        t.equal(len(good), 1, "creates that succeeded")
        t.equal(t.state()["status"], "created", "status")
        t.delete()
        t.equal(t.left(), [], "what is left")


@case("C1 two commands at once on one id: one start wins, all deletes end")
def concurrent_start(t: Context) -> None:
    t.create(t.spec("echo x >>/log; sleep 1000"))
    done = [t.finish(process) for process in [t.popen("start", t.id) for _ in range(4)]]
    t.equal(sum(one.status == 0 for one in done), 1, f"starts that succeeded: {[str(one) for one in done]}")
    t.until(lambda: (t.rootfs / "log").exists(), "it runs")
    t.equal((t.rootfs / "log").read_text(), "x\n", "how often it has run")
    for process in [t.popen("delete", "--force", t.id) for _ in range(4)]:
        t.finish(process)
    t.check(not (t.state_root / t.id).exists(), "the state is still there")


@case("C1 delete while create is at work")
def delete_during_create(t: Context) -> None:
    t.write(t.spec("sleep 1000"))
    t.ids.append(t.id)
    for delay in (0.0, 0.005, 0.01, 0.02, 0.04):
        process = t.popen("create", t.id)
        time.sleep(delay)
        t.call("delete", "--force", t.id)
        t.finish(process)
        t.call("delete", "--force", t.id)
        t.until(lambda: not t.left(), f"nothing is left after {delay} s: {t.left()}", 3)


@case("C1 a create that is killed at any moment leaves nothing that delete --force cannot remove")
def killed_create(t: Context) -> None:
    t.write(t.spec("sleep 1000"))
    t.ids.append(t.id)
    start = time.monotonic()
    t.good("create", t.id)
    whole = time.monotonic() - start
    t.delete()
    chance = random.Random(1)
    for turn in range(20):
        process = t.popen("create", t.id)
        time.sleep(whole * chance.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        t.reap()
        t.call("delete", "--force", t.id)
        t.until(lambda: not t.left(), f"nothing is left of attempt {turn}: {t.left()}", 3)
    t.good("create", t.id)


@case("C1 a start that is killed leaves a container that can be deleted")
def killed_start(t: Context) -> None:
    for _ in range(5):
        t.create(t.spec("sleep 1000"))
        process = t.popen("start", t.id)
        time.sleep(0.003)
        process.kill()
        process.wait()
        t.check(t.state()["status"] in ("created", "running", "stopped"), "the state")
        t.delete()
        t.equal(t.left(), [], "what is left")


@case("C1 a failing create can be repeated")
def create_after_failure(t: Context) -> None:
    spec = t.spec("sleep 1000")
    spec["process"]["args"] = ["/no/such/program"]
    t.refused(spec, "no such file")
    t.create(t.spec("sleep 1000"))
    t.equal(t.state()["status"], "created", "status")


@case("C1 containers do not need each other")
def two_containers(t: Context) -> None:
    spec = t.spec("sleep 1000")
    spec["root"]["readonly"] = True
    t.start(spec)
    second = t.id + "-2"
    spec["linux"]["cgroupsPath"] += "-2"
    t.write(spec)
    t.ids.append(second)
    t.good("create", second)
    t.good("delete", "--force", t.id)
    t.good("start", second)
    t.good("exec", second, "true")


@case("C1 run: exit status of the program, and of what a signal ended")
def run_status(t: Context) -> None:
    t.equal(t.run(t.spec("exit 42")).status, 42, "status")
    t.equal(t.run(t.spec("exit 0")).status, 0, "status")
    for number in (signal.SIGKILL, signal.SIGTERM):
        t.start(t.spec("sleep 1000"))
        t.delete()
        t.write(t.spec("trap - TERM; sleep 1000"))
        process = t.popen("run", t.id)
        t.until(lambda: t.call("state", t.id).out.find('"running"') > 0, "it runs")
        t.good("kill", t.id, "KILL")
        t.equal(t.finish(process).status, 128 + signal.SIGKILL, "status of what was killed")
        del number
    t.equal(t.left(), [], "what is left")


@case("C1 run passes signals on")
def run_signals(t: Context) -> None:
    t.write(t.spec("trap 'echo got it; exit 7' TERM; echo ready >/ready; while :; do sleep 0.02; done"))
    t.ids.append(t.id)
    process = t.popen("run", t.id)
    t.until(lambda: (t.rootfs / "ready").exists(), "it runs")
    process.send_signal(signal.SIGTERM)
    done = t.finish(process)
    t.equal([done.status, done.out], [7, "got it\n"], "status and output")


@case("C1 run --detach and --keep")
def run_options(t: Context) -> None:
    t.write(t.spec("sleep 1000"))
    t.ids.append(t.id)
    t.good("run", "--detach", t.id)
    t.equal(t.state()["status"], "running", "status")
    t.delete()
    done = t.run(t.spec("exit 3"), "--keep")
    t.equal([done.status, t.state()["status"]], [3, "stopped"], "status")
    t.good("delete", t.id)


@case("C1 run reads standard input, and its end")
def run_stdin(t: Context) -> None:
    text = t.directory / "stdin"
    text.write_text("one\ntwo\n")
    with open(text, encoding="utf-8") as file:
        t.equal(t.output(t.spec("cat; echo end"), stdin=file), "one\ntwo\nend\n", "output")
