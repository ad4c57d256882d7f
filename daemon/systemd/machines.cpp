// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/systemd/machines.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <optional>
#include <string_view>
#include <utility>

#include "daemon/systemd/bus_properties.hpp"
#include "lib/base/log.hpp"

namespace xctl::systemd {
namespace {

constexpr const char* kMachined = "org.freedesktop.machine1";
constexpr const char* kMachinedPath = "/org/freedesktop/machine1";
constexpr const char* kMachines = "/org/freedesktop/machine1/machine";
constexpr const char* kMachineManager = "org.freedesktop.machine1.Manager";
constexpr const char* kMachine = "org.freedesktop.machine1.Machine";
constexpr const char* kMachineExists = "org.freedesktop.machine1.MachineExists";
constexpr const char* kOurService = "xctl";
constexpr const char* kClass = "container";
constexpr int kAttempts = 3;

/// Without machined, or with it masked, nobody expects to find containers there.
constexpr std::array<std::string_view, 3> kAbsences{
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.systemd1.NoSuchUnit",
    "org.freedesktop.systemd1.UnitMasked",
};

}  // namespace

Machines::Machines(Bus& bus)
    : bus_(bus),
      manager_(sdbus::createProxy(bus.connection(), sdbus::ServiceName(kMachined), sdbus::ObjectPath(kMachinedPath))) {}

Result<std::unique_ptr<Machines>> Machines::open(Bus& bus) {
    try {
        return std::unique_ptr<Machines>(new Machines(bus));
    } catch (const sdbus::Error& error) {
        return std::unexpected(from_bus_error(error, "talk to systemd-machined"));
    }
}

void Machines::add(Registration what) {
    entries_[what.name] = {what.leader};
    request(std::make_shared<const Registration>(std::move(what)), 1);
}

void Machines::remove(const std::string& name) {
    const auto node = entries_.extract(name);
    // While its registration is under way, the answer is awaited: the name may turn out to be someone else's.
    if (node && node.mapped().known) forget(name);
}

bool Machines::is_wanted(const Registration& what) const {
    const auto it = entries_.find(what.name);
    return it != entries_.end() && it->second.leader == what.leader;
}

void Machines::request(const Shared& what, int attempt) {
    const auto answered = [this, what, attempt](std::optional<sdbus::Error> error, const sdbus::ObjectPath&) {
        if (!error) return on_added(*what);
        if (error->getName() == kMachineExists && attempt < kAttempts) return compare(what, attempt);
        const bool absent = std::ranges::contains(kAbsences, std::string_view(error->getName()));
        on_refused(*what, absent ? "" : error->getMessage());
    };
    try {
        manager_->callMethodAsync("RegisterMachine")
            .onInterface(kMachineManager)
            .withArguments(what->name, what->id, std::string(kOurService), std::string(kClass),
                           static_cast<std::uint32_t>(what->leader), what->root)
            .uponReplyInvoke(answered);
    } catch (const sdbus::Error& error) {
        on_refused(*what, error.getMessage());
    }
}

/// There is one of this name: this very run, told by an earlier daemon; a run before it; or nothing of ours.
void Machines::compare(const Shared& what, int attempt) {
    const auto answer = [this, what, attempt](const std::optional<sdbus::Error>& error, Properties properties) {
        if (!error) {
            const auto service = properties[sdbus::PropertyName("Service")].get<std::string>();
            const auto leader = properties[sdbus::PropertyName("Leader")].get<std::uint32_t>();
            if (service != kOurService) return on_refused(*what, std::format("{} has a machine of this name", service));
            if (leader == static_cast<std::uint32_t>(what->leader)) return on_added(*what);
        }
        if (!is_wanted(*what)) return;
        if (!error) forget(what->name);
        request(what, attempt + 1);
    };
    query_properties(bus_, kMachined, object_path(kMachines, what->name), kMachine, answer);
}

void Machines::on_added(const Registration& what) {
    if (is_wanted(what))
        entries_[what.name].known = true;
    else
        forget(what.name);  // it has ended meanwhile
}

void Machines::on_refused(const Registration& what, std::string_view why) {
    if (!is_wanted(what)) return;
    entries_.erase(what.name);
    if (!why.empty()) log_warning(std::format("{}: not registered with systemd-machined: {}", what.name, why));
}

void Machines::forget(const std::string& name) {
    manager_->callMethodAsync("UnregisterMachine")
        .onInterface(kMachineManager)
        .withArguments(name)
        .uponReplyInvoke([](std::optional<sdbus::Error>) {});
}

}  // namespace xctl::systemd
