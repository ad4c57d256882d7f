// SPDX-License-Identifier: LGPL-2.1-or-later
// Lets polkit ask for a password on this terminal, where no desktop does it.
#pragma once

#include <sys/types.h>

namespace xctl::client {

/// polkit's own agent for terminals, registered for this process for as long as this lives.
class PolkitAgent {
public:
    PolkitAgent() noexcept;
    PolkitAgent(const PolkitAgent&) = delete;
    PolkitAgent& operator=(const PolkitAgent&) = delete;
    ~PolkitAgent();

    /// False where there is no terminal, or no agent installed.
    [[nodiscard]] bool running() const noexcept { return pid_ > 0; }

private:
    pid_t pid_ = -1;
};

}  // namespace xctl::client
