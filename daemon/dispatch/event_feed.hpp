// SPDX-License-Identifier: LGPL-2.1-or-later
// Passes the Manager's events on to those who have called `events`.
#pragma once

#include "daemon/dispatch/dispatcher.hpp"
#include "daemon/manager/manager.hpp"

namespace xctl::dispatch {

class EventFeed final : public manager::ManagerObserver {
public:
    EventFeed(manager::Manager& manager, Dispatcher& dispatcher) : manager_(manager), dispatcher_(dispatcher) {
        manager_.add_observer(*this);
    }
    ~EventFeed() { manager_.remove_observer(*this); }
    EventFeed(const EventFeed&) = delete;
    EventFeed& operator=(const EventFeed&) = delete;

    void on_added(const std::string&) override {}
    void on_removed(const std::string&) override {}
    void on_event(const api::Event& event) override { dispatcher_.publish(event); }

private:
    manager::Manager& manager_;
    Dispatcher& dispatcher_;
};

}  // namespace xctl::dispatch
