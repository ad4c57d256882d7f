// SPDX-License-Identifier: LGPL-2.1-or-later
// xrun: runs OCI containers, by the command line that runc has.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "lib/kernel/standard_streams.hpp"
#include "runtime/own_binary.hpp"
#include "runtime/xrun/filter_store.hpp"
#include "runtime/xrun/options.hpp"
#include "runtime/xrun/privileges.hpp"
#include "runtime/xrun/report.hpp"
#include "runtime/xrun/verbs.hpp"

namespace {

using namespace xctl;

constexpr mode_t kUmask = 0022;
constexpr int kExitFailure = 1, kExitUnknownVerb = 3, kExitExecFailed = 255;

Result<int> print_version() {
    constexpr const char* kText = " version " XCTL_VERSION "\ncommit: v" XCTL_VERSION "\nspec: 1.3.0\n";
    TRY(runtime::print(std::string(runtime::program_name()) + kText));
    return 0;
}

/// Only the host's root can overwrite the host's binary (own_binary.hpp).
Result<int> run_verb(const runtime::VerbRow& verb, const runtime::Arguments& arguments, char** argv) {
    const bool launches = runtime::launches(verb);
    if (launches && runtime::is_host_root()) TRY(runtime::run_from_read_only_mount(argv));
    ::prctl(PR_SET_NAME, "xrun", 0, 0, 0);
    if (!launches) return verb.run(arguments);
    // Cgroups and what else the container sees of our files must not depend on our caller's.
    ::umask(kUmask);
    runtime::FilterFiles filters(runtime::filter_directory());
    plan::use_filter_store(&filters);
    auto status = verb.run(arguments);
    plan::use_filter_store(nullptr);
    return status;
}

Result<int> run(const runtime::Command& command, char** argv) {
    const auto& arguments = command.arguments;
    TRY(runtime::open_report(arguments));
    if (arguments.help || arguments.version) {
        if (arguments.version) return print_version();
        TRY(runtime::print(runtime::help_text(runtime::program_name(), command.verb)));
        return 0;
    }
    constexpr std::array<std::string_view, 4> kManagers{"", "cgroupfs", "systemd", "disabled"};
    if (!std::ranges::contains(kManagers, arguments.manager))
        return fail(Errc::invalid_argument, "invalid cgroup manager: " + arguments.manager);
    return run_verb(*command.verb, arguments, argv);
}

}  // namespace

int main(int argc, char** argv) {
    // Container processes must not trace us or open our descriptors, CVE-2016-9962.
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    kernel::fill_standard_streams(O_CLOEXEC);
    const auto command = runtime::parse_command({argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)});
    if (!command) {
        runtime::report("error", command.error().message);
        return command.error().code == Errc::not_found ? kExitUnknownVerb : kExitFailure;
    }
    runtime::name_command(argc > 0 ? argv[0] : "xrun", command->verb != nullptr ? command->verb->name : "");
    const auto status = run(*command, argv);
    if (status) return *status;
    runtime::report("error", status.error().message);
    const bool execs = command->verb != nullptr && command->verb->name == "exec";
    return execs ? kExitExecFailed : kExitFailure;
}
