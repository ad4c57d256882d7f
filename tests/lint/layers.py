#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may include whom, and which file may use which library."""
import fnmatch

from support import sources

# The ways into the daemon: a folder each, and none sees another.
ADAPTERS = ["daemon/transport/dbus", "daemon/transport/unit", "daemon/transport/varlink"]
LAUNCH = ["lib/launch", "lib/launch/init", "lib/launch/parent"]
LAUNCH_PARENT = ["lib/launch", "lib/launch/parent"]

# The rooms of the daemon, the lowest first: each may include itself, these modules and these rooms. rooms.py draws them.
ROOMS = {
    "daemon/model": ["lib/base", "lib/oci"],
    "daemon/systemd": ["lib/base", "lib/kernel", "lib/bus", "api"],
    "daemon/ring": ["lib/base", "lib/kernel"],
    "daemon/definition": ["lib/base", "lib/kernel", "lib/oci", "lib/plan", "api", "daemon/model"],
    "daemon/console": ["lib/base", "lib/kernel", "api", "daemon/model", "daemon/ring", "daemon/definition"],
    "daemon/health": ["lib/base", "lib/kernel", "lib/plan", "daemon/model", "daemon/systemd", "daemon/ring",
                      "daemon/definition"],
    "daemon/run": ["lib/base", "lib/kernel", "lib/oci", "lib/plan", "lib/attachment", *LAUNCH, "api", "daemon/model",
                   "daemon/systemd", "daemon/definition", "daemon/console", "daemon/health"],
    "daemon/container": ["lib/base", "lib/kernel", "lib/oci", "lib/plan", "lib/attachment", *LAUNCH_PARENT, "api",
                         "daemon/model", "daemon/systemd", "daemon/ring", "daemon/definition", "daemon/console",
                         "daemon/health", "daemon/run"],
    "daemon/manager": ["lib/base", "lib/kernel", "lib/oci", "lib/plan", "lib/launch/parent", "api", "daemon/model",
                       "daemon/systemd", "daemon/ring", "daemon/definition", "daemon/console", "daemon/run",
                       "daemon/container"],
    "daemon/dispatch": ["lib/base", "lib/kernel", "api", "daemon/manager"],
    "daemon/transport": ["lib/base", "lib/kernel", "api", "daemon/systemd", "daemon/dispatch"],
    "daemon/transport/dbus": ["lib/base", "lib/kernel", "lib/bus", "api", "daemon/systemd", "daemon/manager",
                              "daemon/dispatch", "daemon/transport"],
    "daemon/transport/unit": ["lib/base", "lib/kernel", "lib/launch", "daemon/manager", "daemon/transport"],
    "daemon/transport/varlink": ["lib/base", "lib/kernel", "api", "daemon/manager", "daemon/dispatch",
                                 "daemon/transport"],
    # The programs themselves.
    "daemon": ["lib/base", "lib/kernel", "lib/oci", "daemon/systemd", "daemon/definition", "daemon/console",
               "daemon/run", "daemon/manager", "daemon/dispatch", "daemon/transport", *ADAPTERS],
}

# A module may include itself and these. A file belongs to the deepest folder that has a row.
MODULES = {
    "lib/base": [],
    "lib/cli": ["lib/base"],
    "lib/kernel": ["lib/base"],
    "lib/bus": ["lib/base"],
    "lib/oci": ["lib/base"],
    "lib/plan": ["lib/base", "lib/kernel", "lib/oci"],
    "lib/launch": ["lib/base", "lib/kernel", "lib/plan"],
    "lib/launch/init": ["lib/kernel", "lib/plan", "lib/launch"],
    "lib/launch/parent": ["lib/base", "lib/kernel", "lib/plan", "lib/launch", "lib/launch/init"],
    "lib/attachment": ["lib/base", "lib/plan", "lib/launch", "lib/launch/parent"],
    "api": ["lib/base"],
    "runtime": ["lib/base", "lib/kernel", "lib/plan"],
    "runtime/launcher": ["lib/base", "lib/kernel", "lib/plan", "lib/launch", "lib/launch/parent", "runtime"],
    "runtime/xrun": ["lib/base", "lib/cli", "lib/kernel", "lib/bus", "lib/oci", "lib/plan", "lib/attachment", "lib/launch", "lib/launch/parent",
                     "runtime"],
    **ROOMS,
    "client": ["lib/base", "lib/cli", "lib/kernel", "api"],
    "docs": ["lib/base", "api", "client", "daemon/definition"],
    "policy": ["lib/base", "api"],
    "tests": ["lib/base", "lib/cli", "lib/kernel", "lib/bus", "lib/oci", "lib/plan", "lib/attachment", *LAUNCH, "api", "runtime",
              "runtime/launcher", "runtime/xrun", *ROOMS, "client"],
}

