// SPDX-License-Identifier: LGPL-2.1-or-later
// linux.seccomp to a profile for lib/kernel/seccomp.hpp, and what the handler of its notifications is told.
#include <algorithm>
#include <format>
#include <set>

#include "lib/base/text.hpp"
#include "lib/kernel/seccomp.hpp"
#include "lib/plan/compile_parts.hpp"
#include "lib/plan/filter_store.hpp"

namespace xctl::plan {
namespace {

constexpr std::uint32_t kDefaultErrno = 1;  // EPERM, the specification's default
constexpr std::size_t kCachedFilters = 8;
constexpr std::string_view kArchPrefix = "SCMP_ARCH_";

// The kernel layer cannot know the specification's enumerations; both list the same values in the same order.
static_assert(static_cast<int>(oci::SeccompAction::kill_thread) ==
              static_cast<int>(kernel::FilterAction::kill_thread));
static_assert(static_cast<int>(oci::SeccompAction::notify) ==
              static_cast<int>(kernel::FilterAction::notify));
static_assert(static_cast<int>(oci::SeccompOperator::not_equal) ==
              static_cast<int>(kernel::FilterOperator::not_equal));
static_assert(static_cast<int>(oci::SeccompOperator::equal) == static_cast<int>(kernel::FilterOperator::equal));
static_assert(static_cast<int>(oci::SeccompOperator::masked_equal) ==
              static_cast<int>(kernel::FilterOperator::masked_equal));

kernel::FilterVerdict to_verdict(oci::SeccompAction action, const std::optional<std::uint32_t>& errno_ret) {
    const auto kind = static_cast<kernel::FilterAction>(action);
    const bool has_data = kind == kernel::FilterAction::errno_ || kind == kernel::FilterAction::trace;
    return {kind, has_data ? static_cast<std::uint16_t>(errno_ret.value_or(kDefaultErrno)) : std::uint16_t{0}};
}

/// "SCMP_ARCH_X86_64" to "x86_64".
std::string to_architecture(std::string_view name) {
    std::string out(name.substr(kArchPrefix.size()));
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

void add_rules(const oci::SyscallRule& source, kernel::FilterProfile& profile) {
    const auto verdict = to_verdict(source.action, source.errno_ret);
    std::vector<kernel::FilterArg> args;
    for (const auto& arg : source.args)
        args.push_back({arg.index, static_cast<kernel::FilterOperator>(arg.op), arg.value, arg.value_two});
    for (const auto& name : source.names) profile.rules.push_back({name, verdict, args});
}

using Filter = std::vector<std::uint64_t>;

FilterStore* the_store = nullptr;

std::string to_text(const kernel::FilterVerdict& verdict) {
    return std::format("{}:{}", static_cast<int>(verdict.action), verdict.data);
}

/// Everything that a filter is made from.
std::string to_text(const kernel::FilterProfile& profile) {
    std::string text = to_text(profile.fallback) + "\n" + join(profile.architectures, " ") + "\n";
    for (const auto& rule : profile.rules) {
        text += rule.syscall + " " + to_text(rule.verdict);
        for (const auto& arg : rule.args)
            text += std::format(" {}:{}:{}:{}", arg.index, static_cast<int>(arg.op), arg.value, arg.value_two);
        text += '\n';
    }
    return text;
}

Result<Filter> stored_filter(const kernel::FilterProfile& profile) {
    if (the_store == nullptr) return kernel::compile_filter(profile);
    const auto text = to_text(profile);
    if (auto found = the_store->find(text)) return std::move(*found);
    auto filter = TRY(kernel::compile_filter(profile));
    the_store->keep(text, filter);
    return filter;
}

/// An engine gives all its containers one profile, and compiling one takes ten milliseconds: the last few are
/// kept.
Result<Filter> cached_filter(kernel::FilterProfile profile) {
    struct Entry {
        kernel::FilterProfile profile;
        Filter filter;
    };
    static std::vector<Entry> cache;
    if (const auto found = std::ranges::find(cache, profile, &Entry::profile); found != cache.end())
        return found->filter;
    Filter filter = TRY(stored_filter(profile));
    if (cache.size() == kCachedFilters) cache.erase(cache.begin());
    cache.push_back({std::move(profile), filter});
    return filter;
}

/// A document serves several kernels and libraries, so a call that this one has not heard of is no error.
void warn_of_unknown_calls(const oci::Seccomp& seccomp, Warnings& warnings) {
    std::set<std::string> unknown;
    for (const auto& rule : seccomp.syscalls)
        for (const auto& name : rule.names)
            if (!kernel::is_known_call(name)) unknown.insert(xctl::quoted(name));
    if (!unknown.empty())
        warnings.push_back("/linux/seccomp/syscalls: not known here, so ignored: " +
                           join(std::vector(unknown.begin(), unknown.end()), " "));
}

bool notifies(const oci::Seccomp& seccomp) {
    return std::ranges::contains(seccomp.syscalls, oci::SeccompAction::notify, &oci::SyscallRule::action);
}

}  // namespace

void use_filter_store(FilterStore* store) { the_store = store; }

Result<Seccomp> compile_seccomp(const Context& context) {
    const auto& seccomp = *context.spec.linux_config.seccomp;
    warn_of_unknown_calls(seccomp, context.warnings);
    kernel::FilterProfile profile;
    profile.fallback = to_verdict(seccomp.default_action, seccomp.default_errno_ret);
    for (const auto& name : seccomp.architectures) profile.architectures.push_back(to_architecture(name));
    for (const auto& rule : seccomp.syscalls) add_rules(rule, profile);
    Seccomp out;
    out.filter = TRY(cached_filter(std::move(profile)), "/linux/seccomp");
    for (const auto flag : seccomp.flags)
        // Waiting killably is about notifications, and the kernel refuses the flag without a listener.
        if (flag != oci::SeccompFlag::wait_killable_recv || notifies(seccomp))
            out.flags |= static_cast<std::uint32_t>(flag);
    out.listener = seccomp.listener_path;
    if (out.listener.empty()) return out;
    out.listener_optional = !notifies(seccomp);
    out.message = around_pids(
        oci::to_json(oci::ContainerProcessState{.metadata = seccomp.listener_metadata, .state = context.state}));
    return out;
}

}  // namespace xctl::plan
