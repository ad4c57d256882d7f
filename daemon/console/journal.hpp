// SPDX-License-Identifier: LGPL-2.1-or-later
// Container output to the journal, under the container's own unit, line by line.
//
// The journal attributes an entry to the unit of the sending process. While the container's init lives we send
// in its name (SCM_CREDENTIALS of unix(7), which root may set); afterwards OBJECT_SYSTEMD_UNIT= still makes
// `systemctl status` and `journalctl -u` show the line. systemd.journal-fields(7).
#pragma once

#include <string>

#include "daemon/console/notices.hpp"
#include "daemon/definition/definition.hpp"
#include "daemon/model/rate_limit.hpp"
#include "daemon/ring/console_cursor.hpp"
#include "daemon/ring/ring.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::console {

/// The connection; without a journal every line is quietly dropped.
class Journal {
public:
    static Journal open();

    struct Line {
        std::string_view text;
        std::string_view name;
        std::string_view image;
        std::string_view unit;
        pid_t pid = -1;
        int priority = 6;          // as syslog has it
        ring::RingTimes::Usec time = 0;  // when it was printed; 0: not known
        bool partial = false;  // the line goes on in the next entry
    };
    /// False when the journal does not take more just now.
    [[nodiscard]] bool send(const Line& line) const;
    /// In our own name. False when the journal has not taken it.
    [[nodiscard]] bool tell(const Notice& notice, std::string_view name, std::string_view unit) const;

private:
    explicit Journal(UniqueFd socket) : socket_(std::move(socket)) {}
    UniqueFd socket_;
};

/// Carries one container's ring to the journal, as far as the journal takes it and the limit allows, and goes on later.
class JournalRelay {
public:
    JournalRelay(kernel::EventLoop& loop, const Journal& journal, ring::Ring& ring, std::string name);

    void set_unit(std::string unit, pid_t pid);
    void set_image(std::string image) { image_ = std::move(image); }
    /// To our log if the journal does not take it.
    void tell(const Notice& notice) const;
    void set_limit(const definition::JournalLimit& limit) { limit_.set(limit.burst, limit.interval); }
    /// Takes what is new in the ring; a line without its end is kept until the end comes.
    void pump();
    /// The run has ended: its last line may lack its end.
    void finish();
    /// There is more than a turn of the loop allows for, or than the journal takes.
    [[nodiscard]] bool is_behind() const noexcept { return static_cast<bool>(retry_); }

private:
    /// Some: there is more. None more: the journal is full.
    enum class Forwarded : std::uint8_t { all, some, none };
    Forwarded forward(bool with_rest);
    void go_on(Forwarded done);
    bool send(std::string_view text, bool standard_error, bool partial, std::uint64_t offset);
    [[nodiscard]] bool send_entry(Journal::Line line) const;
    void count_dropped(std::uint64_t lines, model::RateLimit::Clock::time_point now);
    [[nodiscard]] std::size_t drop_lines(std::string_view text);
    void report_dropped();

    kernel::EventLoop& loop_;
    const Journal& journal_;
    ring::Ring& ring_;
    std::string name_;
    std::string unit_;
    pid_t pid_ = -1;
    ring::ConsoleCursor cursor_;  // behind the last line that was sent
    std::string image_;
    model::RateLimit limit_;
    kernel::EventSource retry_;
    kernel::EventSource report_;
};

}  // namespace xctl::console
