// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/definition/dependencies.hpp"

#include <algorithm>
#include <csignal>
#include <format>

#include "daemon/definition/unit_names.hpp"
#include "lib/base/text.hpp"
#include "lib/oci/names.hpp"

namespace xctl::definition {
namespace {

/// Names of units have no quotes, and nothing that would need them.
void add_setting(std::string& out, std::string_view name, const std::vector<std::string>& words) {
    if (!words.empty()) out += std::format("{}={}\n", name, join(words, " "));
}

std::vector<std::string> services_of(const std::vector<std::string>& containers) {
    std::vector<std::string> out;
    for (const auto& name : containers) out.push_back(service_name(name));
    return out;
}

/// How a program ends that its stop signal ended, as far as that does not look like a success to systemd yet. SIGKILL is
/// what everything else that fails ends by.
std::vector<std::string> ends_by(const std::string& stop_signal) {
    constexpr int kSignalBase = 128;
    const auto number = oci::parse_signal(stop_signal);
    if (!number || *number == SIGTERM || *number == SIGKILL) return {};
    return {std::to_string(kSignalBase + *number), stop_signal};
}

}  // namespace

std::vector<std::string> bind_sources(const plan::LaunchPlan& plan) {
    std::vector<std::string> out;
    for (const auto& mount : plan.root.mounts)
        if (mount.kind == plan::MountKind::bind && !std::ranges::contains(out, mount.source))
            out.push_back(mount.source);
    return out;
}

std::vector<std::string> up_targets_before(const Definition& definition) {
    std::vector<std::string> out;
    for (const auto* names : {&definition.after, &definition.required})
        for (const auto& name : *names) out.push_back(up_target_name(name));
    return out;
}

std::string unit_drop_in(const Definition& definition, const std::vector<std::string>& sources,
                         const std::string& stop_signal) {
    const auto required = services_of(definition.required);
    auto wanted = up_targets_before(definition), paths = std::vector{definition.bundle};
    for (const auto& interface : definition.interfaces) wanted.push_back(device_unit_of(interface));
    auto after = required;
    after.insert(after.end(), wanted.begin(), wanted.end());
    paths.insert(paths.end(), sources.begin(), sources.end());

    std::string out = "# Made from the container's definition by xctl-generator.\n[Unit]\n";
    add_setting(out, "After", after);
    add_setting(out, "Requires", required);
    add_setting(out, "Wants", wanted);
    for (auto& path : paths) path = unit_file_word(path);
    add_setting(out, "RequiresMountsFor", paths);
    out += "\n[Service]\n";
    if (!stop_signal.empty()) add_setting(out, "KillSignal", {stop_signal});
    add_setting(out, "SuccessExitStatus", ends_by(stop_signal));
    out += std::format("TimeoutStopSec={}ms\n", definition.stop_timeout.count());
    return out;
}

}  // namespace xctl::definition
