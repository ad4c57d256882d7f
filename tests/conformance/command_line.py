# SPDX-License-Identifier: LGPL-2.1-or-later
"""C: verbs and options, what is printed, files that are written."""
from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
from pathlib import Path

from harness import Context, case

ROW = "C1"


@case("C2 --version")
def version(t: Context) -> None:
    for option in ("--version", "-v"):
        done = subprocess.run([t.runtime.path, option], capture_output=True, text=True, check=False)
        lines = done.stdout.splitlines()
        t.match(lines[0], rf"^{t.runtime.name} version \S+$", f"first line of {option}")
        t.match(done.stdout, r"(?m)^spec: \d+\.\d+\.\d+", "the specification's version")
        t.match(done.stdout, r"(?m)^commit: \S+", "the commit")
        if t.runtime.name == "crun":
            break


@case(f"{ROW} --help of all and of each verb")
def help_texts(t: Context) -> None:
    text = subprocess.run([t.runtime.path, "--help"], capture_output=True, text=True, check=True).stdout
    for verb in ("create", "start", "run", "state", "kill", "delete", "exec", "list", "ps", "pause", "resume", "update"):
        t.check(re.search(rf"\b{verb}\b", text), f"--help lacks {verb}")
        done = subprocess.run([t.runtime.path, verb, "--help"], capture_output=True, text=True, check=False)
        t.equal(done.returncode, 0, f"{verb} --help")
        t.check(done.stdout.strip(), f"{verb} --help prints nothing")


@case(f"{ROW} every verb is there")
def verbs(t: Context) -> None:
    for verb in ("create", "start", "run", "exec", "kill", "delete", "state", "list", "ps", "events", "pause", "resume",
                 "update", "checkpoint", "restore", "spec", "features"):
        done = subprocess.run([t.runtime.path, verb, "--help"], capture_output=True, text=True, check=False)
        t.equal(done.returncode, 0, f"{verb} --help: {done.stderr.strip()[:80]}")


@case("C2 an unknown verb is an error: 3", differs={"crun": "it says 1 for everything"})
def unknown_verb(t: Context) -> None:
    done = t.bad("dance", t.id)
    t.equal(done.status, 3, "status")


@case(f"{ROW} unknown options and missing words are errors")
def wrong_usage(t: Context) -> None:
    t.write(t.spec())
    for words in (["create"], ["create", "--no-such-option", t.id], ["create", t.id, "more"], ["start"], ["state"],
                  ["kill"], ["delete"], ["exec", t.id], ["create", "--bundle"]):
        t.bad(*words)
    t.equal(t.left(), [], "what is left")


@case(f"{ROW} options as --option=VALUE, --option VALUE, -oVALUE; -- ends them")
def option_forms(t: Context) -> None:
    t.write(t.spec())
    t.ids.append(t.id)
    for words in (["--bundle", str(t.bundle)], [f"--bundle={t.bundle}"], ["-b", str(t.bundle)], ["--"]):
        cwd = t.bundle if words == ["--"] else Path("/")
        t.good("create", *words, t.id, cwd=cwd)
        t.delete()


@case(f"{ROW} words after the program's name are the program's")
def options_of_program(t: Context) -> None:
    t.start(t.spec("sleep 1000"))
    done = t.exec("echo", "--cwd", "/", "-t", "--help")
    t.equal(done.out, "--cwd / -t --help\n", "output")


@case("C2 pid-file: decimal, no newline, before create returns")
def pid_file(t: Context) -> None:
    path = t.directory / "pid"
    t.create(t.spec("sleep 1000"), "--pid-file", str(path))
    t.equal(path.read_text(), str(t.pid()), "the file")
    t.good("start", t.id)
    t.delete()
    path.unlink()
    t.write(t.spec("sleep 1000"))
    t.good("run", "--detach", "--pid-file", str(path), t.id)
    t.equal(path.read_text(), str(t.pid()), "the file of run")


@case("C2 pid-file: a path that cannot be written is an error, with nothing left")
def pid_file_wrong(t: Context) -> None:
    t.refused(t.spec(), "pid|no such", "--pid-file", "/no/such/folder/pid")


@case("C2 pid-file replaces a file or link, and does not write through it")
def pid_file_link(t: Context) -> None:
    victim = t.directory / "victim"
    victim.write_text("kept")
    path = t.directory / "pid"
    path.symlink_to(victim)
    t.create(t.spec(), "--pid-file", str(path))
    t.equal(victim.read_text(), "kept", "the file that a link leads to")


