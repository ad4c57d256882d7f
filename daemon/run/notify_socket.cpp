// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/run/notify_socket.hpp"

namespace xctl::run {

attachment::Task NotifySocket::prepare(const attachment::Scene&) {
    if (!wanted_) return {};
    return {[this]() -> Result<> {
        socket_.hold(TRY(health::PayloadNotify::bind(run_directory_)));
        return {};
    }};
}

Result<> NotifySocket::listen(kernel::EventLoop& loop, health::PayloadNotify::Listener listener) {
    if (fd() < 0) return {};
    return socket_.listen(loop, std::move(listener));
}

}  // namespace xctl::run
