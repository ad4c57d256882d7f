// SPDX-License-Identifier: LGPL-2.1-or-later
// One row per property; nothing that is asked for is dropped in silence.
#include "lib/oci/unsupported.hpp"

#include <array>
#include <format>
#include <string_view>

namespace xctl::oci {
namespace {

struct Row {
    std::string_view pointer;
    bool (*is_asked_for)(const Spec&);
};

// cgroup v2 has no budgets of time for real-time tasks.
constexpr std::array kRows{
    Row{"/linux/resources/cpu/realtimeRuntime",
        [](const Spec& s) { return s.linux_config.resources.cpu.realtime_runtime.value_or(0) > 0; }},
    Row{"/linux/resources/cpu/realtimePeriod",
        [](const Spec& s) { return s.linux_config.resources.cpu.realtime_period.value_or(0) > 0; }},
};

}  // namespace

Result<> check_supported(const Spec& spec) {
    for (const auto& row : kRows)
        if (row.is_asked_for(spec))
            return fail(Errc::unsupported, std::format("{}: cgroup v2 has no such limit", row.pointer));
    return {};
}

Result<> check_mount_namespace(const Spec& spec) {
    if (find_namespace(spec, NamespaceType::mount) != nullptr) return {};
    return fail(Errc::unsupported, "/linux/namespaces: a container without a mount namespace leaves its mounts on the "
                                   "host; only xrun makes one");
}

}  // namespace xctl::oci
