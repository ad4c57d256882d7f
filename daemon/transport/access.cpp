// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/access.hpp"

#include <format>
#include <map>
#include <variant>

#include "lib/base/container_id.hpp"

namespace xctl::transport {
namespace {

constexpr const char* kPolkit = "org.freedesktop.PolicyKit1";
constexpr const char* kPolkitPath = "/org/freedesktop/PolicyKit1/Authority";
constexpr const char* kInterface = "org.freedesktop.PolicyKit1.Authority";
constexpr std::uint32_t kAllowInteraction = 1;
/// A person may have to find their password.
constexpr std::chrono::minutes kAskingTimeout{2};
/// Of all texts of a request, and how many of them may wait for polkit, of somebody other than root.
constexpr std::size_t kMostOfRequest = 128 * 1024;
constexpr unsigned kMostQuestions = 64;

using Details = std::map<std::string, std::string>;
using Subject = sdbus::Struct<std::string, std::map<std::string, sdbus::Variant>>;
using Answer = sdbus::Struct<bool, bool, Details>;

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

Result<> read_answer(const Answer& answer, const Caller& caller, const std::string& action) {
    if (answer.get<0>()) return {};
    // With interaction allowed, a challenge means that there was no agent to ask with.
    if (answer.get<1>())
        return fail(Errc::needs_auth,
                    std::format("{} needs authentication, and {}", action,
                                caller.interactive ? "nobody could be asked" : "asking was not allowed"));
    return fail(Errc::denied, std::format("not authorized for {}", action));
}

std::size_t text_size_of(const std::string& text) { return text.size(); }
std::size_t text_size_of(const std::vector<std::string>& texts) {
    std::size_t size = texts.size() * sizeof(std::string);
    for (const auto& text : texts) size += text.size();
    return size;
}
std::size_t text_size_of(const auto&) { return 0; }

/// polkit is told the name, and the request is kept until it answers.
Result<> check_request(const api::VerbRow& verb, const api::Request& request) {
    std::size_t size = 0;
    for (const auto& param : verb.params)
        size += api::visit_argument(param, request, [](const auto& value) { return text_size_of(value); });
    if (size > kMostOfRequest)
        return fail(Errc::invalid_argument,
                    std::format("a request of users other than root has at most {} bytes", kMostOfRequest));
    if (api::is_about_container(verb)) TRY(ContainerId::parse(api::name_in(request)));
    return {};
}

}  // namespace

Result<std::unique_ptr<Access>> Access::open(systemd::Bus& bus) {
    try {
        return std::unique_ptr<Access>(new Access(
            sdbus::createProxy(bus.connection(), sdbus::ServiceName(kPolkit), sdbus::ObjectPath(kPolkitPath))));
    } catch (const sdbus::Error& error) {
        return std::unexpected(systemd::from_bus_error(error, "talk to polkit"));
    }
}

void Access::check(const api::VerbRow& verb, const api::Request& request, const Caller& caller, Done done) {
    if (caller.root) return done({});
    if (auto sound = check_request(verb, request); !sound) return done(std::move(sound));
    if (caller.bus_name.empty() && !caller.pidfd)
        return done(fail(Errc::denied, "the caller cannot be identified"));
    const auto action = std::string(api::kPolkitPrefix) + std::string(api::action_of(verb, request));
    const Details details{{"container", api::name_in(request)}, {"verb", api::full_name(verb)}};
    const auto question = std::make_shared<Question>(questions_, caller.uid);
    if (question->count() > kMostQuestions)
        return done(fail(Errc::denied, std::format("{} requests of uid {} wait for polkit already", kMostQuestions, caller.uid)));
    const auto finish = [done, action, question, interactive = caller.interactive](std::optional<sdbus::Error> error,
                                                                                  const Answer& answer) {
        Caller asked;
        asked.interactive = interactive;
        if (error)
            return done(
                fail(Errc::denied, std::format("polkit cannot be asked about {}: {}", action, error->getMessage())));
        done(read_answer(answer, asked, action));
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
