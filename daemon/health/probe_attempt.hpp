// SPDX-License-Identifier: LGPL-2.1-or-later
// One attempt to connect to a container and, for HTTP, to be answered. Nothing waits: the loop carries it on.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "daemon/definition/probe.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::health {

class ProbeAttempt {
public:
    /// Once, and not before begin() has returned; may destroy the attempt.
    using Done = std::function<void(Result<>)>;

    explicit ProbeAttempt(kernel::EventLoop& loop) : loop_(loop) {}

    /// A tcp or http probe of the container of `pidfd`; `done` at the latest when the probe's timeout is over.
    void begin(const definition::Probe& probe, int pidfd, Done done);
    void cancel();

private:
    Result<> connect(const definition::Probe& probe, int pidfd);
    void on_event();
    Result<bool> send_request();
    Result<bool> read_answer();
    void finish(Result<> result);

    kernel::EventLoop& loop_;
    UniqueFd socket_;
    std::string request_;  // what is left to be sent
    std::string answer_;
    bool wants_answer_ = false;
    bool connected_ = false;
    Done done_;
    kernel::EventSource source_;
    kernel::EventSource timer_;
};

}  // namespace xctl::health
