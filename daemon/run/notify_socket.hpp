// SPDX-License-Identifier: LGPL-2.1-or-later
// The socket for sd_notify(3) of a run whose plan shows one to the container, as an attachment.
#pragma once

#include "daemon/health/payload_notify.hpp"
#include "lib/attachment/attachment.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::run {

class NotifySocket final : public attachment::Attachment {
public:
    /// `wanted`: the plan shows it.
    NotifySocket(bool wanted, int run_directory) : wanted_(wanted), run_directory_(run_directory) {}

    [[nodiscard]] std::string_view name() const override { return "notify"; }
    [[nodiscard]] attachment::Task prepare(const attachment::Scene&) override;

    /// Takes the socket of a run that an earlier daemon prepared.
    void hold(UniqueFd socket) { socket_.hold(std::move(socket)); }
    /// Messages wait until somebody listens.
    Result<> listen(kernel::EventLoop& loop, health::PayloadNotify::Listener listener);
    /// -1 if there is none.
    [[nodiscard]] int fd() const noexcept { return socket_.fd(); }

private:
    bool wanted_;
    int run_directory_;
    health::PayloadNotify socket_;
};

}  // namespace xctl::run
