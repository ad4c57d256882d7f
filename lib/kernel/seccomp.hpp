// SPDX-License-Identifier: LGPL-2.1-or-later
// System call filters: rules with names to the program that seccomp(2) takes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace xctl::kernel {

enum class FilterAction : std::uint8_t { kill_thread, kill_process, trap, errno_, trace, allow, log, notify };

enum class FilterOperator : std::uint8_t {
    not_equal,
    less,
    less_or_equal,
    equal,
    greater_or_equal,
    greater,
    masked_equal,  // (argument & value) == value_two
};

struct FilterVerdict {
    FilterAction action{};
    std::uint16_t data = 0;  // the errno, or the message for a tracer
    bool operator==(const FilterVerdict&) const = default;
};

struct FilterArg {
    unsigned index = 0;
    FilterOperator op{};
    std::uint64_t value = 0;
    std::uint64_t value_two = 0;
    bool operator==(const FilterArg&) const = default;
};

/// All conditions must hold, but two conditions on one argument are alternatives, as in other runtimes.
struct FilterRule {
    std::string syscall;
    FilterVerdict verdict;
    std::vector<FilterArg> args;
    bool operator==(const FilterRule&) const = default;
};

struct FilterProfile {
    FilterVerdict fallback;                  // for a call that no rule matches
    std::vector<std::string> architectures;  // "x86_64", "x86"; the machine's own is always included
    std::vector<FilterRule> rules;
    bool operator==(const FilterProfile&) const = default;
};

/// Whether libseccomp has heard of the call, on any architecture.
[[nodiscard]] bool is_known_call(const std::string& name);

/// The architecture of this build, as libseccomp names it; empty where nobody has looked whether the arguments of calls
/// are where a profile looks for them (on s390x those of clone are not).
[[nodiscard]] std::string_view native_architecture();

/// Images of struct sock_filter. Calls that libseccomp does not know are left out. A call whose number is above
/// every call of the profile fails with ENOSYS unless the fallback lets it pass: it is newer than the profile,
/// and C libraries fall back to an older call only on that errno.
Result<std::vector<std::uint64_t>> compile_filter(const FilterProfile& profile);

}  // namespace xctl::kernel
