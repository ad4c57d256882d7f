// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/console/journal.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <format>

#include "lib/base/log.hpp"
#include "lib/base/text.hpp"
#include "lib/base/time_text.hpp"

namespace xctl::console {
namespace {

constexpr const char* kJournalSocket = "/run/systemd/journal/socket";
constexpr std::size_t kMaxLine = 16 * 1024;
constexpr std::chrono::milliseconds kSendRetryDelay{50};
/// How many lines go to the journal before others get their turn: each is a message, and a container may have printed
/// thousands since it was last looked at.
constexpr int kLinesPerTurn = 64;
constexpr int kPriorityInfo = 6;
constexpr int kPriorityWarning = 4;
constexpr int kPriorityError = 3;

std::string_view without_carriage_return(std::string_view text) {
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text;
}

/// The text is the container's, so it travels with its length: nothing in it can pose as another field.
void add_field(std::string& entry, std::string_view name, std::string_view text) {
    const auto size = static_cast<std::uint64_t>(text.size());
    char length[sizeof size];
    std::memcpy(length, &size, sizeof size);  // little endian on every machine that we support
    entry += name;
    entry += '\n';
    entry.append(length, sizeof length);
    entry += text;
    entry += '\n';
}

std::string format_entry(const Journal::Line& line) {
    // A container has no other identifier than its name, which is unique on the host.
    auto entry = std::format("PRIORITY={}\nSYSLOG_IDENTIFIER={}\nCONTAINER_NAME={}\nCONTAINER_ID={}\n"
                             "CONTAINER_ID_FULL={}\nCONTAINER_TAG={}\n",
                             line.priority, line.name, line.name, line.name, line.name, line.name);
    if (line.time != 0) entry += std::format("SYSLOG_TIMESTAMP={}\n", format_time(from_usec(line.time)));
    if (!line.image.empty()) add_field(entry, "IMAGE_NAME", line.image);
    if (!line.unit.empty()) entry += std::format("OBJECT_SYSTEMD_UNIT={}\n", line.unit);
    if (line.partial) entry += "CONTAINER_PARTIAL_MESSAGE=true\n";
    add_field(entry, "MESSAGE", line.text);
    return entry;
}

/// `journalctl -u` shows it for our unit, since we send it, and for the container's.
std::string format_notice(const Notice& notice, std::string_view name, std::string_view unit) {
    auto entry = std::format("MESSAGE_ID={}\nPRIORITY={}\nSYSLOG_IDENTIFIER=xctld\nCONTAINER_NAME={}\nCONTAINER_ID={}\n",
                             notice.row().message_id, notice.row().priority, name, name);
    if (!unit.empty()) entry += std::format("OBJECT_SYSTEMD_UNIT={}\n", unit);
    entry += notice.fields;
    add_field(entry, "MESSAGE", std::format("{}: {}", name, notice.text));
    return entry;
}

sockaddr_un journal_address() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, kJournalSocket, sizeof address.sun_path - 1);
    return address;
}

ssize_t send_as(int socket, std::string& entry, pid_t pid) {
    iovec part{entry.data(), entry.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    // Named each time: the journal may be restarted, or come later than we.
    auto address = journal_address();
    message.msg_name = &address;
    message.msg_namelen = sizeof address;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))]{};
    if (pid > 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        auto* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_CREDENTIALS;
        header->cmsg_len = CMSG_LEN(sizeof(ucred));
        const ucred credentials{pid, 0, 0};
        std::memcpy(CMSG_DATA(header), &credentials, sizeof credentials);
    }
    return ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

Journal Journal::open() {
    UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return Journal(std::move(socket));
}

bool Journal::send(const Line& line) const {
    if (!socket_) return true;
    auto entry = format_entry(line);
    auto sent = send_as(socket_.get(), entry, line.pid);
    if (sent < 0 && errno == ESRCH) sent = send_as(socket_.get(), entry, -1);  // it has just died
    return sent >= 0 || (errno != EAGAIN && errno != ECONNREFUSED && errno != ENOENT);
}

bool Journal::tell(const Notice& notice, std::string_view name, std::string_view unit) const {
    if (!socket_) return false;
    auto entry = format_notice(notice, name, unit);
    return send_as(socket_.get(), entry, -1) >= 0;
}

JournalRelay::JournalRelay(kernel::EventLoop& loop, const Journal& journal, ring::Ring& ring, std::string name)
    : loop_(loop),
      journal_(journal),
      ring_(ring),
      name_(std::move(name)),
      cursor_(ring::ConsoleCursor::at(ring, ring.journal_offset())) {}

void JournalRelay::set_unit(std::string unit, pid_t pid) {
    unit_ = std::move(unit);
    pid_ = pid;
}

void JournalRelay::tell(const Notice& notice) const {
    if (journal_.tell(notice, name_, unit_)) return;
    const auto text = std::format("{}: {}", name_, notice.text);
    notice.row().priority == kPriorityError ? log_error(text) : log_warning(text);
}

