#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each lint passes on a small tree that is right, and fails on it with one thing wrong."""
import os
import subprocess
import sys
import tempfile

import layers
import rooms

HERE = os.path.dirname(os.path.abspath(__file__))
SPDX = "// SPDX-License-Identifier: LGPL-2.1-or-later\n// What this file is for.\n"

GOOD = {
    "lib/base/result.hpp": SPDX + "enum class Errc : unsigned char {\n    one,  // the first\n    two,\n};\n",
    "lib/base/log.cpp": SPDX + "#include <spdlog/spdlog.h>\n",
    "lib/oci/spec_json.cpp": SPDX + '#include <nlohmann/json.hpp>\n#include "lib/base/result.hpp"\n',
    "lib/kernel/seccomp.cpp": SPDX + "#include <seccomp.h>\n",
    "lib/launch/init/root_steps.cpp": SPDX + '#include "lib/kernel/raw.hpp"\n#include "lib/launch/channel.hpp"\n',
    "lib/launch/parent/spawn.cpp": SPDX + '#include "lib/base/result.hpp"\n#include "lib/launch/init/steps.hpp"\n',
    "runtime/launcher/serve.cpp": SPDX + '#include "lib/launch/parent/launch.hpp"\n#include "runtime/own_binary.hpp"\n',
    "daemon/model/container.cpp": SPDX + '#include "daemon/model/container.hpp"\n#include "lib/oci/spec.hpp"\n',
    "daemon/transport/varlink/varlink_server.cpp": SPDX + "#include <systemd/sd-varlink.h>\n",
    "client/main.cpp": SPDX + '#include "api/verbs.hpp"\nint main() { return 0; }\n',
    "api/verbs.hpp": SPDX + "enum class Verb : unsigned char { start, stop };\n"
    '{Verb::start, "start", "Start", "manage", rows::kStart, {}, "Start a container"},\nrow<&StartRequest::args>\n'
    '{Verb::stop, "stop", "Stop", "manage", rows::kStop, {}, "Stop a container"},\n',
    "api/requests.hpp": SPDX + "struct StartRequest {\n    int args = 0;\n};\nusing Arguments = std::variant<StartRequest>;\n",
    "api/outputs.hpp": SPDX + 'enum class Output : unsigned char { fd };\n{Output::fd, "fd", 0, "One"},\n',
    "api/errors.hpp": SPDX + '{"One", Errc::one, kExitUsage, "One"},\n{"Two", Errc::two, 2, "Two"},\n',
    "policy/org.xctl1.policy": "<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->\n"
    '<action id="org.xctl1.manage">\n',
    "SECURITY.md": "<!-- The rows of api/verbs.hpp: tests/lint/api.py --update writes this table. -->\n"
    "| Action | Verbs |\n|---|---|\n| `org.xctl1.manage` | start, stop |\n<!-- End of the table. -->\n",
    "docs/man/xctl.1.in": '.\\" SPDX-License-Identifier: LGPL-2.1-or-later\n@VERBS@ @OPTIONS@ @ENVIRONMENT@ @EXITS@\n',
    "docs/man/org.xctl1.5.in": '.\\" SPDX-License-Identifier: LGPL-2.1-or-later\n'
    "@METHODS@ @CONTAINER@ @CLIENT@ @EVENT@ @ERRORS@\n",
    "docs/man/xctl.container.5.in": '.\\" SPDX-License-Identifier: LGPL-2.1-or-later\n@KEYS@\n',
}

# Each room sees what its row allows, and nothing else.
GOOD.update({f"{room}/uses.cpp": SPDX + "".join(f'#include "{seen}/a.hpp"\n' for seen in row)
             for room, row in layers.ROOMS.items()})
GOOD["docs/ARCHITECTURE.md"] = rooms.MARKS[0] + rooms.draw(dict.fromkeys(layers.ROOMS, 20), layers.ROOMS) + rooms.MARKS[1]

LONG = SPDX + "constexpr int kTable[] = {\n" + "    1,\n" * 90 + "};\nvoid f() {\n" + "    g();\n" * 90 + "}\n"