# Files that see less than their module does: what they may include beside their own header.
NARROWED = {
    # Terminals and sockets; what a container is made of is none of the client's business.
    "client/*": ["client/*", "api/*", "lib/base/*", "lib/cli/*", "lib/kernel/pty.hpp", "lib/kernel/rights.hpp",
                 "lib/kernel/socket.hpp", "lib/kernel/standard_streams.hpp", "lib/kernel/terminal.hpp"],
    # Between clone and exec nothing is allocated and errors are numbers: only `raw` of these headers is used there.
    "lib/launch/init/*": ["lib/launch/init/*", "lib/launch/channel.hpp", "lib/launch/clone_flags.hpp",
                          "lib/launch/hooks.hpp", "lib/kernel/mount.hpp", "lib/kernel/pty.hpp", "lib/kernel/raw.hpp",
                          "lib/kernel/rights.hpp", "lib/kernel/root_path.hpp", "lib/plan/plan.hpp"],
}

# A library's headers, and the only files that include them; tests may include anything.
LIBRARIES = [
    ("nlohmann/*", ["*_json.cpp"]),
    ("sdbus-c++/*", ["daemon/systemd/*", "daemon/transport/polkit*", "daemon/transport/dbus/*"]),
    ("systemd/sd-bus*", ["lib/bus/*", "runtime/xrun/cgroup/systemd*", "daemon/systemd/bus*",
                        "daemon/transport/dbus/dbus_senders*"]),
    ("systemd/sd-varlink*", ["daemon/transport/varlink/*", "client/call*"]),
    ("systemd/sd-json*", ["api/sd_json.hpp", "daemon/transport/varlink/*", "client/call*"]),
    ("criu/*", ["runtime/xrun/criu/criu.cpp"]),
    ("spdlog/*", ["lib/base/log*", "daemon/*"]),
]

# Libraries that one file hides from the rest of the tree.
HIDDEN = ["sys/capability.h", "seccomp.h"]


def module_of(path):
    return max((m for m in MODULES if path.startswith(m + "/")), key=len, default=None)


def matches(path, patterns):
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def check_own(path, target):
    """Why `path` must not include our own `target`, or None."""
    module, wanted = module_of(path), module_of(target)
    if wanted is None:
        return "is not relative to the project's root"
    if wanted != module and wanted not in MODULES[module]:
        return f"{module} must not see {wanted}"
    for pattern, allowed in NARROWED.items():
        if fnmatch.fnmatch(path, pattern) and not matches(target, allowed):
            return f"{pattern} sees only {', '.join(allowed)}"
    return None


def check_library(path, target):
    for header, allowed in LIBRARIES:
        if fnmatch.fnmatch(target, header) and not matches(path, allowed):
            return f"belongs only into {', '.join(allowed)}"
    return None


def main():
    problems, users = [], {header: [] for header in HIDDEN}
    for path in sources.files(sources.CPP):
        if module_of(path) is None:
            problems.append(f"{path}: is in no module of tests/lint/layers.py")
            continue
        tests = path.startswith("tests/")
        for line, target, system in sources.includes(sources.read(path)):
            place = f"{path}:{line}"
            why = None if system else check_own(path, target)
            if system and not tests:
                why = check_library(path, target)
                if target in users:
                    users[target].append(place)
            if why:
                problems.append(f"{place}: {target}: {why}")
    for header, places in users.items():
        if len({place.split(":")[0] for place in places}) > 1:
            problems.extend(f"{place}: {header}: one file hides it from the rest" for place in places)
    sources.finish(problems)


if __name__ == "__main__":
    main()
