// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/run/parking.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <format>

#include "lib/base/log.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/rights.hpp"
#include "lib/kernel/socket.hpp"

namespace xctl::run {
namespace {

constexpr std::size_t kMaxMessage = 1024;
constexpr std::size_t kMaxFds = 16;
constexpr std::size_t kGarbageAllowed = 16;
constexpr int kBufferSize = 64 * 1024 * 1024;

/// The text of a tombstone. The text of an entry has more than one letter.
constexpr std::string_view kTombstone = "-";

struct Received {
    std::string text;
    std::vector<UniqueFd> fds;
    bool truncated = false;  // some descriptors could not be taken: this process has too many
};

/// The next message of the stream; empty text: there is none. Messages with descriptors are never glued.
Result<Received> receive(int socket, int flags) {
    char buffer[kMaxMessage];
    iovec part{buffer, sizeof buffer};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    kernel::raw::Rights<kMaxFds> rights;
    rights.expect(header);
    const auto size = ::recvmsg(socket, &header, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && errno == EAGAIN) return Received{};
    if (size < 0) return fail_errno(errno, "read the parking lot");
    Received received{std::string(buffer, static_cast<std::size_t>(size)), {}, (header.msg_flags & MSG_CTRUNC) != 0};
    kernel::raw::take_rights(header, [&](int fd) { received.fds.emplace_back(fd); });
    return received;
}

std::vector<int> numbers(const std::vector<UniqueFd>& fds) {
    std::vector<int> out;
    for (const auto& fd : fds) out.push_back(fd.get());
    return out;
}

}  // namespace

std::string format_parked(const ParkedLine& line) {
    return std::format("{} {} {}\n", line.key, line.serial, line.text);
}

Result<ParkedLine> parse_parked(std::string_view message) {
    const auto other_version = fail(Errc::system, "the parking lot holds a message of another version");
    const auto first = message.find(' ');
    const auto second = message.find(' ', first + 1);
    if (second == std::string_view::npos || message.find('\n') != message.size() - 1) return other_version;
    const auto serial = parse_unsigned(message.substr(first + 1, second - first - 1));
    if (!serial || *serial == 0 || *serial == UINT64_MAX) return other_version;
    const auto text = message.substr(second + 1);
    return ParkedLine{std::string(message.substr(0, first)), *serial, std::string(text.substr(0, text.size() - 1))};
}

Parking::Parking(UniqueFd send_end, UniqueFd receive_end)
    : send_end_(std::move(send_end)),
      receive_end_(std::move(receive_end)),
      tombstone_fd_(::eventfd(0, EFD_CLOEXEC)) {
    (void)::setsockopt(send_end_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kBufferSize, sizeof kBufferSize);
    // Only we read the other end, so to wait for room in a full queue would be to wait for ourselves.
    (void)::fcntl(send_end_.get(), F_SETFL, O_RDWR | O_NONBLOCK);
}

void Parking::set_peek_offset(int offset) const {
    (void)::setsockopt(receive_end_.get(), SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset);
}

/// Reads the message at the peek offset and moves past it; false at the end of the queue.
Result<bool> Parking::peek(Message& message) {
    auto received = TRY(receive(receive_end_.get(), MSG_PEEK));
    if (received.text.empty()) return false;
    // To go on would send it again without them, and then let go of the only complete copy.
    if (received.truncated) return fail_errno(EMFILE, "read the parking lot");
    message.line = TRY(parse_parked(received.text));
    message.fds = std::move(received.fds);
    return true;
}

Result<std::vector<Parking::Entry>> Parking::recover() {
    std::map<std::string, Message> newest;
    set_peek_offset(0);
    for (Message message; TRY(peek(message)); message = {}) {
        ++queued_;
        next_serial_ = std::max(next_serial_, message.line.serial + 1);
        const auto key = message.line.key;
        newest.insert_or_assign(key, std::move(message));
    }
    std::erase_if(newest, [](const auto& entry) { return entry.second.line.text == kTombstone; });
    std::vector<Entry> entries;
    for (auto& [key, message] : newest) {
        living_[key] = message.line.serial;
        entries.push_back({key, std::move(message.line.text), std::move(message.fds)});
    }
    return entries;
}

Result<> Parking::send(const std::string& key, std::uint64_t serial, const std::string& text,
                       std::span<const int> fds) {
    const auto line = format_parked({key, serial, text});
    if (line.size() > kMaxMessage || fds.size() > kMaxFds) return fail(Errc::system, "too much to park at once");
    TRY(kernel::send_with_fds(send_end_.get(), std::as_bytes(std::span(line)), fds), "park descriptors");
    ++queued_;
    return {};
}

Result<> Parking::park(const std::string& key, const std::string& text, std::span<const int> fds) {
    TRY(send(key, next_serial_, text, fds));
    living_[key] = next_serial_++;
    compact_if_worth_it();
    return {};
}

void Parking::drop(const std::string& key) {
    if (living_.erase(key) == 0) return;
    const int fd = tombstone_fd_.get();
    if (const auto sent = send(key, next_serial_++, std::string(kTombstone), {&fd, 1}); !sent)
        log_warning(std::format("cannot send the tombstone of {}: {}", key, sent.error().message));
    compact_if_worth_it();
}

void Parking::compact_if_worth_it() {
    // What cannot be compacted now stays; it costs descriptors, not correctness.
    if (queued_ > 2 * living_.size() + kGarbageAllowed) (void)compact();
}

Result<> Parking::consume(std::size_t messages) {
    for (; messages > 0; --messages, --queued_) {
        auto received = TRY(receive(receive_end_.get(), 0));
        const auto line = TRY(parse_parked(received.text));
        // A living key has a newer message with the same descriptors.
        if (dispose_ && line.text != kTombstone && !living_.contains(line.key)) dispose_(std::move(received.fds));
    }
    return {};
}

Result<> Parking::compact() {
    const auto old = queued_;
    set_peek_offset(0);
    for (std::size_t i = 0; i < old; ++i) {
        Message message;
        if (!TRY(peek(message))) break;
        const auto it = living_.find(message.line.key);
        if (it == living_.end() || it->second != message.line.serial) continue;
        // With a serial of its own: a second copy, left by an interrupted compaction, is then outdated as well.
        TRY(send(message.line.key, next_serial_, message.line.text, numbers(message.fds)));
        it->second = next_serial_++;
    }
    return consume(old);
}

}  // namespace xctl::run
