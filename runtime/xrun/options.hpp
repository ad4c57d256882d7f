// SPDX-License-Identifier: LGPL-2.1-or-later
// xrun's command line: one row per option and per verb, which parse it and print its help.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/base/result.hpp"

namespace xctl::runtime {

/// Whatever any option may say. An empty text means that the option was not given.
struct Arguments {
    std::string root, log, log_format = "text", log_level, rootless = "auto", manager;
    bool debug = false, systemd_cgroup = false, help = false, version = false, skip_limits = false;

    std::string bundle = ".", config = "config.json", console_socket, pid_file, preserve_fds, format = "table", process, cwd, user, cgroup;
    std::string interval, resources, pidfd_socket, apparmor, process_label;
    std::vector<std::string> env, caps, groups;
    bool detach = false, keep = false, no_new_keyring = false, all = false, force = false, quiet = false, tty = false;
    bool regex = false, no_new_privs = false, ignore_paused = false, stats = false, no_subreaper = false, spec_rootless = false;

    std::string image_path, work_path, parent_path, cgroups_mode, lsm_profile, lsm_mount_context;
    std::string status_fd, page_server, network_lock;
    std::vector<std::string> empty_namespaces;
    bool leave_running = false, tcp_established = false, tcp_skip_in_flight = false, ext_unix_sk = false;
    bool shell_job = false, lazy_pages = false, file_locks = false, pre_dump = false, auto_dedup = false;
    bool link_remap = false, no_pivot = false;

    std::string cpu_shares, cpu_quota, cpu_period, cpu_burst, cpu_idle, cpus, mems;
    std::string memory, memory_reservation, memory_swap, pids_limit, io_weight, rt_period, rt_runtime;
    std::string l3_cache_schema, mem_bw_schema;

    std::vector<std::string> words;  // what is no option, in order

    /// Of the container; with --regex what many of them match.
    [[nodiscard]] const std::string& id() const { return words.front(); }
};

/// monostate: taken for the sake of old callers, and without any effect in the runtimes of today either.
using Member = std::variant<std::monostate, bool Arguments::*, std::string Arguments::*,
                            std::vector<std::string> Arguments::*>;

struct OptionRow {
    std::string_view name;   // without the two dashes
    char letter;             // or 0
    std::string_view value;  // what help calls the value; empty for a flag
    Member member;
    std::string_view help;
};

/// The exit status, or what went wrong.
using VerbFunction = Result<int> (*)(const Arguments&);

struct VerbRow {
    std::string_view name;
    VerbFunction run;
    std::span<const OptionRow> options;
    std::string_view words;  // of help
    std::size_t min_words, max_words;
    bool options_first;      // words after the first one are the program's, not ours
    std::string_view help;
};

[[nodiscard]] std::span<const VerbRow> verbs();

/// Verbs whose process becomes part of a container. These names hold no pointers: entry.cpp reads them before pointers
/// are relocated.
inline constexpr char kLaunchingVerbs[][8]{"create", "run", "exec"};
[[nodiscard]] bool launches(const VerbRow& verb);
[[nodiscard]] std::span<const OptionRow> global_options();

struct Command {
    const VerbRow* verb = nullptr;  // absent with --help and --version alone
    Arguments arguments;
};

/// `words` is argv without the program's name. An unknown verb is Errc::not_found.
Result<Command> parse_command(std::span<const char* const> words);

/// Of the program by the name that it was called by, or of one verb.
[[nodiscard]] std::string help_text(std::string_view program, const VerbRow* verb);

}  // namespace xctl::runtime
