// SPDX-License-Identifier: LGPL-2.1-or-later
// The specification's words and the kernel's numbers for them; one table per kind.
#pragma once

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/table.hpp"

namespace xctl::oci {

enum class NamespaceType : std::uint8_t { user, pid, network, mount, ipc, uts, cgroup, time };

struct NamespaceName {
    std::string_view name;  // in config.json
    NamespaceType value;
    std::string_view proc_entry;  // in /proc/PID/ns
    std::uint64_t clone_flag;
};

constexpr std::array<NamespaceName, 8> kNamespaceNames{{
    {"user", NamespaceType::user, "user", CLONE_NEWUSER},
    {"pid", NamespaceType::pid, "pid", CLONE_NEWPID},
    {"network", NamespaceType::network, "net", CLONE_NEWNET},
    {"mount", NamespaceType::mount, "mnt", CLONE_NEWNS},
    {"ipc", NamespaceType::ipc, "ipc", CLONE_NEWIPC},
    {"uts", NamespaceType::uts, "uts", CLONE_NEWUTS},
    {"cgroup", NamespaceType::cgroup, "cgroup", CLONE_NEWCGROUP},
    {"time", NamespaceType::time, "time", 0x00000080},  // CLONE_NEWTIME shares its bit with the exit signal
}};
static_assert(names_are_unique(kNamespaceNames));

constexpr std::array<Named<int>, 16> kRlimitNames{{
    {"RLIMIT_AS", RLIMIT_AS},
    {"RLIMIT_CORE", RLIMIT_CORE},
    {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},
    {"RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_NPROC", RLIMIT_NPROC},
    {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    {"RLIMIT_RTTIME", RLIMIT_RTTIME},
    {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK},
}};
static_assert(names_are_unique(kRlimitNames));

/// Values are the MS_* flags of mount(2); 0 is the runtime's default.
enum class Propagation : std::uint64_t {
    unset = 0,
    shared = MS_SHARED,
    slave = MS_SLAVE,
    private_ = MS_PRIVATE,
    unbindable = MS_UNBINDABLE,
    rshared = MS_SHARED | MS_REC,
    rslave = MS_SLAVE | MS_REC,
    rprivate = MS_PRIVATE | MS_REC,
    runbindable = MS_UNBINDABLE | MS_REC,
};

constexpr std::array<Named<Propagation>, 9> kPropagationNames{{
    {"", Propagation::unset},
    {"shared", Propagation::shared},
    {"slave", Propagation::slave},
    {"private", Propagation::private_},
    {"unbindable", Propagation::unbindable},
    {"rshared", Propagation::rshared},
    {"rslave", Propagation::rslave},
    {"rprivate", Propagation::rprivate},
    {"runbindable", Propagation::runbindable},
}};
static_assert(names_are_unique(kPropagationNames));

enum class SeccompAction : std::uint8_t { kill_thread, kill_process, trap, errno_, trace, allow, log, notify };

/// `takes_errno`: an errnoRet beside this action has a meaning.
struct SeccompActionName {
    std::string_view name;
    SeccompAction value;
    bool takes_errno;
};

constexpr std::array<SeccompActionName, 9> kSeccompActionNames{{
    {"SCMP_ACT_KILL", SeccompAction::kill_thread, false},
    {"SCMP_ACT_KILL_THREAD", SeccompAction::kill_thread, false},
    {"SCMP_ACT_KILL_PROCESS", SeccompAction::kill_process, false},
    {"SCMP_ACT_TRAP", SeccompAction::trap, false},
    {"SCMP_ACT_ERRNO", SeccompAction::errno_, true},
    {"SCMP_ACT_TRACE", SeccompAction::trace, true},
    {"SCMP_ACT_ALLOW", SeccompAction::allow, false},
    {"SCMP_ACT_LOG", SeccompAction::log, false},
    {"SCMP_ACT_NOTIFY", SeccompAction::notify, false},
}};
static_assert(names_are_unique(kSeccompActionNames));

enum class SeccompOperator : std::uint8_t {
    not_equal,
    less,
    less_or_equal,
    equal,
    greater_or_equal,
    greater,
    masked_equal,
};

constexpr std::array<Named<SeccompOperator>, 7> kSeccompOperatorNames{{
    {"SCMP_CMP_NE", SeccompOperator::not_equal},
    {"SCMP_CMP_LT", SeccompOperator::less},
    {"SCMP_CMP_LE", SeccompOperator::less_or_equal},
    {"SCMP_CMP_EQ", SeccompOperator::equal},
    {"SCMP_CMP_GE", SeccompOperator::greater_or_equal},
    {"SCMP_CMP_GT", SeccompOperator::greater},
    {"SCMP_CMP_MASKED_EQ", SeccompOperator::masked_equal},
}};
static_assert(names_are_unique(kSeccompOperatorNames));

/// Values are the SECCOMP_FILTER_FLAG_* of seccomp(2).
enum class SeccompFlag : std::uint32_t { tsync = 1, log = 2, spec_allow = 4, wait_killable_recv = 32 };

constexpr std::array<Named<SeccompFlag>, 4> kSeccompFlagNames{{
    {"SECCOMP_FILTER_FLAG_TSYNC", SeccompFlag::tsync},
    {"SECCOMP_FILTER_FLAG_LOG", SeccompFlag::log},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SeccompFlag::spec_allow},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SeccompFlag::wait_killable_recv},
}};
static_assert(names_are_unique(kSeccompFlagNames));

