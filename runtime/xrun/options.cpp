// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/options.hpp"

#include <algorithm>
#include <array>

#include "lib/base/table.hpp"
#include "lib/base/text.hpp"
#include "lib/cli/option_words.hpp"
#include "runtime/xrun/verbs.hpp"

namespace xctl::runtime {
namespace {

using A = Arguments;

constexpr OptionRow kRoot{"root", 0, "DIRECTORY", &A::root, "Where the states of containers are kept"};
constexpr OptionRow kFormat{"format", 'f', "FORMAT", &A::format, "table or json"};
constexpr OptionRow kBundle{"bundle", 'b', "DIRECTORY", &A::bundle, "Directory with config.json (default: here)"};
constexpr OptionRow kConfig{"config", 'f', "FILE", &A::config, "Another file than config.json, in the bundle"};
constexpr OptionRow kConsole{"console-socket", 0, "SOCKET", &A::console_socket,
                             "Unix socket that receives the terminal's master"};
constexpr OptionRow kPidfdSocket{"pidfd-socket", 0, "SOCKET", &A::pidfd_socket,
                                 "Unix socket that receives a pidfd of the process"};
constexpr OptionRow kPidFile{"pid-file", 0, "FILE", &A::pid_file, "Write the process's number to this file"};
constexpr OptionRow kKeyring{"no-new-keyring", 0, "", &A::no_new_keyring, "Keep the session keyring of the caller"};
constexpr OptionRow kPreserve{"preserve-fds", 0, "N", &A::preserve_fds,
                              "Pass the descriptors 3 to 3+N-1 to the program"};
constexpr OptionRow kNoPivot{"no-pivot", 0, "", &A::no_pivot,
                             "Move the root instead of pivoting, on a host that runs from an initramfs"};
constexpr OptionRow kNoSubreaper{"no-subreaper", 0, "", &A::no_subreaper,
                                 "Leave orphans of the container to somebody else"};
constexpr OptionRow kRegex{"regex", 'r', "", &A::regex,
                           "ID is an extended regular expression that ids are searched for"};
constexpr OptionRow kDetach{"detach", 'd', "", &A::detach, "Return once the program runs"};

constexpr OptionRow kImages{"image-path", 0, "DIRECTORY", &A::image_path, "CRIU's images (default: ./checkpoint)"};
constexpr OptionRow kWork{"work-path", 0, "DIRECTORY", &A::work_path, "CRIU's log (default: beside the images)"};
constexpr OptionRow kTcp{"tcp-established", 0, "", &A::tcp_established, "Also open TCP connections"};
constexpr OptionRow kExternalSockets{"ext-unix-sk", 0, "", &A::ext_unix_sk, "Also Unix sockets from outside"};
constexpr OptionRow kShellJob{"shell-job", 0, "", &A::shell_job, "The terminal is that of the caller's shell"};
constexpr OptionRow kLazyPages{"lazy-pages", 0, "", &A::lazy_pages, "Refused"};
constexpr OptionRow kFileLocks{"file-locks", 0, "", &A::file_locks, "Also file locks"};
constexpr OptionRow kCgroupsMode{"manage-cgroups-mode", 0, "MODE", &A::cgroups_mode,
                                 "soft, full, strict or ignore (default soft)"};
constexpr OptionRow kNetworkLock{"network-lock", 0, "METHOD", &A::network_lock,
                                 "How TCP connections are held meanwhile: iptables (default), nftables or skip"};
constexpr OptionRow kEmptyNamespace{"empty-ns", 0, "NAMESPACE", &A::empty_namespaces,
                                    "network: its content is not kept"};
constexpr OptionRow kAutoDedup{"auto-dedup", 0, "", &A::auto_dedup, "Remove what a later image replaces"};

constexpr std::array kGlobal{
    kRoot,
    OptionRow{"log", 0, "FILE", &A::log, "Append errors to this file; or syslog:NAME, journald:NAME"},
    OptionRow{"log-format", 0, "FORMAT", &A::log_format, "text or json"},
    OptionRow{"log-level", 0, "LEVEL", &A::log_level, "error, warning or debug; by default warning on a terminal, else error"},
    OptionRow{"debug", 0, "", &A::debug, "The same as --log-level=debug"},
    OptionRow{"systemd-cgroup", 0, "", &A::systemd_cgroup, "Let systemd make the cgroups, as scopes"},
    OptionRow{"cgroup-manager", 0, "MANAGER", &A::manager, "cgroupfs, systemd, or disabled for no cgroups at all"},
    OptionRow{"skip-unavailable-limits", 0, "", &A::skip_limits,
              "Warn of limits without a cgroup controller, and go on"},
    OptionRow{"rootless", 0, "VALUE", &A::rootless, "true, false or auto"},
    OptionRow{"criu", 0, "FILE", std::monostate{}, "Ignored"},
    OptionRow{"help", 'h', "", &A::help, "Print this"},
    OptionRow{"version", 'v', "", &A::version, "Print the version"},
};

constexpr std::array kCreate{kBundle,   kConfig,   kConsole, kPidfdSocket, kPidFile,
                             kKeyring,  kPreserve, kNoPivot, kNoSubreaper};
constexpr std::array kRun{
    kBundle,
    kConfig,
    kConsole,
    kPidfdSocket,
    kPidFile,
    kKeyring,
    kPreserve,
    kNoPivot,
    kDetach,
    kNoSubreaper,
    OptionRow{"keep", 0, "", &A::keep, "Keep the container's state when the program has ended"},
};
constexpr std::array kCheckpoint{
    kImages,
    kWork,
    kTcp,
    kExternalSockets,
    kShellJob,
    kLazyPages,
    kFileLocks,
    kCgroupsMode,
    kNetworkLock,
    kEmptyNamespace,
    kAutoDedup,
    OptionRow{"parent-path", 0, "DIRECTORY", &A::parent_path, "The images before, relative to the new ones"},
    OptionRow{"leave-running", 0, "", &A::leave_running, "The container goes on"},
    OptionRow{"tcp-skip-in-flight", 0, "", &A::tcp_skip_in_flight, "Leave out TCP connections that are being made"},
    OptionRow{"link-remap", 0, "", &A::link_remap, "Also files that were deleted but have other names"},
    OptionRow{"pre-dump", 0, "", &A::pre_dump, "Only memory; the container goes on"},
    OptionRow{"status-fd", 0, "FD", &A::status_fd, "Refused"},
    OptionRow{"page-server", 0, "ADDRESS:PORT", &A::page_server, "Refused"},
};
constexpr std::array kRestore{
    kBundle,
    kConsole,
    kPidFile,
    kDetach,
    kImages,
    kWork,
    kTcp,
    kExternalSockets,
    kShellJob,
    kLazyPages,
    kFileLocks,
    kCgroupsMode,
    kNetworkLock,
    kEmptyNamespace,
    kAutoDedup,
    kNoSubreaper,
    OptionRow{"no-pivot", 0, "", &A::no_pivot, "Refused"},
    OptionRow{"lsm-profile", 0, "TYPE:NAME", &A::lsm_profile, "Another profile of AppArmor or SELinux"},
    OptionRow{"lsm-mount-context", 0, "CONTEXT", &A::lsm_mount_context, "Another SELinux context of file systems"},
};
constexpr std::array kExec{
    kConsole,
    kPidfdSocket,
    kPidFile,
    kPreserve,
    kDetach,
    OptionRow{"process", 'p', "FILE", &A::process, "The process as JSON, instead of words"},
    OptionRow{"cwd", 0, "DIRECTORY", &A::cwd, "Working directory"},
    OptionRow{"env", 'e', "NAME=VALUE", &A::env, "Add to the environment"},
    OptionRow{"tty", 't', "", &A::tty, "Give it a terminal"},
    OptionRow{"user", 'u', "UID[:GID]", &A::user, "Run as this user"},
    OptionRow{"additional-gids", 'g', "GID", &A::groups, "Add a group"},
    OptionRow{"cap", 'c', "CAPABILITY", &A::caps, "Add a capability"},
    OptionRow{"apparmor", 0, "PROFILE", &A::apparmor, "Confine it by this AppArmor profile"},
    OptionRow{"process-label", 0, "LABEL", &A::process_label, "Give it this SELinux label"},
    OptionRow{"no-new-privs", 0, "", &A::no_new_privs, "Set no_new_privs"},
    OptionRow{"cgroup", 0, "PATH", &A::cgroup, "Run in this cgroup below the container's"},
    OptionRow{"ignore-paused", 0, "", &A::ignore_paused, "Also when the container is paused"},
};
constexpr std::array kKill{OptionRow{"all", 'a', "", &A::all, "Signal every process of the container"}, kRegex};
constexpr std::array kDelete{OptionRow{"force", 'f', "", &A::force, "Kill what is running first"}, kRegex};
constexpr std::array kList{kFormat, OptionRow{"quiet", 'q', "", &A::quiet, "Only the names"}};
constexpr std::array kPs{kFormat};
constexpr std::array kSpec{kBundle,
                           OptionRow{"file", 'f', "FILE", &A::config, "Another file than config.json, likewise"},
                           OptionRow{"rootless", 0, "", &A::spec_rootless, "For a user without privileges"}};
constexpr std::array kEvents{
    OptionRow{"interval", 0, "DURATION", &A::interval, "Time between statistics (default 5s)"},
    OptionRow{"stats", 0, "", &A::stats, "Print statistics once"},
};
constexpr std::array kUpdate{
    OptionRow{"resources", 'r', "FILE", &A::resources, "Limits as JSON; - is the standard input"},
    OptionRow{"cpu-share", 0, "N", &A::cpu_shares, "Weight of CPU time, 2 to 262144"},
    OptionRow{"cpu-quota", 0, "USEC", &A::cpu_quota, "CPU time in each period; -1 is no limit"},
    OptionRow{"cpu-period", 0, "USEC", &A::cpu_period, "Length of a period"},
    OptionRow{"cpu-burst", 0, "USEC", &A::cpu_burst, "CPU time that may be saved up"},
    OptionRow{"cpu-idle", 0, "0|1", &A::cpu_idle, "Run only when nobody else does"},
    OptionRow{"cpuset-cpus", 0, "LIST", &A::cpus, "CPUs to run on"},
    OptionRow{"cpuset-mems", 0, "LIST", &A::mems, "Memory nodes to use"},
    OptionRow{"memory", 0, "SIZE", &A::memory, "Memory limit; -1 is none"},
    OptionRow{"memory-reservation", 0, "SIZE", &A::memory_reservation, "Protected memory"},
    OptionRow{"memory-swap", 0, "SIZE", &A::memory_swap, "Limit of memory and swap together; -1 is none"},
    OptionRow{"pids-limit", 0, "N", &A::pids_limit, "Limit of processes; -1 is none"},
    OptionRow{"blkio-weight", 0, "N", &A::io_weight, "Weight of block I/O, 10 to 1000"},
    OptionRow{"l3-cache-schema", 0, "SCHEMA", &A::l3_cache_schema,
              "Share of the L3 cache, of a container with intelRdt"},
    OptionRow{"mem-bw-schema", 0, "SCHEMA", &A::mem_bw_schema, "Share of memory bandwidth, likewise"},
    OptionRow{"cpu-rt-period", 0, "USEC", &A::rt_period, "Refused: cgroup v2 has no realtime limits"},
    OptionRow{"cpu-rt-runtime", 0, "USEC", &A::rt_runtime, "Refused: cgroup v2 has no realtime limits"},
    OptionRow{"kernel-memory", 0, "SIZE", std::monostate{}, "Ignored"},
    OptionRow{"kernel-memory-tcp", 0, "SIZE", std::monostate{}, "Ignored"},
};

constexpr std::string_view kId = "ID";
constexpr std::size_t kAnyNumber = 1U << 20;

constinit const std::array kVerbs{
    VerbRow{"create", verb_create, kCreate, kId, 1, 1, false, "Make a container and wait for start"},
    VerbRow{"start", verb_start, {}, kId, 1, 1, false, "Let a created container run its program"},
    VerbRow{"run", verb_run, kRun, kId, 1, 1, false, "Create, start, wait and delete"},
    VerbRow{"state", verb_state, {}, kId, 1, 1, false, "Print a container's state as JSON"},
    VerbRow{"kill", verb_kill, kKill, "ID [SIGNAL]", 1, 2, false, "Send a signal (default SIGTERM)"},
    VerbRow{"delete", verb_delete, kDelete, kId, 1, 1, false, "Remove a container"},
    VerbRow{"list", verb_list, kList, "", 0, 0, false, "Print all containers"},
    VerbRow{"exec", verb_exec, kExec, "ID [PROGRAM [ARGS...]]", 1, kAnyNumber, true,
            "Run a program in a running container"},
    VerbRow{"ps", verb_ps, kPs, "ID [PS-OPTIONS]", 1, kAnyNumber, true, "Print a container's processes"},
    VerbRow{"pause", verb_pause, {}, kId, 1, 1, false, "Freeze a container"},
    VerbRow{"resume", verb_resume, {}, kId, 1, 1, false, "Thaw a container"},
    VerbRow{"update", verb_update, kUpdate, kId, 1, 1, false, "Change a container's limits"},
    VerbRow{"events", verb_events, kEvents, kId, 1, 1, false, "Print statistics and out-of-memory kills"},
    VerbRow{"checkpoint", verb_checkpoint, kCheckpoint, kId, 1, 1, false, "Write a running container to images"},
    VerbRow{"restore", verb_restore, kRestore, kId, 1, 1, false, "Make a container from such images"},
    VerbRow{"spec", verb_spec, kSpec, "", 0, 0, false, "Write a config.json to start from"},
    VerbRow{"features", verb_features, {}, "", 0, 0, false, "Print what this runtime can do, as JSON"},
};
static_assert(names_are_unique(kGlobal) && names_are_unique(kRun) && names_are_unique(kExec) &&
              names_are_unique(kCheckpoint) && names_are_unique(kRestore) &&
              names_are_unique(kUpdate) && names_are_unique(kCreate));

class Parser : cli::OptionWords {
public:
    explicit Parser(std::span<const char* const> words) : OptionWords(words) {}

