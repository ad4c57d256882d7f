# SPDX-License-Identifier: LGPL-2.1-or-later
"""C2: the texts and statuses by which engines tell one failure from another. They compare in lower case."""
from __future__ import annotations

import os

from harness import Context, case

CRUN = {"crun": "has texts of its own, which engines know as well"}


@case("C2 text: a program that is not in PATH", differs=CRUN)
def not_in_path(t: Context) -> None:
    t.refused(t.spec("nosuchprogram", "x"), 'exec: ."?nosuchprogram."?: executable file not found in \\$path')


@case("C2 text: a program that does not exist")
def no_such_program(t: Context) -> None:
    t.refused(t.spec("/no/such/program", "x"), "/no/such/program.*no such file or directory")


@case("C2 text: a program that may not be executed")
def not_executable(t: Context) -> None:
    (t.rootfs / "tmp/plain").write_text("x")
    t.refused(t.spec("/tmp/plain", "x"), "/tmp/plain.*permission denied")


@case("C2 text: a directory instead of a program")
def program_is_directory(t: Context) -> None:
    t.refused(t.spec("/tmp", "x"), "/tmp.*(permission denied|is a directory)")


@case("C2 text: an interpreter that does not exist")
def no_interpreter(t: Context) -> None:
    (t.rootfs / "tmp/script").write_text("#!/no/such/interpreter\n")
    (t.rootfs / "tmp/script").chmod(0o755)
    done = t.run(t.spec("/tmp/script", "x"))
    t.check(done.status != 0, str(done))
    t.match(done.err, "(?i)no such file or directory", "the error")


@case("C2 text: not a program at all")
def no_format(t: Context) -> None:
    (t.rootfs / "tmp/garbage").write_bytes(b"\0\1\2\3")
    (t.rootfs / "tmp/garbage").chmod(0o755)
    done = t.run(t.spec("/tmp/garbage", "x"))
    t.check(done.status != 0, str(done))
    t.match(done.err, "(?i)exec format error", "the error")


@case("C2 text: exec's failures, 255", differs={"crun": "its status is another"})
def exec_failures(t: Context) -> None:
    (t.rootfs / "tmp/plain").write_text("x")
    t.start(t.spec("sleep 1000"))
    for program, says in (("nosuchprogram", "executable file not found in \\$path"),
                          ("/no/such/program", "no such file or directory"), ("/tmp/plain", "permission denied")):
        done = t.bad("exec", t.id, program, says=f"{program}.*{says}")
        t.equal(done.status, 255, f"status for {program}")


@case("C2 text: exec of a working directory that does not exist")
def exec_cwd(t: Context) -> None:
    t.start(t.spec("sleep 1000"))
    done = t.call("exec", "--cwd", "/etc/passwd", t.id, "true")
    t.check(done.status != 0, str(done))
    t.match(done.err, "(?i)not a directory", "the error")


@case("C2 text: a container that does not exist", differs=CRUN)
def no_container(t: Context) -> None:
    for words in (["state"], ["start"], ["kill"], ["delete"], ["pause"], ["resume"], ["ps"]):
        t.bad(*words, "no-such-container", says="does not exist")
    t.bad("exec", "no-such-container", "true", says="does not exist")


@case("C2 text: kill of a stopped container")
def not_running(t: Context) -> None:
    t.start(t.spec("true"))
    t.until_stopped()
    done = t.bad("kill", t.id, "TERM", says="container not running|not running")
    t.equal(done.status, 1, "status")
    t.bad("exec", t.id, "true", says="stopped|not running")
    t.bad("pause", t.id, says="not running|stopped|running")


@case("C2 text: an id that is in use")
def in_use(t: Context) -> None:
    t.create(t.spec())
    t.bad("create", t.id, says="exist")


@case("C2 text: one line, time, level, msg", differs=CRUN)
def form(t: Context) -> None:
    done = t.bad("state", "no-such-container")
    t.match(done.err, r'^time="\d{4}-\d\d-\d\dT[^"]+" level=error msg="[^\n]+"\n$', "standard error")


@case("C2 status: 1 for general errors")
def general_status(t: Context) -> None:
    t.equal(t.bad("state", "no-such-container").status, 1, "status of state")
    t.equal(t.bad("delete", "no-such-container").status, 1, "status of delete")
    t.write(t.spec("/no/such/program", "x"))
    t.ids.append(t.id)
    t.equal(t.bad("create", t.id).status, 1, "status of create")


@case("C2 text: nothing is said when all is well")
def silence(t: Context) -> None:
    t.create(t.spec("sleep 1000"))
    for words in (["start", t.id], ["kill", t.id, "WINCH"], ["pause", t.id], ["resume", t.id],
                  ["delete", "--force", t.id]):
        done = t.good(*words)
        t.equal([done.out, done.err], ["", ""], f"what {words[0]} says")


@case("C2 create hands its streams on and keeps none for itself")
def streams(t: Context) -> None:
    reader, writer = os.pipe()
    t.write(t.spec("echo from inside; sleep 1000"))
    t.ids.append(t.id)
    t.good("create", t.id, stdout=writer)
    os.close(writer)
    t.good("start", t.id)
    t.equal(os.read(reader, 100), b"from inside\n", "what came")
    t.delete()
    t.equal(os.read(reader, 100), b"", "after the container's end")
    os.close(reader)
