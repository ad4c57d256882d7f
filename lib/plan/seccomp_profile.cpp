// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/plan/seccomp_profile.hpp"

#include <algorithm>
#include <format>
#include <map>

#include "lib/base/text.hpp"
#include "lib/kernel/capabilities.hpp"
#include "lib/kernel/seccomp.hpp"
#include "lib/oci/check.hpp"

namespace xctl::plan {
namespace {

using oci::broken;

/// "x86_64" to "SCMP_ARCH_X86_64", as the specification writes it.
std::string to_specification(std::string_view architecture) {
    std::string out = "SCMP_ARCH_";
    for (const char c : architecture) out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return out;
}

bool have_common(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    return std::ranges::any_of(a, [&](const std::string& name) { return std::ranges::contains(b, name); });
}

/// A misspelt capability would make its rule too narrow or, worse, too wide.
Result<> check_capabilities(const std::vector<std::string>& names, std::string_view pointer) {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (!kernel::capability_number(names[i]))
            return broken(std::format("{}/{}", pointer, i), xctl::quoted(names[i]) + " is not a capability");
    return {};
}

Result<> check_rule(const oci::ProfileRule& rule, const std::string& pointer) {
    TRY(check_capabilities(rule.capabilities, pointer + "/capabilities"));
    return check_capabilities(rule.without_capabilities, pointer + "/withoutCapabilities");
}

oci::SyscallRule to_specification(const oci::ProfileRule& rule) {
    oci::SyscallRule out;
    out.names = rule.calls;
    out.action = rule.answer == 0 ? oci::SeccompAction::allow : oci::SeccompAction::errno_;
    if (rule.answer != 0) out.errno_ret = static_cast<std::uint32_t>(rule.answer);
    // Conditions on one argument are alternatives.
    if (rule.when)
        for (const auto& value : rule.when->values)
            out.args.push_back({.index = rule.when->argument,
                                .value = rule.when->mask.value,
                                .value_two = value.value,
                                .op = oci::SeccompOperator::masked_equal});
    return out;
}

/// What a call answers must not depend on the order in which a library takes the rules.
Result<> note_answers(const oci::ProfileRule& rule, const std::string& pointer, std::map<std::string, int>& answers) {
    for (std::size_t i = 0; i < rule.calls.size(); ++i)
        if (answers.emplace(rule.calls[i], rule.answer).first->second != rule.answer)
            return broken(std::format("{}/calls/{}", pointer, i),
                          xctl::quoted(rule.calls[i]) + " has another answer in a rule that applies, too");
    return {};
}

std::vector<std::string> bounding_of(const oci::Spec& spec) {
    if (!spec.process || !spec.process->capabilities) return {};
    return spec.process->capabilities->bounding;
}

Result<bool> annotation_asks(const oci::Spec& spec) {
    const auto found = spec.annotations.find(std::string(kProfileAnnotation));
    if (found == spec.annotations.end()) return false;
    if (found->second != kDefaultProfile)
        return broken(std::format("/annotations/{}", kProfileAnnotation),
                      std::format("must be \"{}\"", kDefaultProfile));
    return true;
}

}  // namespace

Result<oci::Seccomp> resolve_profile(const oci::SeccompProfile& profile, std::string_view machine,
                                     const std::vector<std::string>& capabilities) {
    const auto others = profile.architectures.find(std::string(machine));
    if (others == profile.architectures.end())
        return broken("/architectures", "has no row for this machine, " + xctl::quoted(machine));
    oci::Seccomp out;
    out.default_action = oci::SeccompAction::errno_;
    out.default_errno_ret = static_cast<std::uint32_t>(profile.answer);
    out.architectures.push_back(to_specification(machine));
    for (const auto& other : others->second) out.architectures.push_back(to_specification(other));
    std::map<std::string, int> answers;
    for (std::size_t i = 0; i < profile.rules.size(); ++i) {
        const auto& rule = profile.rules[i];
        const auto pointer = std::format("/rules/{}", i);
        TRY(check_rule(rule, pointer));
        const bool applies = (rule.capabilities.empty() || have_common(rule.capabilities, capabilities)) &&
                             !have_common(rule.without_capabilities, capabilities);
        if (!applies) continue;
        TRY(note_answers(rule, pointer, answers));
        out.syscalls.push_back(to_specification(rule));
    }
    return out;
}

Result<> apply_profile(oci::Spec& spec, bool definition_asks, ProfileReader read) {
    const bool asked_here = TRY(annotation_asks(spec));
    if (!asked_here && !definition_asks) return {};
    const auto who =
        definition_asks ? "/seccomp of the definition" : std::format("/annotations/{}", kProfileAnnotation);
    if (spec.linux_config.seccomp)
        return broken("/linux/seccomp",
                      std::format("contradicts {}, which asks for the profile \"{}\"", who, kDefaultProfile));
    const auto load = [&]() -> Result<oci::Seccomp> {
        if (read == nullptr) return fail(Errc::unsupported, "profiles cannot be read here");
        const auto text = TRY(read(kProfileFile), kProfileFile);
        const auto profile = TRY(oci::parse_seccomp_profile(text, kProfileFile));
        return TRY(resolve_profile(profile, kernel::native_architecture(), bounding_of(spec)), kProfileFile);
    };
    spec.linux_config.seccomp = TRY(load(), who);
    return {};
}

}  // namespace xctl::plan
