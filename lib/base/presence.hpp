// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether somebody who asked for something is still there to be answered.
#pragma once

#include <memory>

namespace xctl {

class Presence {
public:
    /// Of nobody in particular, who never leaves.
    Presence() = default;
    /// Of somebody who is there for as long as `token` is held.
    explicit Presence(const std::shared_ptr<const void>& token) : token_(token), is_known_(true) {}

    [[nodiscard]] bool has_left() const noexcept { return is_known_ && token_.expired(); }

private:
    std::weak_ptr<const void> token_;
    bool is_known_ = false;
};

}  // namespace xctl