    Result<Command> parse() {
        while (!ended()) TRY(parse_word(next_word()));
        const auto& arguments = command_.arguments;
        if (arguments.help || arguments.version) return std::move(command_);
        if (command_.verb == nullptr) return fail(Errc::invalid_argument, "the verb is missing; see xrun --help");
        TRY(check_count(arguments.words.size()));
        return std::move(command_);
    }

private:
    friend OptionWords;

    Result<> parse_word(std::string_view word) {
        if (rest_ || word.empty() || word.front() != '-' || word == "-") return take_word(word);
        if (word == "--") {
            rest_ = true;
            return {};
        }
        const auto [name, value] = cli::split_option(word.substr(word.starts_with("--") ? 2 : 1));
        const auto* row = find(name);
        if (row != nullptr) return value ? set(row, value) : read_option(row);
        if (!word.starts_with("--")) return read_letters(word.substr(1));
        return wrong("flag provided but not defined: --" + std::string(name));
    }

    const OptionRow* find_letter(char letter) const { return find({&letter, 1}); }
    static bool takes_value(const OptionRow* row) { return !row->value.empty(); }
    Result<> unknown_letters(std::string_view letters) const {
        return wrong("flag provided but not defined: -" + std::string(letters));
    }
    Result<> lacks_value(const OptionRow* row) const {
        return wrong("flag needs an argument: --" + std::string(row->name));
    }

