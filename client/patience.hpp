// SPDX-License-Identifier: LGPL-2.1-or-later
// How long to go on trying while xctld is being restarted.
#pragma once

#include <chrono>
#include <thread>

namespace xctl::client {

inline constexpr std::chrono::seconds kPatience{30};
inline constexpr std::chrono::milliseconds kPause{50};
/// A call that has been cut off so often is not repeated any more: xctld may be dying of it.
inline constexpr int kMostCutOffs = 5;

class Patience {
public:
    [[nodiscard]] bool is_over() const { return std::chrono::steady_clock::now() >= end_; }
    /// False when it is at its end; else a moment later.
    [[nodiscard]] bool pause() const {
        if (is_over()) return false;
        std::this_thread::sleep_for(kPause);
        return true;
    }
    void renew() { end_ = std::chrono::steady_clock::now() + kPatience; }

private:
    std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + kPatience;
};

}  // namespace xctl::client
