// SPDX-License-Identifier: LGPL-2.1-or-later
// The clients of one console, and which of them writes.
//
// One client at a time writes: its input reaches the container, and a terminal has its size. The first that asks to
// write does; later ones wait in the order in which they came, and the next takes over when the writer leaves or ends
// its input. One that steals writes at once, and whom it took the input from is the first to wait.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "api/types.hpp"
#include "daemon/console/console_client.hpp"
#include "daemon/ring/ring.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::console {

class ConsoleClients {
public:
    ConsoleClients(kernel::EventLoop& loop, const ring::Ring& ring, ConsoleInput& input)
        : loop_(loop), ring_(ring), input_(input) {}
    ConsoleClients(const ConsoleClients&) = delete;
    ConsoleClients& operator=(const ConsoleClients&) = delete;

    /// Serves one more client over `socket`. `steal`: it writes from now on.
    Result<> add(UniqueFd socket, ConsoleClient::Options options, bool steal);
    /// The writer has no more input.
    void release_writer();

    /// Sends what is new.
    void pump();
    /// Nothing more will come.
    void finish();
    /// Reads input again after ConsoleInput::wants_input() became true.
    void update_events();

    [[nodiscard]] std::size_t count() const noexcept;
    /// Where the next byte of the client is that has got least; the ring's end without any.
    [[nodiscard]] std::uint64_t slowest_offset() const noexcept;
    [[nodiscard]] std::vector<api::ClientInfo> list() const;

private:
    struct Entry {
        std::unique_ptr<ConsoleClient> client;
        bool gone = false;
    };

    void on_gone(Entry& entry);
    void purge();
    void set_writer(ConsoleClient* client);
    void choose_writer();

    kernel::EventLoop& loop_;
    const ring::Ring& ring_;
    ConsoleInput& input_;
    std::list<Entry> entries_;  // in the order in which they are to write
    ConsoleClient* writer_ = nullptr;
    kernel::EventSource purge_source_;
};

}  // namespace xctl::console
