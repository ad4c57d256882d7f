// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks polkit, over the system bus.
#pragma once

#include <memory>

#include "daemon/dispatch/authority.hpp"
#include "daemon/systemd/bus.hpp"

namespace xctl::transport {

class Polkit final : public dispatch::Authority {
public:
    static Result<std::unique_ptr<Polkit>> open(systemd::Bus& bus);

    void ask(const dispatch::Caller& caller, const std::string& action, const Details& details, Done done) override;

private:
    explicit Polkit(std::unique_ptr<sdbus::IProxy> authority) : authority_(std::move(authority)) {}

    std::unique_ptr<sdbus::IProxy> authority_;
};

}  // namespace xctl::transport
