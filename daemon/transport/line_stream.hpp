// SPDX-License-Identifier: LGPL-2.1-or-later
// A socket over which somebody is sent lines, until they leave or do not read.
#pragma once

#include <functional>
#include <string>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::transport {

class LineStream {
public:
    LineStream() = default;
    LineStream(const LineStream&) = delete;
    LineStream& operator=(const LineStream&) = delete;

    /// Returns the reader's end. `on_gone` runs once, when it has been closed everywhere; it may destroy this.
    Result<UniqueFd> open(kernel::EventLoop& loop, std::function<void()> on_gone);
    [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(socket_); }
    /// False: there is no room for it, or nobody. A part of the line may have been sent then.
    [[nodiscard]] bool send(const std::string& line) const;

private:
    UniqueFd socket_;
    kernel::EventSource source_;
    std::function<void()> on_gone_;
};

}  // namespace xctl::transport