/// The architectures of the specification, without their prefix SCMP_ARCH_.
constexpr std::array<std::string_view, 23> kSeccompArchitectures{
    "X86",    "X86_64",   "X32",         "ARM",  "AARCH64", "MIPS",    "MIPS64",      "MIPS64N32",
    "MIPSEL", "MIPSEL64", "MIPSEL64N32", "PPC",  "PPC64",   "PPC64LE", "S390",        "S390X",
    "PARISC", "PARISC64", "RISCV64",     "M68K", "SH",      "SHEB",    "LOONGARCH64",
};

/// sched(7); SCHED_ISO has a number and no meaning in the kernel.
constexpr std::array<Named<std::uint32_t>, 7> kSchedulerPolicyNames{{
    {"SCHED_OTHER", 0},
    {"SCHED_FIFO", 1},
    {"SCHED_RR", 2},
    {"SCHED_BATCH", 3},
    {"SCHED_ISO", 4},
    {"SCHED_IDLE", 5},
    {"SCHED_DEADLINE", 6},
}};
static_assert(names_are_unique(kSchedulerPolicyNames));

/// sched_setattr(2).
constexpr std::array<Named<std::uint64_t>, 7> kSchedulerFlagNames{{
    {"SCHED_FLAG_RESET_ON_FORK", 0x01},
    {"SCHED_FLAG_RECLAIM", 0x02},
    {"SCHED_FLAG_DL_OVERRUN", 0x04},
    {"SCHED_FLAG_KEEP_POLICY", 0x08},
    {"SCHED_FLAG_KEEP_PARAMS", 0x10},
    {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
    {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40},
}};
static_assert(names_are_unique(kSchedulerFlagNames));

/// ioprio_set(2).
constexpr std::array<Named<std::uint32_t>, 3> kIoClassNames{{
    {"IOPRIO_CLASS_RT", 1},
    {"IOPRIO_CLASS_BE", 2},
    {"IOPRIO_CLASS_IDLE", 3},
}};
static_assert(names_are_unique(kIoClassNames));

/// set_mempolicy(2).
constexpr std::array<Named<std::uint32_t>, 7> kMemoryPolicyModeNames{{
    {"MPOL_DEFAULT", 0},
    {"MPOL_PREFERRED", 1},
    {"MPOL_BIND", 2},
    {"MPOL_INTERLEAVE", 3},
    {"MPOL_LOCAL", 4},
    {"MPOL_PREFERRED_MANY", 5},
    {"MPOL_WEIGHTED_INTERLEAVE", 6},
}};
static_assert(names_are_unique(kMemoryPolicyModeNames));

constexpr std::array<Named<std::uint32_t>, 3> kMemoryPolicyFlagNames{{
    {"MPOL_F_NUMA_BALANCING", 1U << 13},
    {"MPOL_F_RELATIVE_NODES", 1U << 14},
    {"MPOL_F_STATIC_NODES", 1U << 15},
}};
static_assert(names_are_unique(kMemoryPolicyFlagNames));

/// personality(2).
constexpr std::array<Named<std::uint32_t>, 2> kPersonalityNames{{
    {"LINUX", 0},
    {"LINUX32", 8},
}};
static_assert(names_are_unique(kPersonalityNames));

/// "TERM", "SIGTERM", "15", "RTMIN+3", "SIGRTMAX-1"; from 1 to SIGRTMAX.
[[nodiscard]] std::optional<int> parse_signal(std::string_view text);

/// "SIGTERM", "SIGRTMIN+3"; the number's digits where there is no name.
[[nodiscard]] std::string signal_name(int signal);

}  // namespace xctl::oci