bool JournalRelay::send_entry(Journal::Line line) const {
    line.name = name_;
    line.image = image_;
    line.unit = unit_;
    line.pid = pid_;
    return journal_.send(line);
}

/// False when the journal is full. What is beyond the limit counts as sent.
bool JournalRelay::send(std::string_view text, bool standard_error, bool partial, std::uint64_t offset) {
    const auto now = model::RateLimit::Clock::now();
    if (!limit_.allows(now)) {
        count_dropped(1, now);
        return true;
    }
    Journal::Line line;
    line.text = without_carriage_return(text);
    line.priority = standard_error ? kPriorityError : kPriorityInfo;
    line.partial = partial;
    line.time = ring_.times().at(offset).time;
    if (!send_entry(line)) return false;
    limit_.count(now);
    return true;
}

void JournalRelay::count_dropped(std::uint64_t lines, model::RateLimit::Clock::time_point now) {
    ring_.journal_dropped() += lines;
    if (report_) return;
    loop_.arm(report_, limit_.remaining(now), [this](std::uint32_t) { report_dropped(); });
}

/// How many bytes at the beginning are whole lines beyond the limit. They are counted, and not looked at one by one: a
/// container that prints more than the journal takes is not to wait for that.
std::size_t JournalRelay::drop_lines(std::string_view text) {
    const auto now = model::RateLimit::Clock::now();
    if (limit_.allows(now)) return 0;
    std::uint64_t lines = 0;
    std::size_t dropped = 0;
    for (auto newline = text.find('\n'); newline != std::string_view::npos; newline = text.find('\n', dropped)) {
        ++lines;
        dropped = newline + 1;
    }
    if (lines > 0) count_dropped(lines, now);
    return dropped;
}

void JournalRelay::report_dropped() {
    report_.reset();
    auto& dropped = ring_.journal_dropped();
    if (dropped == 0) return;
    const auto text =
        std::format("{} lines of output beyond the limit were dropped here; the console has them", dropped);
    Journal::Line line;
    line.text = text;
    line.priority = kPriorityWarning;
    if (send_entry(line)) dropped = 0;
}

JournalRelay::Forwarded JournalRelay::forward(bool with_rest) {
    std::string line;
    bool standard_error = false;
    std::uint64_t begin = cursor_.offset();  // of the line
    auto cursor = cursor_;
    const auto commit = [&] {
        cursor_ = cursor;
        ring_.journal_offset() = cursor.offset();
        line.clear();
    };
    const auto flush = [&](bool partial) {
        if (!line.empty() && !send(line, standard_error, partial, begin)) return false;
        commit();
        return true;
    };
    for (int turn = 0; turn < kLinesPerTurn; ++turn) {
        auto ahead = cursor;
        const auto item = ahead.next(ring_, kMaxLine);
        const auto* output = std::get_if<ring::ConsoleCursor::Output>(&item);
        if (output == nullptr) {
            const bool nothing = std::holds_alternative<ring::ConsoleCursor::Nothing>(item);
            if (nothing && !with_rest) return Forwarded::all;
            if (!flush(false)) return Forwarded::none;
            if (nothing) return Forwarded::all;
            cursor = ahead;
            commit();
            continue;
        }
        if (output->standard_error != standard_error && !flush(true)) return Forwarded::none;
        standard_error = output->standard_error;
        const std::string_view text(reinterpret_cast<const char*>(output->bytes.data()), output->bytes.size());
        if (const auto dropped = line.empty() ? drop_lines(text) : 0; dropped > 0) {
            cursor = ahead;
            cursor.advance(dropped);
            commit();
            continue;
        }
        const auto newline = text.find('\n');
        const auto take = newline == std::string_view::npos ? text.size() : newline;
        if (line.empty()) begin = output->offset;
        line += text.substr(0, take);
        cursor = ahead;
        cursor.advance(newline == std::string_view::npos ? take : take + 1);
        if (newline != std::string_view::npos) {
            if (!send(line, standard_error, false, begin)) return Forwarded::none;
            commit();
        } else if (line.size() >= kMaxLine && !flush(true)) {
            return Forwarded::none;
        }
    }
    return Forwarded::some;
}

void JournalRelay::pump() {
    // An earlier daemon may have died before it said so.
    if (!report_) report_dropped();
    if (!retry_) go_on(forward(false));
}

void JournalRelay::go_on(Forwarded done) {
    if (done == Forwarded::all) return;
    const auto again = [this](std::uint32_t) {
        retry_.reset();
        pump();
    };
    if (done == Forwarded::some)
        loop_.defer(retry_, again);
    else
        loop_.arm(retry_, kSendRetryDelay, again);
}

/// What is left goes later, and a last line that has no end with it, since the end of the run ends it as well.
void JournalRelay::finish() {
    if (!retry_) go_on(forward(true));
    report_dropped();
}

}  // namespace xctl::console