    Result<> set(const OptionRow* row, std::optional<std::string_view> given) {
        auto& arguments = command_.arguments;
        const auto value = given.value_or("");
        if (const auto* flag = std::get_if<bool A::*>(&row->member)) {
            if (given && value != "true" && value != "false")
                return wrong("invalid boolean value " + xctl::quoted(value) + " for --" + std::string(row->name));
            arguments.**flag = !given || value == "true";
        }
        if (const auto* text = std::get_if<std::string A::*>(&row->member)) arguments.**text = value;
        if (const auto* list = std::get_if<std::vector<std::string> A::*>(&row->member))
            (arguments.**list).emplace_back(value);
        return {};
    }

    Result<> take_word(std::string_view word) {
        if (command_.verb != nullptr) {
            command_.arguments.words.emplace_back(word);
            rest_ = rest_ || command_.verb->options_first;
            return {};
        }
        if (word == "help") {
            command_.arguments.help = true;
            return {};
        }
        command_.verb = find_row(kVerbs, word);
        if (command_.verb == nullptr)
            return fail(Errc::not_found, "No help topic for '" + std::string(word) + "'");
        return {};
    }

    Result<> check_count(std::size_t count) const {
        const auto& verb = *command_.verb;
        const bool exact = verb.min_words == verb.max_words;
        const std::string name = "xrun: " + xctl::quoted(verb.name) + " requires ";
        const auto number = [](std::size_t n) { return std::to_string(n) + " argument(s)"; };
        if (exact && count != verb.min_words)
            return fail(Errc::invalid_argument, name + "exactly " + number(verb.min_words));
        if (count < verb.min_words)
            return fail(Errc::invalid_argument, name + "a minimum of " + number(verb.min_words));
        if (count > verb.max_words)
            return fail(Errc::invalid_argument, name + "a maximum of " + number(verb.max_words));
        return {};
    }