@case("C1 ids: allowed characters")
def ids(t: Context) -> None:
    t.write(t.spec())
    for name in ("a", "A-b_c.d+e", "0", "x" * 64):
        t.ids.append(name)
        t.good("create", name)
        t.good("delete", name)


@case("C1, D ids: no way out of the state directory")
def ids_refused(t: Context) -> None:
    t.write(t.spec())
    for name in ("", ".", "..", "../x", "a/b", "/x", "a b", "a\nb", "\u00e4", "x" * 1025):
        for verb in ("create", "state", "start", "kill"):
            t.bad(verb, name)
        t.call("delete", "--force", name)
    t.check(t.directory.exists() and t.bundle.exists(), "something was deleted")
    t.check(not (t.state_root.parent / "x").exists(), "a state was made outside")


@case("C1 delete --force of a missing id is no error")
def delete_missing(t: Context) -> None:
    t.good("delete", "--force", "no-such-container")
    t.bad("delete", "no-such-container", says="does not exist")


@case("C1 --root is made, and is of root alone")
def root_made(t: Context) -> None:
    t.create(t.spec())
    mode = t.state_root.stat().st_mode & 0o077
    t.check(mode & 0o022 == 0, f"others may write: {mode:o}")
    t.check((t.state_root / t.id).is_dir(), "there is no directory of the container")


@case("C2 state: JSON with what engines read")
def state_fields(t: Context) -> None:
    t.start(t.spec("sleep 1000"))
    found = t.state()
    for key, kind in (("ociVersion", str), ("id", str), ("pid", int), ("status", str), ("bundle", str), ("rootfs", str),
                      ("created", str), ("owner", str)):
        t.check(isinstance(found.get(key), kind), f"{key} of the state is {found.get(key)!r}")
    t.equal(found["rootfs"], str(t.rootfs), "rootfs")
    made = datetime.datetime.fromisoformat(found["created"])
    age = datetime.datetime.now(datetime.timezone.utc) - made
    t.check(abs(age.total_seconds()) < 600, f"created at {found['created']}")


@case("C2 list: table, JSON, only names")
def list_formats(t: Context) -> None:
    t.start(t.spec("sleep 1000"))
    table = t.good("list").out
    t.match(table, r"(?m)^(ID|NAME)\s+PID\s+STATUS\s+BUNDLE", "the table's head")
    t.match(table, rf"(?m)^{t.id}\s+{t.pid()}\s+running\s+{re.escape(str(t.bundle))}", "the table's row")
    rows = json.loads(t.good("list", "--format", "json").out)
    t.equal([(row["id"], row["pid"], row["status"], row["bundle"]) for row in rows],
            [(t.id, t.pid(), "running", str(t.bundle))], "JSON")
    t.equal(t.good("list", "-q").out, t.id + "\n", "names")
    t.bad("list", "--format", "yaml")


@case("C2 list: no containers")
def list_empty(t: Context) -> None:
    t.state_root.mkdir()
    t.match(t.good("list", "--format", "json").out.strip() or "[]", r"^(null|\[\s*\])$", "JSON of none")
    t.equal(t.good("list", "-q").out, "", "names of none")


@case("C2 list: a root that is not there is an error", differs={"crun": "it has no containers", "runc": "1.1: it has no containers"})
def list_without_root(t: Context) -> None:
    t.bad("list", says="no such file")


@case("C2 ps: JSON has all processes")
def ps(t: Context) -> None:
    t.start(t.spec("sleep 1000 & sleep 1000 & wait"))
    t.until(lambda: len(json.loads(t.good("ps", "--format", "json", t.id).out)) == 3, "there are three processes")
    pids = json.loads(t.good("ps", "-f", "json", t.id).out)
    t.check(t.pid() in pids and all(isinstance(pid, int) for pid in pids), f"{t.pid()} in {pids}")
    t.match(t.good("ps", t.id).out, rf"\b{t.pid()}\b", "the table")


@case("C2 events --stats", differs={"crun": "has no events"})
def events(t: Context) -> None:
    t.start(t.spec("sleep 1000"))
    found = json.loads(t.good("events", "--stats", t.id).out)
    t.equal([found["type"], found["id"]], ["stats", t.id], "type and id")
    t.check({"cpu", "memory", "pids"} <= set(found["data"]), f"data: {list(found['data'])}")


