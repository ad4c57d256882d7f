// SPDX-License-Identifier: LGPL-2.1-or-later
// A profile of system calls that depends on capabilities: xctl.seccomp(5) describes the file. The specification's
// linux.seccomp has no such conditions, so that a profile is resolved into one for each container.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace xctl::oci {

/// A number that a file may also write as "0x…", which flags are read best in.
struct Bits {
    std::uint64_t value = 0;
};

/// Only these bits of the argument are looked at, and they must be one of the values. The kernel looks at 32 bits of
/// most arguments: a condition that compared all 64 could be evaded by the rest.
struct ProfileCondition {
    std::uint32_t argument = 0;
    Bits mask;
    std::vector<Bits> values;
};

struct ProfileRule {
    std::string name;
    std::string comment;
    std::vector<std::string> calls;
    int answer = 0;                                 // an errno; 0: allowed
    std::vector<std::string> capabilities;          // any of them makes the rule apply; none: it always applies
    std::vector<std::string> without_capabilities;  // any of them makes the rule not apply
    std::optional<ProfileCondition> when;
};

struct SeccompProfile {
    std::string comment;
    int answer = 0;                                                 // an errno, for whatever no rule matches
    std::map<std::string, std::vector<std::string>> architectures;  // a machine's own, and the others that it runs
    std::vector<ProfileRule> rules;
};

/// Unlike in config.json an unknown property is an error, since it is most likely a misspelt one. Every error is
/// invalid_document and reads "FILE: /json/pointer: rule".
Result<SeccompProfile> parse_seccomp_profile(std::string_view text, std::string_view file_name);

}  // namespace xctl::oci
