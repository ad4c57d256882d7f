// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps the containers' descriptors alive while the daemon is not.
//
// systemd's descriptor store would do, but PID 1 inserts in quadratic time and each safe insert waits for it. So
// the store holds just one socket pair, and the descriptors lie in its queue as SCM_RIGHTS, one message for each
// container. A new daemon reads the queue by peeking: a second SIGKILL in the middle loses nothing. To get rid of
// outdated messages, those still wanted are sent again behind the others before the front is consumed, so at
// every moment at least one copy of each is in the queue; the highest serial wins.
//
// drop() sends a tombstone, a message that says that the key holds nothing any more: the next daemon must not take an
// entry for living only because the queue still has its message. A tombstone carries one descriptor of no use, since
// messages without descriptors would be glued to each other. The front is consumed oldest first, so no entry outlasts
// the tombstone behind it.
//
// Rests on unix(7): MSG_PEEK duplicates passed descriptors, SO_PEEK_OFF walks a stream (Linux 4.x).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::run {

/// The bytes of a message.
struct ParkedLine {
    std::string key;
    std::uint64_t serial = 0;  // from 1 on
    std::string text;
};

[[nodiscard]] std::string format_parked(const ParkedLine& line);
/// Errc::system unless the whole is a line with these three.
Result<ParkedLine> parse_parked(std::string_view message);

class Parking {
public:
    struct Entry {
        std::string key;   // no blanks
        std::string text;  // no line breaks
        std::vector<UniqueFd> fds;
    };

    /// With the two ends as the last daemon left them, or with a new pair that the caller has stored.
    Parking(UniqueFd send_end, UniqueFd receive_end);

    /// Both stay this object's.
    [[nodiscard]] int send_end() const noexcept { return send_end_.get(); }
    [[nodiscard]] int receive_end() const noexcept { return receive_end_.get(); }

    /// Called with descriptors that nobody else here has any more. Without it they are closed, which may take as long as
    /// a container likes: see kernel::PipeWorker.
    void set_disposer(std::function<void(std::vector<UniqueFd>)> dispose) { dispose_ = std::move(dispose); }

    /// What was parked, the newest for each key.
    Result<std::vector<Entry>> recover();

    /// Replaces what was parked under `key`.
    Result<> park(const std::string& key, const std::string& text, std::span<const int> fds);
    /// Forgets what was parked under `key`, also for the next daemon. Nothing happens when nothing is parked there. A
    /// failure is logged; the next daemon then finds the entry once more, and Run::Identity tells that the run is over.
    void drop(const std::string& key);

    /// Lets go of everything that was replaced or dropped.
    Result<> compact();

private:
    struct Message {
        ParkedLine line;
        std::vector<UniqueFd> fds;
    };

    Result<> send(const std::string& key, std::uint64_t serial, const std::string& text, std::span<const int> fds);
    Result<bool> peek(Message& message);
    Result<> consume(std::size_t messages);
    void set_peek_offset(int offset) const;
    void compact_if_worth_it();

    UniqueFd send_end_;
    UniqueFd receive_end_;
    UniqueFd tombstone_fd_;
    std::function<void(std::vector<UniqueFd>)> dispose_;
    std::uint64_t next_serial_ = 1;
    std::size_t queued_ = 0;                       // messages in the queue
    std::map<std::string, std::uint64_t> living_;  // key to its newest serial
};

}  // namespace xctl::run
