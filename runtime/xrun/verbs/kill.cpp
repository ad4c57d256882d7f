// SPDX-License-Identifier: LGPL-2.1-or-later
// kill: a signal to the init, or to everything.
#include <algorithm>
#include <array>
#include <csignal>

#include "lib/base/table.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/cgroup_tree.hpp"
#include "runtime/xrun/cgroup/control_group.hpp"
#include "runtime/xrun/state/container.hpp"
#include "runtime/xrun/verbs.hpp"

namespace xctl::runtime {
namespace {

constexpr int kFirstRealtime = 34, kLastSignal = 64;  // as C libraries count them, SIGRTMIN to SIGRTMAX

constexpr std::array<Named<int>, 32> kSignals{{
    {"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT},   {"ILL", SIGILL},       {"TRAP", SIGTRAP},
    {"ABRT", SIGABRT}, {"IOT", SIGIOT},   {"BUS", SIGBUS},     {"FPE", SIGFPE},       {"KILL", SIGKILL},
    {"USR1", SIGUSR1}, {"SEGV", SIGSEGV}, {"USR2", SIGUSR2},   {"PIPE", SIGPIPE},     {"ALRM", SIGALRM},
    {"TERM", SIGTERM}, {"CHLD", SIGCHLD}, {"CONT", SIGCONT},   {"STOP", SIGSTOP},     {"TSTP", SIGTSTP},
    {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU}, {"URG", SIGURG},     {"XCPU", SIGXCPU},     {"XFSZ", SIGXFSZ},
    {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH}, {"IO", SIGIO},     {"PWR", SIGPWR},
    {"SYS", SIGSYS},   {"STKFLT", SIGSTKFLT},
}};
static_assert(names_are_unique(kSignals));

/// RTMIN, RTMIN+3, RTMAX-1.
std::optional<int> parse_realtime(std::string_view name) {
    const bool from_top = name.starts_with("RTMAX");
    if (!from_top && !name.starts_with("RTMIN")) return std::nullopt;
    name.remove_prefix(5);
    if (name.empty()) return from_top ? kLastSignal : kFirstRealtime;
    const auto offset = parse_unsigned(name.substr(1));
    if (name.front() != (from_top ? '-' : '+') || !offset || *offset > kLastSignal - kFirstRealtime)
        return std::nullopt;
    const int distance = static_cast<int>(*offset);
    return from_top ? kLastSignal - distance : kFirstRealtime + distance;
}

Result<int> parse_signal(std::string_view text) {
    if (const auto number = parse_unsigned(text); number && *number <= kLastSignal) return static_cast<int>(*number);
    std::string name(text);
    for (char& c : name)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (name.starts_with("SIG")) name.erase(0, 3);
    if (const auto known = value_of(kSignals, name)) return *known;
    if (const auto realtime = parse_realtime(name)) return *realtime;
    return fail(Errc::invalid_argument, "unknown signal " + xctl::quoted(text));
}

std::unexpected<Error> not_running() { return fail(Errc::wrong_state, "container not running"); }

/// Those that share the host's process numbers do not die with their init.
Result<> signal_all(const Container& container, int signal) {
    const auto cgroup = open_group(container.record.cgroup);
    if (!cgroup) return not_running();
    return kernel::signal_cgroup(*cgroup, signal);
}

bool has_processes(const Container& container) {
    const auto cgroup = open_group(container.record.cgroup);
    if (!cgroup) return false;
    const auto events = kernel::read_cgroup_events(*cgroup);
    return events && events->populated;
}

bool has_own_processes(const Container& container) {
    const auto spec = load_spec(container);
    const auto* row = spec ? oci::find_namespace(*spec, oci::NamespaceType::pid) : nullptr;
    return row != nullptr && row->path.empty();
}

Result<int> signal_one(const Arguments& arguments, const std::string& id) {
    const int signal = TRY(parse_signal(arguments.words.size() > 1 ? arguments.words[1] : "SIGTERM"));
    const auto container = TRY(open_container(arguments, id, Lock::no));
    const auto init = open_init(container.record);
    // Without process numbers of its own the container's processes outlive its init.
    const bool outlive = signal == SIGKILL && !has_own_processes(container);
    const bool all = arguments.all || (outlive && (init || has_processes(container)));
    if (all) {
        const auto sent = signal_all(container, signal);
        // Engines ask for this after the init has ended, to be sure; that is no error.
        if (!sent && !arguments.all) return std::unexpected(sent.error());
        return 0;
    }
    if (!init) return not_running();
    const auto sent = kernel::send_signal(*init, signal);
    if (!sent && sent.error().sys_errno == ESRCH) return not_running();
    if (!sent) return std::unexpected(sent.error());
    return 0;
}

}  // namespace

Result<int> verb_kill(const Arguments& arguments) { return for_each_named(arguments, signal_one); }

}  // namespace xctl::runtime
