# SPDX-License-Identifier: LGPL-2.1-or-later
"""B1: what config.json says beside process and linux, and how it is read."""
from __future__ import annotations

import json
import os
from collections.abc import Callable

from bundles import drop_namespace
from harness import Context, Spec, case

ROW = "B1"


def accepts_version(version: str) -> Callable[[Context], None]:
    def test(t: Context) -> None:
        spec = t.spec("echo here")
        spec["ociVersion"] = version
        t.equal(t.output(spec), "here\n", f"ociVersion {version}")

    test.__module__ = __name__
    return test


def refuses_version(version: str | None) -> Callable[[Context], None]:
    def test(t: Context) -> None:
        spec = t.spec()
        spec["ociVersion"] = version
        if version is None:
            del spec["ociVersion"]
        t.refused(spec, "version")

    test.__module__ = __name__
    return test


OLD_RUNC = {"runc": "1.1 does not look at ociVersion"}
for good in ("1.0.0", "1.0.2-dev", "1.3.0", "1.3.0+dev", "1.99.1"):
    case(f"{ROW} ociVersion of the same major", name=f"version_{good}")(accepts_version(good))
for wrong in ("2.0.0", "0.7.0", "one", "", None):
    case(f"{ROW} ociVersion of another major", name=f"version_refused_{wrong or ('empty' if wrong == '' else 'none')}",
         differs={"crun": "does not look at ociVersion", **OLD_RUNC})(refuses_version(wrong))


@case(f"{ROW} root.path relative to the bundle")
def root_relative(t: Context) -> None:
    (t.rootfs / "mark").write_text("it is")
    t.equal(t.output(t.spec("cat /mark")), "it is", "the file in the root")


@case(f"{ROW} root.path absolute")
def root_absolute(t: Context) -> None:
    other = t.directory / "elsewhere"
    t.rootfs.rename(other)
    (other / "mark").write_text("it is")
    spec = t.spec("cat /mark")
    spec["root"]["path"] = str(other)
    t.equal(t.output(spec), "it is", "the file in the root")


@case(f"{ROW} root.path must be a directory")
def root_missing(t: Context) -> None:
    spec = t.spec()
    spec["root"]["path"] = "nothing"
    t.refused(spec, "no such file|not exist|not found|rootfs")


@case(f"{ROW} root.path must be a directory")
def root_is_a_file(t: Context) -> None:
    (t.bundle / "file").write_text("")
    spec = t.spec()
    spec["root"]["path"] = "file"
    t.refused(spec, "directory")


@case(f"{ROW} root is required")
def root_absent(t: Context) -> None:
    spec = t.spec()
    del spec["root"]
    t.refused(spec, "root")


@case(f"{ROW} root.readonly")
def root_readonly(t: Context) -> None:
    spec = t.spec("touch /new 2>&1; echo x >/etc/passwd; ls /new; grep ' / / ' /proc/self/mountinfo | cut -d' ' -f 6; "
                  "touch /dev/shm/works && echo works")
    spec["root"]["readonly"] = True
    out = t.output(spec)
    t.match(out, "Read-only file system", "what writing says")
    t.match(out, "works", "mounts stay writable")
    t.check(not (t.rootfs / "new").exists(), "a file was made in a read-only root")


@case(f"{ROW} root.readonly is false")
def root_writable(t: Context) -> None:
    t.output(t.spec("touch /new"))
    t.check((t.rootfs / "new").exists(), "no file was made")


@case(f"{ROW} hostname")
def hostname(t: Context) -> None:
    spec = t.spec("hostname")
    spec["hostname"] = "some.name"
    t.equal(t.output(spec), "some.name\n", "the host's name inside")
    t.check(os.uname().nodename != "some.name", "the name of our host was changed")


@case(f"{ROW} hostname needs a uts namespace")
def hostname_without_uts(t: Context) -> None:
    spec = t.spec()
    drop_namespace(spec, "uts")
    t.refused(spec, "uts|hostname")


@case(f"{ROW} domainname", differs={"runc": "1.1 does not know it"})
def domainname(t: Context) -> None:
    spec = t.spec("cat /proc/sys/kernel/domainname")
    spec["domainname"] = "example"
    t.equal(t.output(spec), "example\n", "the domain inside")


@case(f"{ROW} domainname needs a uts namespace", differs={"runc": "1.1 does not know it"})
def domainname_without_uts(t: Context) -> None:
    spec = t.spec()
    del spec["hostname"]
    spec["domainname"] = "example"
    drop_namespace(spec, "uts")
    t.refused(spec, "uts|domainname")


@case(f"{ROW} annotations are returned in the state")
def annotations(t: Context) -> None:
    spec = t.spec()
    spec["annotations"] = {"com.example.key": "value \"quoted\" \u00e4\n", "empty": ""}
    t.create(spec)
    found = t.state().get("annotations", {})
    t.equal({key: found.get(key) for key in spec["annotations"]}, spec["annotations"], "annotations")


@case(f"{ROW} annotations' values are strings")
def annotation_not_string(t: Context) -> None:
    spec = t.spec()
    spec["annotations"] = {"com.example.key": 5}
    t.refused(spec, "annotations|string|unmarshal|number")


@case(f"{ROW} annotations' keys are not empty",
      differs={"crun": "does not look at keys", "runc": "does not look at keys"})
