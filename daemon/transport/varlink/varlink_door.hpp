// SPDX-License-Identifier: LGPL-2.1-or-later
// The varlink socket: accepts connections, and bounds how much of xctld each user may hold. varlink.org, sd-varlink(3).
//
// Root comes in always, and sd-varlink serves it as it likes. Everybody else is a guest: a guest's call stays in the
// socket, in memory that the kernel counts against the sender, until it is complete. sd-varlink, which would take up to
// 16 MiB of an unfinished message, reads only then. Nothing more is read of a guest that does not take its answers.
#pragma once

#include <sys/types.h>
#include <systemd/sd-varlink.h>

#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <vector>

#include "daemon/transport/acceptor.hpp"
#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::transport {

class VarlinkDoor {
public:
    /// Of all users but root.
    static constexpr std::size_t kMostOfUser = 64;          // connections of one
    static constexpr std::size_t kMostGuests = 512;         // connections of all
    static constexpr std::size_t kMostOfCall = 64 * 1024;   // bytes of a call with its NUL
    static constexpr std::size_t kMostOfCalls = 4 << 20;    // bytes of all calls that are not answered
    static constexpr std::chrono::seconds kPatience{30};    // for a call, or for somebody who takes an answer

    explicit VarlinkDoor(kernel::EventLoop& loop) : loop_(loop) {}
    VarlinkDoor(const VarlinkDoor&) = delete;
    VarlinkDoor& operator=(const VarlinkDoor&) = delete;

    /// `server`, which stays the caller's, has no event loop and no sockets of its own, so it accepts and drives nothing.
    Result<> start(sd_varlink_server* server, std::vector<UniqueFd> sockets);
    /// From the server's disconnect callback.
    void forget(sd_varlink* link) noexcept;
    /// Before the server goes.
    void close_guests();

private:
    using Clock = std::chrono::steady_clock;
    /// waiting: for a call. drained: for room to write the rest of an answer. asking: sd-varlink is attached to the loop,
    /// while somebody works on an answer.
    enum class State : unsigned char { waiting, drained, asking };
    struct Guest {
        sd_varlink* link;  // the server's reference
        uid_t uid;
        State state = State::waiting;
        Clock::time_point since = Clock::now();
        std::size_t bytes = 0;  // of its call
        kernel::EventSource source;
    };
    using Guests = std::list<Guest>;

    void enter(UniqueFd connection, Acceptor::Room room);
    sd_varlink* admit(UniqueFd connection);
    void admit_root(UniqueFd connection);
    void admit_guest(UniqueFd connection, uid_t uid);
    bool make_room_for(uid_t uid);
    bool turn_away_one_of(uid_t uid);
    [[nodiscard]] uid_t richest() const;
    [[nodiscard]] Guest* find(sd_varlink* link) noexcept;
    void advance(sd_varlink* link);
    void wait(Guest& guest, State state, std::uint32_t events);
    void ask(Guest& guest);
    bool take_call(Guest& guest);
    void look_at_asking();
    void close(Guest& guest);
    void refuse(Guest& guest, Errc code, std::string_view why);
    void tidy_in(std::chrono::seconds delay);
    void tidy();

    kernel::EventLoop& loop_;
    sd_varlink_server* server_ = nullptr;
    std::list<Acceptor> acceptors_;
    Guests guests_;
    std::map<uid_t, std::size_t> counts_;  // of guests
    std::size_t bytes_ = 0;                // of the calls of all guests
    kernel::EventSource look_;             // while anybody is asking
    kernel::EventSource tidy_;
};

}  // namespace xctl::transport
