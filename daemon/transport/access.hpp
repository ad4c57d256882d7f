// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may call which verb: root always, others as polkit decides, with the container's name in the details.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "api/verbs.hpp"
#include "daemon/systemd/bus.hpp"
#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::transport {

/// Whoever calls, as its transport knows it.
struct Caller {
    bool root = false;
    bool interactive = false;  // polkit may ask the person
    std::string bus_name;      // D-Bus: the unique name
    uid_t uid = 65534;
    UniqueFd pidfd;            // varlink
};

class Access {
public:
    using Done = std::function<void(Result<>)>;

    static Result<std::unique_ptr<Access>> open(systemd::Bus& bus);

    /// `done` runs once, for root before this returns. The container may be gone by then: look it up again.
    void check(const api::VerbRow& verb, const api::Request& request, const Caller& caller, Done done);

private:
    explicit Access(std::unique_ptr<sdbus::IProxy> authority) : authority_(std::move(authority)) {}
    using Questions = std::map<uid_t, unsigned>;
    /// Counts while it is there.
    class Question {
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

    std::shared_ptr<Questions> questions_ = std::make_shared<Questions>();  // that polkit has not answered
    std::unique_ptr<sdbus::IProxy> authority_;
};

}  // namespace xctl::transport