def annotation_empty_key(t: Context) -> None:
    spec = t.spec()
    spec["annotations"] = {"": "value"}
    t.refused(spec, "annotation")


@case(f"{ROW} unknown properties are ignored")
def unknown_properties(t: Context) -> None:
    spec = t.spec("echo here")
    for place in (spec, spec["process"], spec["linux"], spec["root"], spec["process"]["user"], spec["mounts"][0]):
        place["unknownProperty"] = {"deep": [1, None, "x"]}
    spec["windows"] = {"layerFolders": ["C:"]}
    t.equal(t.output(spec), "here\n", "output")


INVALID: dict[str, tuple[Callable[[Spec], object], str]] = {
    "args_text": (lambda spec: spec["process"].update(args="true"), "args|unmarshal|string|array|process"),
    "args_empty": (lambda spec: spec["process"].update(args=[]), "args"),
    "args_none": (lambda spec: spec["process"].pop("args"), "args"),
    "uid_text": (lambda spec: spec["process"]["user"].update(uid="0"), "uid|unmarshal|string|integer"),
    "uid_negative": (lambda spec: spec["process"]["user"].update(uid=-1), "uid|unmarshal|range|negative|integer"),
    "uid_too_large": (lambda spec: spec["process"]["user"].update(uid=1 << 32), "uid|unmarshal|range|integer"),
    "readonly_text": (lambda spec: spec["root"].update(readonly="yes"), "readonly|unmarshal|bool"),
    "mounts_object": (lambda spec: spec.update(mounts={}), "mounts|unmarshal|array"),
    "hostname_number": (lambda spec: spec.update(hostname=5), "hostname|unmarshal|string|number"),
    "namespace_unknown": (lambda spec: spec["linux"]["namespaces"].append({"type": "room"}), "namespace|room"),
    "propagation_unknown": (lambda spec: spec["linux"].update(rootfsPropagation="odd"), "propagation|odd"),
    "cwd_relative": (lambda spec: spec["process"].update(cwd="tmp"), "cwd|absolute"),
    "cwd_empty": (lambda spec: spec["process"].update(cwd=""), "cwd"),
    "env_no_equals": (lambda spec: spec["process"]["env"].append("NOTHING"), "env"),
    "hook_relative": (lambda spec: spec.update(hooks={"poststop": [{"path": "bin/true"}]}), "path|absolute|hook"),
    "hook_timeout_zero": (lambda spec: spec.update(hooks={"poststop": [{"path": "/bin/true", "timeout": 0}]}), "timeout"),
    "masked_relative": (lambda spec: spec["linux"].update(maskedPaths=["proc/keys"]), "mask|absolute|path"),
}
CRUN_LAX = "its parser takes it"
RUNC_LAX = "its parser takes it"
LAX: dict[str, dict[str, str]] = {}


def refuses(change: Callable[[Spec], object], says: str) -> Callable[[Context], None]:
    def test(t: Context) -> None:
        spec = t.spec()
        change(spec)
        t.refused(spec, says)

    test.__module__ = __name__
    return test


for name, (change, says) in INVALID.items():
    case(f"{ROW} invalid values are errors", name=f"invalid_{name}", differs=LAX.get(name, {}))(refuses(change, says))


@case(f"{ROW} config.json must be JSON")
def not_json(t: Context) -> None:
    t.ids.append(t.id)
    for text in ("", "{", "[]", json.dumps(t.spec())[:-1], "\0\1\2"):
        (t.bundle / "config.json").write_text(text)
        t.bad("create", t.id)
    t.equal(t.left(), [], "what is left")


@case(f"{ROW} config.json must exist")
def no_document(t: Context) -> None:
    t.ids.append(t.id)
    t.bad("create", t.id, says="config.json|no such file|not found")
    t.bad("create", "--bundle", "/nonexistent", t.id, says="no such file|not exist|not found")
    t.equal(t.left(), [], "what is left")


@case(f"{ROW} config.json counts as it was at create")
def changed_after_create(t: Context) -> None:
    spec = t.spec("echo $WHAT; hostname")
    spec["process"]["env"].append("WHAT=first")
    spec["annotations"] = {"what": "first"}
    done_by = t.popen_create(spec)
    spec["process"]["env"][-1] = "WHAT=second"
    spec["process"]["args"] = ["/bin/false"]
    spec["annotations"] = {"what": "second"}
    spec["hostname"] = "second"
    t.write(spec)
    t.good("start", t.id)
    t.until_stopped()
    t.equal(t.state()["annotations"].get("what"), "first", "the annotation")
    t.equal(t.printed("out", done_by), "first\nconformance\n", "what it printed")


@case(f"{ROW} config.json may vanish after create")
def removed_after_create(t: Context) -> None:
    serial = t.popen_create(t.spec("echo here"))
    (t.bundle / "config.json").unlink()
    t.equal(t.state()["status"], "created", "status")
    t.good("start", t.id)
    t.until_stopped()
    t.equal(t.printed("out", serial), "here\n", "what it printed")
    t.good("delete", t.id)


@case(f"{ROW} process is optional: a container without one ends when it is started",
      differs={"runc": "refuses it at create, as the specification does not"})
def no_process(t: Context) -> None:
    spec = t.spec()
    del spec["process"]
    t.create(spec)
    t.equal(t.state()["status"], "created", "status")
    t.good("start", t.id)
    t.until_stopped()
    t.good("delete", t.id)
