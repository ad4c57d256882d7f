// SPDX-License-Identifier: LGPL-2.1-or-later
// The field tables of `process`, `hooks` and what they hold.
#pragma once

#include "lib/oci/fields.hpp"
#include "lib/oci/spec.hpp"

namespace xctl::oci {

template <>
inline constexpr auto kFields<ConsoleSize> = std::tuple{
    required("height", &ConsoleSize::height),
    required("width", &ConsoleSize::width),
};

template <>
inline constexpr auto kFields<User> = std::tuple{
    optional("uid", &User::uid),
    optional("gid", &User::gid),
    optional("umask", &User::umask),
    optional("additionalGids", &User::additional_gids),
};

template <>
inline constexpr auto kFields<Rlimit> = std::tuple{
    Field<Rlimit, int>{"type", &Rlimit::type, &read_word<kRlimitNames, int>, true, {}},
    required("soft", &Rlimit::soft),
    required("hard", &Rlimit::hard),
};

template <>
inline constexpr auto kFields<Capabilities> = std::tuple{
    optional("bounding", &Capabilities::bounding),
    optional("effective", &Capabilities::effective),
    optional("permitted", &Capabilities::permitted),
    optional("inheritable", &Capabilities::inheritable),
    optional("ambient", &Capabilities::ambient),
};

template <>
inline constexpr auto kFields<Scheduler> = std::tuple{
    required("policy", &Scheduler::policy),
    optional("nice", &Scheduler::nice),
    optional("priority", &Scheduler::priority),
    optional("flags", &Scheduler::flags),
    optional("runtime", &Scheduler::runtime),
    optional("deadline", &Scheduler::deadline),
    optional("period", &Scheduler::period),
};

template <>
inline constexpr auto kFields<IoPriority> = std::tuple{
    required("class", &IoPriority::io_class),
    optional("priority", &IoPriority::priority),
};

template <>
inline constexpr auto kFields<ExecCpuAffinity> = std::tuple{
    optional("initial", &ExecCpuAffinity::initial),
    optional("final", &ExecCpuAffinity::final),
};

template <>
inline constexpr auto kFields<Process> = std::tuple{
    optional("terminal", &Process::terminal),
    optional("consoleSize", &Process::console_size),
    optional("user", &Process::user),
    optional("args", &Process::args, "an array of at least one string"),
    optional("env", &Process::env),
    required("cwd", &Process::cwd),
    optional("capabilities", &Process::capabilities),
    optional("rlimits", &Process::rlimits),
    optional("noNewPrivileges", &Process::no_new_privileges),
    optional("oomScoreAdj", &Process::oom_score_adj),
    optional("apparmorProfile", &Process::apparmor_profile),
    optional("selinuxLabel", &Process::selinux_label),
    optional("scheduler", &Process::scheduler),
    optional("ioPriority", &Process::io_priority),
    optional("execCPUAffinity", &Process::exec_cpu_affinity),
};

template <>
inline constexpr auto kFields<Hook> = std::tuple{
    required("path", &Hook::path),
    optional("args", &Hook::args),
    optional("env", &Hook::env),
    optional("timeout", &Hook::timeout),
};

template <>
inline constexpr auto kFields<Hooks> = std::tuple{
    optional("prestart", &Hooks::prestart),
    optional("createRuntime", &Hooks::create_runtime),
    optional("createContainer", &Hooks::create_container),
    optional("startContainer", &Hooks::start_container),
    optional("poststart", &Hooks::poststart),
    optional("poststop", &Hooks::poststop),
};

}  // namespace xctl::oci
