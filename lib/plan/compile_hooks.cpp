// SPDX-License-Identifier: LGPL-2.1-or-later
// hooks: those of the container's namespaces, with what they read.
#include "lib/oci/state.hpp"
#include "lib/plan/compile_parts.hpp"

namespace xctl::plan {
namespace {

/// The state with a gap where the pid belongs: only the process itself knows it.
HookState state_around_pid(const Context& context, oci::Status status) {
    auto state = context.state;
    state.status = status;
    auto parts = around_pids(oci::to_json(state));
    return {std::move(parts.front()), std::move(parts.back())};
}

}  // namespace

std::vector<std::string> around_pids(std::string_view json) {
    // Quotes inside a string are escaped in JSON, so this can only be the property.
    constexpr std::string_view kPid = "\"pid\":0";
    std::vector<std::string> out;
    for (auto at = json.find(kPid); at != std::string_view::npos; at = json.find(kPid)) {
        out.emplace_back(json.substr(0, at + kPid.size() - 1));
        json.remove_prefix(at + kPid.size());
    }
    out.emplace_back(json);
    return out;
}

std::vector<Hook> to_hooks(const std::vector<oci::Hook>& hooks) {
    std::vector<Hook> out;
    for (const auto& hook : hooks)
        out.push_back({hook.path, hook.args, hook.env, static_cast<std::uint32_t>(hook.timeout.value_or(0))});
    return out;
}

Hooks compile_hooks(const Context& context) {
    const auto& source = context.spec.hooks;
    Hooks out;
    out.runtime = !source.prestart.empty() || !source.create_runtime.empty();
    out.create_container = to_hooks(source.create_container);
    out.start_container = to_hooks(source.start_container);
    if (!out.create_container.empty()) out.create_state = state_around_pid(context, oci::Status::creating);
    if (!out.start_container.empty()) out.start_state = state_around_pid(context, oci::Status::created);
    return out;
}

}  // namespace xctl::plan
