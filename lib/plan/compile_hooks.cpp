// SPDX-License-Identifier: LGPL-2.1-or-later
// hooks, with what they read.
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
    out.create_runtime = to_hooks(source.prestart);
    for (auto& hook : to_hooks(source.create_runtime)) out.create_runtime.push_back(std::move(hook));
    out.create_container = to_hooks(source.create_container);
    out.start_container = to_hooks(source.start_container);
    out.poststart = to_hooks(source.poststart);
    out.poststop = to_hooks(source.poststop);
    if (!out.create_runtime.empty() || !out.create_container.empty())
        out.create_state = state_around_pid(context, oci::Status::created);
    if (!out.start_container.empty()) out.start_state = state_around_pid(context, oci::Status::created);
    if (!out.poststart.empty()) out.poststart_state = state_around_pid(context, oci::Status::running);
    if (!out.poststop.empty()) out.poststop_state = state_around_pid(context, oci::Status::stopped);
    return out;
}

}  // namespace xctl::plan