@case(f"{ROW} spec writes a config.json that works")
def spec(t: Context) -> None:
    t.good("spec")
    document = json.loads((t.bundle / "config.json").read_text())
    t.check(document["process"]["terminal"], "it has no terminal")
    t.bad("spec")
    document["process"].update(terminal=False, args=["/bin/echo", "here"], cwd="/")
    document["process"].pop("rlimits", None)
    document["linux"].pop("resources", None)
    document["linux"]["cgroupsPath"] = t.spec()["linux"]["cgroupsPath"]
    t.equal(t.output(document), "here\n", "output")
    (t.bundle / "config.json").unlink()
    t.good("spec", "--rootless")
    document = json.loads((t.bundle / "config.json").read_text())
    t.check(document["linux"]["uidMappings"], "spec --rootless has no mappings")


@case("C2 exec.fifo or its like is not reachable from the container")
def start_socket(t: Context) -> None:
    t.create(t.spec("ls -l /proc/self/fd; sleep 1000"))
    found = {os.readlink(path) for path in Path(f"/proc/{t.pid()}/root/proc/1/fd").parent.glob("root")}
    t.equal(found, {"/"}, "the init's root")


@case("C1 --rootless, --debug, --criu and --cgroup-manager=cgroupfs are taken", differs={
    "crun": "has neither --criu nor --rootless=VALUE of runc's form",
    "runc": "--cgroup-manager is crun's"})
def global_options(t: Context) -> None:
    t.state_root.mkdir()
    for options in (["--rootless=false"], ["--rootless", "auto"], ["--debug"], ["--criu", "/bin/true"],
                    ["--cgroup-manager=cgroupfs"]):
        t.options = options
        t.good("list", "-q")


@case("C2 --log-format json --log: records of errors")
def log_json(t: Context) -> None:
    log = t.directory / "log"
    t.options = ["--log", str(log), "--log-format", "json"]
    t.write(t.spec("/no/such/program", "x"))
    t.ids.append(t.id)
    done = t.call("create", t.id)
    t.check(done.status != 0, "no error")
    text = log.read_text()
    records, decoder, place = [], json.JSONDecoder(), 0
    while place < len(text.rstrip()):
        record, end = decoder.raw_decode(text[place:].lstrip())
        place += len(text[place:]) - len(text[place:].lstrip()) + end
        records.append(record)
    errors = [record for record in records if record.get("level") == "error"]
    t.check(errors, f"no record of an error: {text!r}")
    t.match(errors[-1]["msg"], "/no/such/program", "msg")
    t.check(datetime.datetime.fromisoformat(errors[-1]["time"]), "time")


@case("C2 --log: text, appended")
def log_text(t: Context) -> None:
    log = t.directory / "log"
    t.options = ["--log", str(log)]
    for _ in range(2):
        t.call("state", "no-such-container")
    t.equal(len(re.findall("does not exist", log.read_text())), 2, "records")


@case("C2 --log: standard error has the message as well")
def log_stderr(t: Context) -> None:
    log = t.directory / "log"
    t.options = ["--log", str(log), "--log-format", "json"]
    done = t.call("state", "no-such-container")
    t.match(done.err, "does not exist", "standard error")


@case("C1 --debug tells what is done")
def debug(t: Context) -> None:
    log = t.directory / "log"
    t.options = ["--debug", "--log", str(log), "--log-format", "json"]
    t.output(t.spec("true"))
    t.check("debug" in {json.loads(line)["level"] for line in log.read_text().splitlines()}, "nothing was told")
    if t.runtime.name != "runc":  # which needs a process
        spec = t.spec()
        del spec["process"]
        t.create(spec)


@case("C1 kill: names, numbers, with and without SIG")
def kill_words(t: Context) -> None:
    t.start(t.spec("for s in USR1 USR2 WINCH; do trap \"echo $s >>/log\" $s; done; echo ready >>/log; "
                   "while :; do sleep 0.02; done"))
    t.until(lambda: "ready" in ((t.rootfs / "log").read_text() if (t.rootfs / "log").exists() else ""), "it runs")
    for number, (word, name) in enumerate((("USR1", "USR1"), ("SIGUSR2", "USR2"), ("28", "WINCH"), ("10", "USR1"),
                                           ("sigusr2", "USR2"))):
        t.good("kill", t.id, word)
        t.until(lambda: len((t.rootfs / "log").read_text().split()) == number + 2, f"{word} has come")
        t.equal((t.rootfs / "log").read_text().split()[-1], name, word)
    t.good("kill", t.id, "0")
    t.bad("kill", t.id, "NOSUCHSIGNAL", says="signal")
    t.bad("kill", t.id, "-5000", says="signal|flag|option")


