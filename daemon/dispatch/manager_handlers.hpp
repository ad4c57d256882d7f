// SPDX-License-Identifier: LGPL-2.1-or-later
// The Manager's verbs.
#pragma once

#include "daemon/dispatch/handlers.hpp"
#include "daemon/manager/manager.hpp"

namespace xctl::dispatch {

class ManagerHandlers final : public Handlers {
public:
    explicit ManagerHandlers(manager::Manager& manager) : manager_(manager) {}

    void call(const api::VerbRow& verb, api::Request request, Progress progress, Done done) override {
        manager_.call(verb.value, std::move(request), std::move(progress), std::move(done));
    }
    void forget_departed() override { manager_.forget_departed(); }

private:
    manager::Manager& manager_;
};

}  // namespace xctl::dispatch
