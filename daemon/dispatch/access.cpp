// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/dispatch/access.hpp"

#include <format>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/container_id.hpp"

namespace xctl::dispatch {
namespace {

/// Of all texts of a request, and how many of them may wait for polkit, of somebody other than root.
constexpr std::size_t kMostOfRequest = 128 * 1024;
constexpr unsigned kMostQuestions = 64;

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

/// Counts while it is there.
class Access::Question {
public:
    Question(std::shared_ptr<Questions> all, uid_t uid) : all_(std::move(all)), uid_(uid) { ++(*all_)[uid_]; }
    Question(const Question&) = delete;
    Question& operator=(const Question&) = delete;
    ~Question() {
        if (--(*all_)[uid_] == 0) all_->erase(uid_);
    }
    [[nodiscard]] unsigned count() const { return all_->at(uid_); }

private:
    std::shared_ptr<Questions> all_;
    uid_t uid_;
};

void Access::check(const api::VerbRow& verb, const api::Request& request, const Caller& caller, const Done& done) {
    if (caller.is_root()) return done({});
    if (auto sound = check_request(verb, request); !sound) return done(std::move(sound));
    if (caller.bus_name.empty() && !caller.pidfd)
        return done(fail(Errc::denied, "the caller cannot be identified"));
    const auto question = std::make_shared<Question>(questions_, caller.uid);
    if (question->count() > kMostQuestions)
        return done(fail(Errc::denied, std::format("{} requests of uid {} wait for polkit already", kMostQuestions,
                                                   caller.uid)));
    const auto action = std::string(api::kPolkitPrefix) + std::string(api::action_of(verb, request));
    const Authority::Details details{{"container", api::name_in(request)}, {"verb", api::full_name(verb)}};
    authority_.ask(caller, action, details, [done, question](Result<> allowed) { done(std::move(allowed)); });
}

}  // namespace xctl::dispatch
