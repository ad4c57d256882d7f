# SPDX-License-Identifier: LGPL-2.1-or-later
"""B5: what `features` says, and the specification's own schema for that, for the state and for config.json."""
from __future__ import annotations

import json
import subprocess
import warnings
from pathlib import Path
from typing import Any

from harness import Context, Skip, Spec, case

SCHEMA = Path("/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema")


def features(t: Context) -> Spec:
    done = subprocess.run([t.runtime.path, "features"], capture_output=True, text=True, check=False)
    t.equal(done.returncode, 0, f"status of features: {done.stderr.strip()[:200]}")
    return json.loads(done.stdout)


def complaint(name: str, document: Any) -> str | None:
    """What the specification's schema has against a document."""
    try:
        import jsonschema
    except ImportError:
        raise Skip("python3-jsonschema is not installed") from None
    if not SCHEMA.exists():
        raise Skip("golang-github-opencontainers-specs-dev is not installed")
    # The schema's files refer to each other by name.
    base = SCHEMA / name
    store = {}
    for path in SCHEMA.glob("*.json"):
        store[path.as_uri()] = json.loads(path.read_text())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        resolver = jsonschema.RefResolver(base.as_uri(), store[base.as_uri()], store=store)
        validator = jsonschema.Draft4Validator(store[base.as_uri()], resolver=resolver)
        return next((f"{'/'.join(map(str, error.path))}: {error.message[:200]}" for error in
                     validator.iter_errors(document)), None)

# Debian's schema does not know them yet; the specification does.
YOUNGER_ARCHITECTURES = {f"SCMP_ARCH_{name}" for name in ("M68K", "SH", "SHEB", "LOONGARCH64")}


@case("B5 features: valid by the schema")
def schema_of_features(t: Context) -> None:
    found = features(t)
    seccomp = found["linux"]["seccomp"]
    seccomp["archs"] = [name for name in seccomp.get("archs", []) if name not in YOUNGER_ARCHITECTURES]
    t.equal(complaint("features-schema.json", found), None, "the schema's complaint")
    t.check(complaint("features-schema.json", {"ociVersionMin": 5}), "the schema complains of nothing")


@case("B5 state: valid by the schema, in every status")
def schema_of_state(t: Context) -> None:
    spec = t.spec("sleep 1000")
    spec["annotations"] = {"com.example.key": "value"}
    t.create(spec)
    for step in (["start", t.id], ["kill", t.id, "KILL"], None):
        found = t.state()
        t.equal(complaint("state-schema.json", found), None, f"the schema's complaint of {found['status']}")
        if step:
            t.good(*step)
        if step and step[0] == "kill":
            t.until_stopped()
    t.check(complaint("state-schema.json", {"id": 5}), "the schema complains of nothing")


@case("B1 spec: what is written is valid by the schema")
def schema_of_spec(t: Context) -> None:
    t.good("spec")
    t.equal(complaint("config-schema.json", json.loads((t.bundle / "config.json").read_text())), None, "the complaint")


@case("B1 the suite's own bundle is valid by the schema")
def schema_of_suite(t: Context) -> None:
    t.equal(complaint("config-schema.json", t.spec()), None, "the schema's complaint")


@case("B5 features: versions")
def versions(t: Context) -> None:
    found = features(t)
    t.match(found["ociVersionMin"], r"^1\.0\.\d", "ociVersionMin")
    t.match(found["ociVersionMax"], r"^1\.\d+\.\d+", "ociVersionMax")


@case("B5 features: all kinds of hooks")
def hooks(t: Context) -> None:
    wanted = {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}
    t.equal(set(features(t)["hooks"]), wanted, "hooks")


MUST = """async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime nodev nodiratime noexec
    noiversion nolazytime norelatime nostrictatime nosuid private rbind relatime remount ro rprivate rshared rslave
    runbindable rw shared silent slave strictatime suid sync unbindable""".split()
RECURSIVE = """ratime rdev rdiratime rexec rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid
    rnosymfollow rrelatime rro rrw rstrictatime rsuid rsymfollow tmpcopyup""".split()


@case("B2 features: mountOptions has all that must be and should be")
def mount_options(t: Context) -> None:
    found = set(features(t)["mountOptions"])
    t.equal(sorted(set(MUST + RECURSIVE) - found), [], "missing options")


@case("B4 features: namespaces")
def namespaces(t: Context) -> None:
    found = set(features(t)["linux"]["namespaces"])
    t.check({"cgroup", "ipc", "mount", "network", "pid", "user", "uts"} <= found, f"namespaces: {found}")


@case("B4 features: seccomp")
def seccomp(t: Context) -> None:
    found = features(t)["linux"]["seccomp"]
    t.equal(found["enabled"], True, "enabled")
    for kind, words in (("actions", ["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_NOTIFY"]),
                        ("operators", ["SCMP_CMP_EQ", "SCMP_CMP_MASKED_EQ"]), ("archs", ["SCMP_ARCH_X86_64"])):
        t.check(set(words) <= set(found[kind]), f"{kind}: {found[kind]}")


@case("B4 features: cgroups, capabilities, LSMs")
def linux(t: Context) -> None:
    found = features(t)["linux"]
    t.equal(found["cgroup"]["v2"], True, "cgroup version 2")
    t.check("CAP_CHECKPOINT_RESTORE" in found["capabilities"], "capabilities lack the newest")
    for lsm in ("apparmor", "selinux"):
        t.check(isinstance(found[lsm]["enabled"], bool), f"{lsm} is not said to be there or not")


@case("B5 features: unsafe annotations", differs={"runc": "1.1 does not say", "crun": "1.21 does not say all"})
def unsafe_annotations(t: Context) -> None:
    found = features(t).get("potentiallyUnsafeConfigAnnotations")
    t.check(found is not None, "there is no list")
    t.check("org.systemd.property." in found, f"the list: {found}")


@case("B4 features agree with what is refused")
def honest(t: Context) -> None:
    # What is said to be there must be accepted: a sample of what is optional.
    found = features(t)["linux"]
    if found["seccomp"].get("enabled"):
        spec = t.spec("echo here")
        spec["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                                    "flags": found["seccomp"].get("supportedFlags") or []}
        t.equal(t.output(spec), "here\n", "with all supported flags")
    if found.get("mountExtensions", {}).get("idmap", {}).get("enabled"):
        spec = t.spec("echo here")
        (t.directory / "source").mkdir()
        mapping = [{"containerID": 0, "hostID": 1, "size": 1}]
        spec["mounts"].append({"destination": "/a", "type": "bind", "source": str(t.directory / "source"),
                               "options": ["bind", "idmap"], "uidMappings": mapping, "gidMappings": mapping})
        t.equal(t.output(spec), "here\n", "with an idmapped mount")
    if "time" in found["namespaces"]:
        spec = t.spec("echo here")
        spec["linux"]["namespaces"].append({"type": "time"})
        t.equal(t.output(spec), "here\n", "with a time namespace")