    /// A verb's own options come first: -f means different things. Before the verb there are only the global ones.
    const OptionRow* find(std::string_view name) const {
        const auto matches = [name](const OptionRow& row) {
            return row.name == name || (name.size() == 1 && row.letter == name.front());
        };
        const auto search = [&](std::span<const OptionRow> rows) {
            const auto found = std::ranges::find_if(rows, matches);
            return found != rows.end() ? &*found : nullptr;
        };
        const auto* own = command_.verb != nullptr ? search(command_.verb->options) : nullptr;
        if (own != nullptr) return own;
        const auto* row = search(kGlobal);
        // --version and the like after a verb are no options of it.
        return command_.verb == nullptr || row == nullptr || row->name == "help" ? row : nullptr;
    }

    std::unexpected<Error> wrong(std::string what) const { return fail(Errc::invalid_argument, std::move(what)); }

    bool rest_ = false;
    Command command_;
};

void add_line(std::string& text, std::string left, std::string_view right) {
    constexpr std::size_t kColumn = 36;
    left.resize(std::max(left.size() + 2, kColumn), ' ');
    text += "   " + left + std::string(right) + "\n";
}

void add_options(std::string& text, std::span<const OptionRow> rows) {
    for (const auto& row : rows) {
        std::string left = "--" + std::string(row.name);
        if (row.letter != 0) left += std::string(", -") + row.letter;
        if (!row.value.empty()) left += " " + std::string(row.value);
        add_line(text, left, row.help);
    }
}

}  // namespace

std::span<const VerbRow> verbs() { return kVerbs; }
bool launches(const VerbRow& verb) {
    return std::ranges::any_of(kLaunchingVerbs, [&](const char* name) { return verb.name == name; });
}
std::span<const OptionRow> global_options() { return kGlobal; }

Result<Command> parse_command(std::span<const char* const> words) { return Parser(words).parse(); }

std::string help_text(std::string_view program, const VerbRow* verb) {
    const std::string name(program);
    std::string text = "NAME:\n   " + name;
    if (verb != nullptr) {
        text += " " + std::string(verb->name) + " - " + std::string(verb->help) + "\n\nUSAGE:\n   " + name + " " +
                std::string(verb->name) + " [OPTIONS] " + std::string(verb->words) + "\n\nOPTIONS:\n";
        add_options(text, verb->options);
        return text;
    }
    text += " - Open Container Initiative runtime\n\nUSAGE:\n   " + name;
    text += " [GLOBAL OPTIONS] VERB [OPTIONS] [ARGS...]\n\n";
    text += "VERBS:\n";
    for (const auto& row : kVerbs) add_line(text, std::string(row.name), row.help);
    text += "\nGLOBAL OPTIONS:\n";
    add_options(text, kGlobal);
    return text;
}

}  // namespace xctl::runtime
