// SPDX-License-Identifier: LGPL-2.1-or-later
// hooks: those of the container's namespaces, with what they read.
#include "lib/oci/state.hpp"
#include "lib/plan/compile_parts.hpp"

namespace xctl::plan {
namespace {

/// The state with a gap where the pid belongs: only the process itself knows it.
HookState state_around_pid(const Context& context, std::string_view id, oci::Status status) {
    const auto& spec = context.spec;
    oci::State state{.oci_version = spec.oci_version,
                     .id = std::string(id),
                     .status = status,
                     .bundle = std::string(context.bundle),
                     .annotations = spec.annotations,
                     .rootfs = {},
                     .created = {},
                     .owner = {}};
    const auto text = oci::to_json(state);
    // Quotes inside a string are escaped in JSON, so this can only be the property.
    constexpr std::string_view kPid = "\"pid\":0";
    const auto at = text.find(kPid) + kPid.size();
    return {text.substr(0, at - 1), text.substr(at)};
}

}  // namespace

std::vector<Hook> to_hooks(const std::vector<oci::Hook>& hooks) {
    std::vector<Hook> out;
    for (const auto& hook : hooks)
        out.push_back({hook.path, hook.args, hook.env, static_cast<std::uint32_t>(hook.timeout.value_or(0))});
    return out;
}

Hooks compile_hooks(const Context& context, std::string_view id) {
    const auto& source = context.spec.hooks;
    Hooks out;
    out.runtime = !source.prestart.empty() || !source.create_runtime.empty();
    out.create_container = to_hooks(source.create_container);
    out.start_container = to_hooks(source.start_container);
    if (!out.create_container.empty()) out.create_state = state_around_pid(context, id, oci::Status::creating);
    if (!out.start_container.empty()) out.start_state = state_around_pid(context, id, oci::Status::created);
    return out;
}

}  // namespace xctl::plan
