// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/polkit.hpp"

#include <chrono>
#include <format>
#include <optional>

namespace xctl::transport {
namespace {

using dispatch::Caller;

constexpr const char* kPolkit = "org.freedesktop.PolicyKit1";
constexpr const char* kPolkitPath = "/org/freedesktop/PolicyKit1/Authority";
constexpr const char* kInterface = "org.freedesktop.PolicyKit1.Authority";
constexpr std::uint32_t kAllowInteraction = 1;
/// A person may have to find their password.
constexpr std::chrono::minutes kAskingTimeout{2};

using Subject = sdbus::Struct<std::string, std::map<std::string, sdbus::Variant>>;
using Answer = sdbus::Struct<bool, bool, Polkit::Details>;

Subject subject_of(const Caller& caller) {
    std::map<std::string, sdbus::Variant> details;
    if (!caller.bus_name.empty()) {
        details.emplace("name", sdbus::Variant(caller.bus_name));
        return {"system-bus-name", details};
    }
    details.emplace("pidfd", sdbus::Variant(sdbus::UnixFd(caller.pidfd.get())));
    details.emplace("uid", sdbus::Variant(static_cast<std::int32_t>(caller.uid)));
    return {"unix-process", details};
}

Result<> read_answer(const Answer& answer, bool interactive, const std::string& action) {
    if (answer.get<0>()) return {};
    // With interaction allowed, a challenge means that there was no agent to ask with.
    if (answer.get<1>())
        return fail(Errc::needs_auth, std::format("{} needs authentication, and {}", action,
                                                  interactive ? "nobody could be asked" : "asking was not allowed"));
    return fail(Errc::denied, std::format("not authorized for {}", action));
}

}  // namespace

Result<std::unique_ptr<Polkit>> Polkit::open(systemd::Bus& bus) {
    try {
        return std::unique_ptr<Polkit>(new Polkit(
            sdbus::createProxy(bus.connection(), sdbus::ServiceName(kPolkit), sdbus::ObjectPath(kPolkitPath))));
    } catch (const sdbus::Error& error) {
        return std::unexpected(systemd::from_bus_error(error, "talk to polkit"));
    }
}

void Polkit::ask(const Caller& caller, const std::string& action, const Details& details, Done done) {
    const auto finish = [done, action, interactive = caller.interactive](std::optional<sdbus::Error> error,
                                                                        const Answer& answer) {
        if (error)
            return done(
                fail(Errc::denied, std::format("polkit cannot be asked about {}: {}", action, error->getMessage())));
        done(read_answer(answer, interactive, action));
    };
    try {
        authority_->callMethodAsync("CheckAuthorization")
            .onInterface(kInterface)
            .withTimeout(kAskingTimeout)
            .withArguments(subject_of(caller), action, details, caller.interactive ? kAllowInteraction : 0U,
                           std::string())
            .uponReplyInvoke(finish);
    } catch (const sdbus::Error& error) {
        done(std::unexpected(systemd::from_bus_error(error, "ask polkit")));
    }
}

}  // namespace xctl::transport