@case("C1 kill: TERM by default")
def kill_default(t: Context) -> None:
    t.start(t.spec("trap 'echo term >/log; exit' TERM; echo >/ready; while :; do sleep 0.02; done"))
    t.until(lambda: (t.rootfs / "ready").exists(), "it runs")
    t.good("kill", t.id)
    t.until_stopped()
    t.equal((t.rootfs / "log").read_text(), "term\n", "what the program got")


@case("C1 kill --all")
def kill_all(t: Context) -> None:
    t.start(t.spec("sh -c 'trap \"echo got >>/log; exit\" TERM; echo ready >/ready; while :; do sleep 0.02; done' & "
                   "trap : TERM; while :; do sleep 0.02; done"))
    t.until(lambda: (t.rootfs / "ready").exists(), "it runs")
    t.good("kill", "--all", t.id, "TERM")
    t.until(lambda: (t.rootfs / "log").exists(), "the other process has got it")


@case("C2 kill --all of a stopped container, as engines do before delete")
def kill_all_stopped(t: Context) -> None:
    t.start(t.spec("true"))
    t.until_stopped()
    t.call("kill", "--all", t.id, "KILL")
    t.good("delete", t.id)


@case("C1 --config: another file of the bundle, for this container only", differs={"runc": "only crun has it"})
def other_config(t: Context) -> None:
    t.write(t.spec("echo usual"))
    (t.bundle / "other.json").write_text(json.dumps(t.spec("echo other")))
    t.ids.append(t.id)
    for words in (["--config", "other.json"], ["-f", str(t.bundle / "other.json")]):
        t.equal(t.good("run", *words, t.id).out, "other\n", "what was run")
    t.equal(t.good("run", t.id).out, "usual\n", "what is run without it")
    t.bad("run", "--config", "missing.json", t.id, says="missing.json")


@case("C1 spec --file", differs={"runc": "only crun has it"})
def spec_file(t: Context) -> None:
    t.good("spec", "--file", "mine.json")
    t.check("process" in json.loads((t.bundle / "mine.json").read_text()), "there is no process in it")
    t.bad("spec", "--file", "mine.json", says="mine.json")


@case("C1 kill and delete --regex: all that match, and no other", differs={"runc": "only crun has it"})
def regex(t: Context) -> None:
    names = [f"{t.id}-a1", f"{t.id}-a2", f"{t.id}-b1"]
    for name in names:
        spec = t.spec("sleep 1000")
        spec["linux"]["cgroupsPath"] += name[-3:]
        t.write(spec)
        t.ids.append(name)
        t.good("run", "--detach", name)
    status = lambda name: json.loads(t.good("state", name).out)["status"]  # noqa: E731
    t.good("kill", "--regex", f"^{t.id}-a[0-9]$", "KILL")
    t.until(lambda: [status(name) for name in names] == ["stopped", "stopped", "running"], "two have stopped")
    t.good("delete", "--regex", "a.$")
    t.equal(t.good("list", "--quiet").out.split(), names[2:], "what is left")
    t.good("delete", "--force", "--regex", "b1")
    t.equal(t.good("list", "--quiet").out.split(), [], "what is left in the end")


@case("C2 --log file:PATH and --log-level", differs={"runc": "only crun has them"})
def log_destinations(t: Context) -> None:
    log = t.directory / "log"
    t.options = ["--log", f"file:{log}", "--log-level", "debug"]
    t.bad("state", "nobody")
    t.match(log.read_text(), "does not exist|No such file", "the log")


@case("C1 called by another name it goes by that", differs={"crun": "its name is its own", "runc": "its name is its own"})
def own_name(t: Context) -> None:
    link = t.directory / "engine"
    link.symlink_to(t.runtime.path)
    for words in ("--version",), ("--help",), ("run", "--help"):
        out = subprocess.run([link, *words], capture_output=True, text=True, check=True).stdout
        t.check("engine" in out and "xrun" not in out, f"{words}: {out[:80]}")
