// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/varlink/varlink_door.hpp"

#include <malloc.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <format>
#include <string>
#include <utility>

#include "api/errors.hpp"
#include "lib/base/log.hpp"

namespace xctl::transport {
namespace {

/// Of sd-varlink's work in one turn of the loop: a call takes three.
constexpr int kStepsPerTurn = 16;

constexpr std::chrono::seconds kTidyInterval{5};

/// Free memory that is worth giving back.
constexpr std::size_t kWorthTrimming = 8 << 20;

uid_t uid_of(const UniqueFd& connection) {
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool known = ::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    return known ? peer.uid : uid_t{65534};
}

std::string error_text(Errc code, std::string_view why) {
    return std::format("{{\"error\":\"{}{}\",\"parameters\":{{\"message\":\"{}\",\"step\":\"\",\"path\":\"\",\"errno\":0}}}}",
                       api::kVarlinkErrorPrefix, api::error_row(code).name, why);
}

/// `why` needs no escapes in JSON. Whoever is refused may have left, or not read: that is its own matter.
void send_refusal(int socket, Errc code, std::string_view why) {
    const auto text = error_text(code, why);
    (void)::send(socket, text.c_str(), text.size() + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool is_writable(int socket) {
    pollfd state{socket, POLLOUT, 0};
    return ::poll(&state, 1, 0) > 0;
}

}  // namespace

Result<> VarlinkDoor::start(sd_varlink_server* server, std::vector<UniqueFd> sockets) {
    server_ = server;
    for (auto& socket : sockets) {
        auto& acceptor = acceptors_.emplace_back(loop_, "the varlink socket", [this](UniqueFd connection, auto room) {
            enter(std::move(connection), room);
        });
        TRY(acceptor.start(std::move(socket)));
    }
    return {};
}

void VarlinkDoor::enter(UniqueFd connection, Acceptor::Room room) {
    const auto uid = uid_of(connection);
    if (uid == 0) {
        // One place of a guest refills the reserve of descriptors; the answer to the call needs another.
        if (room == Acceptor::Room::none)
            for (int i = 0; i < 2 && !guests_.empty(); ++i) (void)turn_away_one_of(richest());
        return admit_root(std::move(connection));
    }
    if (room == Acceptor::Room::none)
        return send_refusal(connection.get(), Errc::system, "xctld has no descriptors left");
    if (!make_room_for(uid))
        return send_refusal(connection.get(), Errc::denied, "too many connections of users other than root");
    admit_guest(std::move(connection), uid);
}

/// The link is sd-varlink's, and null when there is none.
sd_varlink* VarlinkDoor::admit(UniqueFd connection) {
    sd_varlink* link = nullptr;
    if (const int r = sd_varlink_server_add_connection(server_, connection.get(), &link); r < 0) {
        log_error(std::format("cannot serve a varlink connection: {}", errno_text(-r)));
        return nullptr;
    }
    (void)connection.release();
    if (const int r = sd_varlink_set_allow_fd_passing_output(link, 1); r < 0)
        log_error(std::format("cannot pass descriptors to a varlink client: {}", errno_text(-r)));
    return link;
}

void VarlinkDoor::admit_root(UniqueFd connection) {
    auto* const link = admit(std::move(connection));
    if (link == nullptr) return;
    if (const int r = sd_varlink_attach_event(link, loop_.get(), SD_EVENT_PRIORITY_NORMAL); r < 0) {
        log_error(std::format("cannot serve a varlink connection: {}", errno_text(-r)));
        (void)sd_varlink_close(link);
    }
}

void VarlinkDoor::admit_guest(UniqueFd connection, uid_t uid) {
    auto* const link = admit(std::move(connection));
    if (link == nullptr) return;
    guests_.push_back(Guest{.link = link, .uid = uid, .source = {}});
    ++counts_[uid];
    if (!tidy_) tidy_in(kTidyInterval);
    advance(link);
}

/// Somebody who has not said anything goes before somebody new does.
bool VarlinkDoor::make_room_for(uid_t uid) {
    const auto count = counts_.find(uid);
    if (count != counts_.end() && count->second >= kMostOfUser && !turn_away_one_of(uid)) return false;
    return guests_.size() < kMostGuests || turn_away_one_of(richest());
}

bool VarlinkDoor::turn_away_one_of(uid_t uid) {
    const auto found = std::ranges::find_if(
        guests_, [uid](const Guest& guest) { return guest.uid == uid && guest.state != State::asking; });
    if (found == guests_.end()) return false;
    close(*found);
    return true;
}

uid_t VarlinkDoor::richest() const {
    std::map<uid_t, std::size_t> idle;
    for (const auto& guest : guests_)
        if (guest.state != State::asking) ++idle[guest.uid];
    const auto most = std::ranges::max_element(idle, {}, [](const auto& entry) { return entry.second; });
    return most == idle.end() ? 0 : most->first;
}

VarlinkDoor::Guest* VarlinkDoor::find(sd_varlink* link) noexcept {
    const auto found = std::ranges::find(guests_, link, &Guest::link);
    return found == guests_.end() ? nullptr : &*found;
}

/// sd-varlink does one thing at a time: it writes, dispatches, parses or reads. What that would be is looked at before,
/// since it must not read without a complete call, nor go on while an answer is not taken.
void VarlinkDoor::advance(sd_varlink* link) {
    for (int step = 0; step < kStepsPerTurn; ++step) {
        auto* const guest = find(link);
        if (guest == nullptr) return;
        const int events = sd_varlink_get_events(link);
        if (events < 0) return close(*guest);
        if (sd_varlink_is_idle(link) == 0) return ask(*guest);
        if ((events & EPOLLOUT) != 0 && !is_writable(sd_varlink_get_fd(link)))
            return wait(*guest, State::drained, EPOLLOUT);
        if ((events & EPOLLOUT) == 0 && (events & EPOLLIN) != 0 && !take_call(*guest)) return;
        const int done = sd_varlink_process(link);
        if (auto* const left = find(link); done < 0 && left != nullptr) return close(*left);
    }
    auto* const guest = find(link);
    if (guest == nullptr) return;
    loop_.defer(guest->source, [this, link](std::uint32_t) { advance(link); });
}

/// Once per arrival of bytes, which stay in the socket until they are a call.
void VarlinkDoor::wait(Guest& guest, State state, std::uint32_t events) {
    if (guest.state != state) guest.since = Clock::now();
    guest.state = state;
    auto* const link = guest.link;
    guest.source.reset();
    auto source = loop_.add_io(sd_varlink_get_fd(link), events, [this, link](std::uint32_t happened) {
        advance(link);
        // A call that has not come whole by now never will.
        const bool hung_up = (happened & (EPOLLHUP | EPOLLRDHUP | EPOLLERR)) != 0;
        if (auto* const left = find(link); left != nullptr && hung_up && left->state == State::waiting) close(*left);
    });
    if (!source) return close(guest);
    guest.source = std::move(*source);
}

/// True if a complete call is in the socket; else the guest waits, or is gone.
bool VarlinkDoor::take_call(Guest& guest) {
    static std::array<char, kMostOfCall> buffer;
    bytes_ -= std::exchange(guest.bytes, 0);
    const auto size = ::recv(sd_varlink_get_fd(guest.link), buffer.data(), buffer.size(), MSG_PEEK | MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) return close(guest), false;
    const auto length = static_cast<std::size_t>(std::max<ssize_t>(size, 0));
    const auto* const end = static_cast<const char*>(std::memchr(buffer.data(), 0, length));
    if (end == nullptr && length == buffer.size()) {
        refuse(guest, Errc::invalid_argument, std::format("a call of users other than root has at most {} bytes", kMostOfCall));
        return false;
    }
    if (end == nullptr) {
        wait(guest, State::waiting, EPOLLIN | EPOLLRDHUP | EPOLLET);
        return false;
    }
    const auto bytes = static_cast<std::size_t>(end - buffer.data()) + 1;
    if (bytes_ + bytes > kMostOfCalls) {
        refuse(guest, Errc::denied, "too much waits to be answered for users other than root");
        return false;
    }
    bytes_ += guest.bytes = bytes;
    guest.since = Clock::now();
    return true;
}

/// Until the answer, sd-varlink reads nothing, and hears itself of the client's end.
void VarlinkDoor::ask(Guest& guest) {
    guest.state = State::asking;
    guest.source.reset();
    if (sd_varlink_attach_event(guest.link, loop_.get(), SD_EVENT_PRIORITY_NORMAL) < 0) return close(guest);
    if (look_) return;
    auto look = loop_.add_prepare([this](std::uint32_t) { look_at_asking(); });
    if (!look) return close(guest);
    look_ = std::move(*look);
}

/// Before sd-varlink, which was given an answer in this turn of the loop, reads on.
void VarlinkDoor::look_at_asking() {
    bool any = false;
    for (auto it = guests_.begin(); it != guests_.end();) {
        auto& guest = *it++;  // which may close
        if (guest.state != State::asking) continue;
        any = true;
        if (sd_varlink_is_idle(guest.link) == 0) continue;
        sd_varlink_detach_event(guest.link);
        guest.state = State::waiting;
        guest.since = Clock::now();
        loop_.defer(guest.source, [this, link = guest.link](std::uint32_t) { advance(link); });
    }
    if (!any) look_.reset();
}

void VarlinkDoor::close(Guest& guest) { (void)sd_varlink_close(guest.link); }

void VarlinkDoor::refuse(Guest& guest, Errc code, std::string_view why) {
    send_refusal(sd_varlink_get_fd(guest.link), code, why);
    close(guest);
}

void VarlinkDoor::forget(sd_varlink* link) noexcept {
    if (!tidy_) tidy_in(kTidyInterval);
    const auto found = std::ranges::find(guests_, link, &Guest::link);
    if (found == guests_.end()) return;
    bytes_ -= found->bytes;
    if (const auto count = counts_.find(found->uid); --count->second == 0) counts_.erase(count);
    guests_.erase(found);
}

void VarlinkDoor::close_guests() {
    while (!guests_.empty()) close(guests_.front());
}

void VarlinkDoor::tidy_in(std::chrono::seconds delay) {
    loop_.arm(tidy_, delay, [this](std::uint32_t) { tidy(); });
}

void VarlinkDoor::tidy() {
    tidy_.reset();
    const auto oldest = Clock::now() - kPatience;
    for (auto it = guests_.begin(); it != guests_.end();) {
        auto& guest = *it++;
        if (guest.state != State::asking && guest.since < oldest) close(guest);
    }
    // Root's calls, and answers, may have been of megabytes.
    if (::mallinfo2().fordblks > kWorthTrimming) ::malloc_trim(0);
    if (!guests_.empty()) tidy_in(kTidyInterval);
}

}  // namespace xctl::transport
