// SPDX-License-Identifier: LGPL-2.1-or-later
// Waits for network interfaces to be there: rtnetlink(7) tells of new ones.
#pragma once

#include <functional>
#include <list>
#include <string>
#include <vector>

#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::manager {

class LinkWaiter {
public:
    explicit LinkWaiter(kernel::EventLoop& loop) : loop_(loop) {}

    /// `done` once all of them are there, perhaps before this returns. There is no timeout.
    void wait(std::vector<std::string> names, std::function<void(Result<>)> done);

private:
    Result<> watch();
    void on_news();

    struct Waiting {
        std::vector<std::string> names;
        std::function<void(Result<>)> done;
    };

    kernel::EventLoop& loop_;
    std::list<Waiting> waiting_;
    UniqueFd socket_;
    kernel::EventSource source_;
};

}  // namespace xctl::manager