# The lint, the file with the violation, its whole text, and what the lint must say.
PLANTED = [
    ("layers", "lib/base/text.cpp", '#include "lib/kernel/file.hpp"\n', "lib/base must not see lib/kernel"),
    ("layers", "client/main.cpp", '#include "daemon/manager/manager.hpp"\n', "client must not see daemon"),
    ("layers", "client/main.cpp", '#include "lib/kernel/cgroup.hpp"\n', "client/* sees only"),
    ("layers", "lib/oci/spec.cpp", "#include <nlohmann/json.hpp>\n", "lib/oci/spec.cpp:1"),
    ("layers", "daemon/manager/manager.cpp", "#include <sdbus-c++/sdbus-c++.h>\n", "daemon/manager/manager.cpp:1"),
    ("layers", "client/render.cpp", "#include <systemd/sd-varlink.h>\n", "client/render.cpp:1"),
    ("layers", "lib/plan/seccomp.cpp", "#include <seccomp.h>\n", "one file hides it"),
    ("layers", "runtime/main.cpp", "#include <spdlog/spdlog.h>\n", "runtime/main.cpp:1"),
    ("layers", "lib/launch/init/root_steps.cpp", '#include "lib/kernel/file.hpp"\n', "lib/launch/init/* sees only"),
    ("layers", "lib/launch/init/steps.hpp", '#include "lib/launch/parent/prepare.hpp"\n',
     "lib/launch/init must not see lib/launch/parent"),
    ("layers", "lib/launch/channel.cpp", '#include "lib/launch/init/steps.hpp"\n',
     "lib/launch must not see lib/launch/init"),
    ("layers", "runtime/launcher/serve.cpp", '#include "lib/oci/spec.hpp"\n', "runtime/launcher must not see lib/oci"),
    ("layers", "runtime/xrun/verbs/run.cpp", '#include "runtime/launcher/serve.hpp"\n',
     "runtime/xrun must not see runtime/launcher"),
    ("layers", "daemon/model/container.cpp", '#include "lib/kernel/file.hpp"\n', "daemon/model must not see lib/kernel"),
    ("layers", "daemon/health/x.cpp", '#include "daemon/container/exec.hpp"\n',
     "daemon/health must not see daemon/container"),
    ("layers", "daemon/run/x.cpp", "#include <sdbus-c++/sdbus-c++.h>\n", "daemon/run/x.cpp:1"),
    ("layers", "docs/gen_docs.cpp", '#include "daemon/run/run.hpp"\n', "docs must not see daemon/run"),
    ("layers", "daemon/transport/dbus/dbus_server.cpp", '#include "daemon/transport/varlink/varlink_server.hpp"\n',
     "daemon/transport/dbus must not see daemon/transport/varlink"),
    ("layers", "daemon/dispatch/dispatcher.cpp", '#include "daemon/transport/polkit.hpp"\n',
     "daemon/dispatch must not see daemon/transport"),
    ("layers", "daemon/dispatch/dispatcher.cpp", "#include <systemd/sd-varlink.h>\n", "daemon/dispatch/dispatcher.cpp:1"),
    ("layers", "client/call.cpp", '#include "call.hpp"\n', "not relative"),
    ("layers", "elsewhere/x.cpp", "\n", "in no module"),
    ("rooms", "daemon/ring/uses.cpp", '#include "lib/base/a.hpp"\n', "daemon/ring: its row has lib/kernel"),
    ("rooms", "daemon/run/x.cpp", "manager::Manager* a;\n", "daemon/run: its row lacks daemon/manager"),
    ("rooms", "daemon/cellar/x.cpp", "int x;\n", "daemon/cellar: has no row"),
    ("rooms", "daemon/ring/x.cpp", "int x;\n" * 2600, "daemon/ring: 2604 lines"),
    ("rooms", "daemon/ring/x.cpp", "int x;\n" * 100, "ring                  200"),
    ("rooms", "docs/ARCHITECTURE.md", GOOD["docs/ARCHITECTURE.md"].replace("model\n", "\n"), "would draw"),
    ("rooms", "docs/ARCHITECTURE.md", "# Architecture\n", "lacks the marks"),
    ("size", "lib/base/long.cpp", LONG, "lib/base/long.cpp:95"),
    ("size", "lib/base/long.cpp", SPDX + "int x;\n" * 600, "602 lines"),
    ("braces", "lib/base/text.cpp", "A f() {\n    g();\n    return A{x,\n TRY(y())};\n}\n", "lib/base/text.cpp:4"),
    ("braces", "lib/base/text.cpp", "A f() { return {.x = 1, .y = h(TRY(y()))}; }\n", "lib/base/text.cpp:1"),
    ("events", "daemon/x.cpp", SPDX + "void f() {\n    auto s = loop_.add_io(fd, 1, [](int) { g(); });\n    if (s) t = *s;\n}\n",
     "daemon/x.cpp:4"),
    ("api", "api/verbs.hpp", GOOD["api/verbs.hpp"].replace("start, stop }", "start, stop, kill }"), "Verb::kill"),
    ("api", "api/verbs.hpp", GOOD["api/verbs.hpp"].replace('"Stop a container"', '""'), "Verb::stop has no help"),
    ("api", "api/verbs.hpp", GOOD["api/verbs.hpp"].replace('"manage", rows::kStop', '"attach", rows::kStop'),
     "org.xctl1.attach"),
    ("api", "api/requests.hpp", GOOD["api/requests.hpp"].replace("int args = 0;", "int args = 0, more;"),
     "no row for StartRequest::more"),
    ("api", "api/requests.hpp", GOOD["api/requests.hpp"] + "struct StopRequest {};\n", "StopRequest is none of"),
    ("api", "api/outputs.hpp", GOOD["api/outputs.hpp"] + "struct Reply {\n    int fd;\n};\n", "no row for Reply::fd"),
    ("api", "api/outputs.hpp", GOOD["api/outputs.hpp"].replace("{ fd }", "{ fd, text }"), "Output::text has no row"),
    ("api", "api/verbs.hpp", GOOD["api/verbs.hpp"] +
     '{Verb::pull, "pull", "PullImage", "manage", {}, {}, "Fetch an image", "image"},\n', "start, stop, image pull"),
    ("api", "policy/org.xctl1.policy", '<action id="org.xctl1.manage">\n<action id="org.xctl1.dance">\n', "dance"),
    ("api", "lib/base/result.hpp", "enum class Errc { one, two, three };\n", "Errc::three"),
    ("api", "SECURITY.md", "| Action | Verbs |\n", "lacks the marks"),
    ("api", "SECURITY.md", GOOD["SECURITY.md"].replace("start, stop", "start"), "| start, stop |"),
    ("api", "api/verbs.hpp", GOOD["api/verbs.hpp"] +
     'inline constexpr auto kStop = list<StopRequest>(row<&StopRequest::args>({"args", 1}));\n'
     'inline constexpr auto kOther = row<&StopRequest::other>({"other", 1});\n{"args", Verb::start},\n'
     '{Verb::run, "run", "Run", "configure", rows::kStop, {}, "Run"},\n',
     "run with the argument `args`"),
    ("api", "docs/man/xctl.1.in", "@VERBS@\n", "lacks @EXITS@"),
    ("api", "docs/man/xctl.container.5.in", ".TP\n", "lacks @KEYS@"),
    ("spdx", "lib/base/text.cpp", "int x;\n", "lib/base/text.cpp:1"),
    ("spdx", "lib/base/text.hpp", "// SPDX-License-Identifier: LGPL-2.1-or-later\nint x;\n", "duty"),
    ("spdx", "tests/run", "#!/bin/sh\ntrue\n", "tests/run:1"),
    ("words", "docs/man/xctl.1.in", "pull from docker" + ".io/library\n", "registry"),
    ("words", "lib/base/text.cpp", "// TO" + "DO later\n", "lib/base/text.cpp:1"),
    ("words", "api/verbs.hpp", '"un' + 'pause"\n', "resume"),
]


def write(tree, path, text):
    full = os.path.join(tree, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as file:
        file.write(text)


def run(lint, changes):
    with tempfile.TemporaryDirectory() as tree:
        for path, text in {**GOOD, **changes}.items():
            write(tree, path, text)
        script = os.path.join(HERE, lint + ".py")
        environment = {**os.environ, "XCTL_BUILD": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run([sys.executable, script], cwd=tree, env=environment, capture_output=True, text=True)


def main():
    failures = []
    for lint in sorted({row[0] for row in PLANTED}):
        done = run(lint, {})
        if done.returncode != 0:
            failures.append(f"{lint} refuses a tree that is right:\n{done.stdout}{done.stderr}")
    for lint, path, text, wanted in PLANTED:
        done = run(lint, {path: text})
        if done.returncode != 1 or wanted not in done.stdout or done.stderr:
            failures.append(f"{lint} misses what is wrong in {path} ({wanted}):\n{done.stdout}{done.stderr}")
    print("\n".join(failures))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
