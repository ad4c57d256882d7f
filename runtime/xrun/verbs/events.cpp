// SPDX-License-Identifier: LGPL-2.1-or-later
// events: statistics, once or at every interval, and what the kernel kills for want of memory.
#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <chrono>

#include "lib/base/fd.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"
#include "runtime/xrun/cgroup/control_group.hpp"
#include "runtime/xrun/state/container.hpp"
#include "runtime/xrun/verbs.hpp"
#include "runtime/xrun/verbs/stats.hpp"

namespace xctl::runtime {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

Result<milliseconds> parse_interval(const std::string& text) {
    if (text.empty()) return milliseconds(5000);
    const auto interval = TRY(parse_duration(text), "interval");
    if (interval <= milliseconds(0)) return fail(Errc::invalid_argument, "duration interval must be greater than 0");
    return interval;
}

class Stream {
public:
    Stream(const std::string& id, CgroupFd cgroup, PidFd init, milliseconds interval)
        : id_(id), cgroup_(cgroup), init_(init), interval_(interval), kills_(count_oom_kills(cgroup)) {}

    /// Until the init ends.
    Result<> run() {
        // The kernel says by POLLPRI that the file has changed.
        const auto events = kernel::open_at(directory_of(cgroup_), "memory.events", O_RDONLY);
        auto next = Clock::now() + interval_;
        while (true) {
            pollfd rows[] = {{.fd = init_.get(), .events = POLLIN, .revents = 0},
                             {.fd = events ? events->get() : -1, .events = POLLPRI, .revents = 0}};
            const auto left = std::chrono::ceil<milliseconds>(next - Clock::now()).count();
            ::poll(rows, std::size(rows), static_cast<int>(std::max<std::int64_t>(left, 0)));
            TRY(print_kills());
            if (rows[0].revents != 0) return {};
            if (Clock::now() < next) continue;
            TRY(print(stats_json(id_, cgroup_) + "\n"));
            next += interval_;
        }
    }

private:
    Result<> print_kills() {
        const auto kills = count_oom_kills(cgroup_);
        for (; kills_ < kills; ++kills_) TRY(print(oom_json(id_) + "\n"));
        return {};
    }

    const std::string& id_;
    CgroupFd cgroup_;
    PidFd init_;
    milliseconds interval_;
    std::uint64_t kills_;
};

}  // namespace

Result<int> verb_events(const Arguments& arguments) {
    const auto interval = TRY(parse_interval(arguments.interval));
    const auto container = TRY(open_container(arguments, arguments.id(), Lock::no));
    const auto init = open_init(container.record);
    if (!init) return fail(Errc::wrong_state, "container with id " + arguments.id() + " is not running");
    const auto cgroup = TRY(open_group(container.record.cgroup));
    if (arguments.stats)
        TRY(print(stats_json(arguments.id(), cgroup) + "\n"));
    else
        TRY(Stream(arguments.id(), cgroup, *init, interval).run());
    return 0;
}

}  // namespace xctl::runtime
