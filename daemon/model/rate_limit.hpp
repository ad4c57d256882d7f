// SPDX-License-Identifier: LGPL-2.1-or-later
// So many within an interval, and no more until the next begins.
#pragma once

#include <chrono>
#include <cstdint>

namespace xctl::model {

class RateLimit {
public:
    using Clock = std::chrono::steady_clock;

    /// `burst` 0: no limit.
    void set(std::uint64_t burst, std::chrono::milliseconds interval) noexcept {
        burst_ = burst;
        interval_ = interval;
    }

    [[nodiscard]] bool allows(Clock::time_point now) noexcept {
        if (now >= begin_ + interval_) {
            begin_ = now;
            used_ = 0;
        }
        return burst_ == 0 || used_ < burst_;
    }
    void count(Clock::time_point now) noexcept {
        if (allows(now)) ++used_;
    }

    /// Until the next interval.
    [[nodiscard]] std::chrono::microseconds remaining(Clock::time_point now) const noexcept {
        return std::chrono::duration_cast<std::chrono::microseconds>(begin_ + interval_ - now);
    }

private:
    std::uint64_t burst_ = 0;
    std::chrono::milliseconds interval_{0};
    Clock::time_point begin_{};
    std::uint64_t used_ = 0;
};

}  // namespace xctl::model
