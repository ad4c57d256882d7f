// SPDX-License-Identifier: LGPL-2.1-or-later
// Has the work of attachments that may block done in a process beside the event loop.
#pragma once

#include "daemon/run/errand.hpp"
#include "lib/attachment/attachments.hpp"

namespace xctl::run {

class ErrandExecutor final : public attachment::Executor {
public:
    explicit ErrandExecutor(kernel::EventLoop& loop) : errand_(loop) {}
    void execute(const std::function<Result<>()>& work, Done done) override { errand_.start(work, std::move(done)); }
    void cancel() override { errand_.cancel(); }

private:
    Errand errand_;
};

}  // namespace xctl::run
