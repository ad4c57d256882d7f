# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bundles: a root file system with nothing but busybox, and a config.json that works everywhere."""
from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

BUSYBOX = "/bin/busybox"
APPLETS = """[ awk basename cat chgrp chmod chown cp cut date dd dirname echo env expr false find getopt grep head hostname id
    ifconfig ip ipcmk ipcs kill ln ls mkdir mkfifo mknod mktemp mount mountpoint mv nc nproc od pgrep ping printf ps pwd
    readlink realpath rm rmdir sed seq setsid sh sleep sort stat stty sync sysctl tail taskset tee test time timeout
    touch tr true truncate tty umount uname uniq unshare uptime usleep wc which xargs""".split()
FOLDERS = ["bin", "dev", "etc", "proc", "root", "sys", "tmp"]

# The template is on the same file system as the bundles: copies of busybox are links.
_template: Path | None = None


def make_template(directory: Path) -> None:
    global _template
    _template = directory / "busybox"
    shutil.copy(BUSYBOX, _template)
    _template.chmod(0o755)


def make_rootfs(rootfs: Path) -> None:
    """A root of its own for each test, since tests are malicious in it."""
    assert _template is not None
    rootfs.mkdir(parents=True, mode=0o755)
    for folder in FOLDERS:
        (rootfs / folder).mkdir(mode=0o755)
    (rootfs / "tmp").chmod(0o1777)
    os.link(_template, rootfs / "bin/busybox")
    for applet in APPLETS:
        os.symlink("busybox", rootfs / "bin" / applet)
    (rootfs / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n")
    (rootfs / "etc/group").write_text("root:x:0:\nuser:x:1000:\n")


NAMESPACES = ["pid", "network", "ipc", "uts", "mount", "cgroup"]
CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
MOUNTS = [
    ("/proc", "proc", []),
    ("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    ("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
    ("/dev/shm", "tmpfs", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
    ("/dev/mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
    ("/sys", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
    ("/sys/fs/cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"]),
]


def make_spec(args: list[str], cgroup: str) -> dict[str, Any]:
    return {
        "ociVersion": "1.2.0",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": args,
            "env": ["PATH=/bin", "TERM=dumb"],
            "cwd": "/",
            "capabilities": {kind: list(CAPABILITIES) for kind in ("bounding", "effective", "permitted")},
            "noNewPrivileges": False,
        },
        "root": {"path": "rootfs", "readonly": False},
        "hostname": "conformance",
        "mounts": [{"destination": destination, "type": kind, "source": kind, "options": list(options)}
                   for destination, kind, options in MOUNTS],
        "linux": {
            "cgroupsPath": cgroup,
            "namespaces": [{"type": name} for name in NAMESPACES],
        },
    }


def capabilities(spec: dict[str, Any], *names: str) -> None:
    """Adds capabilities to all sets but the inheritable and the ambient one."""
    for kind in ("bounding", "effective", "permitted"):
        spec["process"]["capabilities"][kind] += [f"CAP_{name}" for name in names]


def namespace(spec: dict[str, Any], kind: str, path: str | None = None) -> None:
    """Asks for a namespace, once, be it new or an old one's path."""
    drop_namespace(spec, kind)
    spec["linux"]["namespaces"].append({"type": kind} if path is None else {"type": kind, "path": path})


def drop_namespace(spec: dict[str, Any], kind: str) -> None:
    spec["linux"]["namespaces"] = [row for row in spec["linux"]["namespaces"] if row["type"] != kind]


def drop_mount(spec: dict[str, Any], destination: str) -> None:
    spec["mounts"] = [row for row in spec["mounts"] if row["destination"] != destination]


def mount(spec: dict[str, Any], destination: str, kind: str, source: str, *options: str, **more: Any) -> None:
    spec["mounts"].append({"destination": destination, "type": kind, "source": source, "options": list(options), **more})


def user_namespace(spec: dict[str, Any], first: int = 100000, count: int = 65536) -> None:
    """A user namespace whose users are all others on the host; its sysfs would need more than this kernel may allow."""
    namespace(spec, "user")
    for key in ("uidMappings", "gidMappings"):
        spec["linux"][key] = [{"containerID": 0, "hostID": first, "size": count}]


def give_away(rootfs: Path, uid: int) -> None:
    """The root of a user namespace owns its root file system."""
    for folder, folders, files in os.walk(rootfs):
        for name in [".", *folders, *files]:
            if name != "busybox":
                os.chown(os.path.join(folder, name), uid, uid, follow_symlinks=False)
