// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/console/pipe_workers.hpp"

#include <sys/epoll.h>

#include <utility>

namespace xctl::console {
namespace {

/// How long everybody else may be kept waiting for one pipe.
constexpr std::chrono::milliseconds kTurnTime{10};
/// On a busy machine a worker may be late; one that is so late waits for a lock.
constexpr std::chrono::seconds kHangTime{1};

}  // namespace

bool PipeWorkers::Task::finish(std::chrono::milliseconds time) {
    if (!worker_) return true;
    const auto result = worker_->await(time);
    if (!result) return false;
    home_->recycle(release(), !was_moved_, *result);
    return true;
}

void PipeWorkers::Task::give_up() {
    if (worker_ && !was_moved_) tell_hang();
    cancel();
}

void PipeWorkers::Task::tell_hang() {
    hang_timer_.reset();
    was_moved_ = true;
    if (on_hang_) on_hang_(worker_->pid());
}

void PipeWorkers::Task::cancel() {
    if (worker_) home_->retire(release());
}

kernel::PipeWorker PipeWorkers::Task::release() {
    source_.reset();
    hang_timer_.reset();
    return *std::exchange(worker_, std::nullopt);
}

PipeWorkers::~PipeWorkers() {
    if (idle_) retire(*std::exchange(idle_, std::nullopt));
}

Result<std::size_t> PipeWorkers::splice(int pipe, int file, std::uint64_t counter, std::size_t size, Task& task,
                                        Done later) {
    const auto begin = [&](auto& worker) { return worker.begin_splice(pipe, file, counter, size); };
    return finish_or_wait(TRY(start(begin)), task, std::move(later));
}

Result<std::size_t> PipeWorkers::write(int pipe, std::string_view bytes, Task& task, Done later) {
    const auto begin = [&](auto& worker) { return worker.begin_write(pipe, bytes); };
    return finish_or_wait(TRY(start(begin)), task, std::move(later));
}

void PipeWorkers::close(std::vector<UniqueFd> fds) {
    if (fds.empty()) return;
    auto worker = start([&](auto& each) { return each.begin_close(fds); });
    if (!worker) return;
    // One that waits for a lock is not needed any more, and lets go of them when it dies.
    if (const auto result = worker->await(kTurnTime))
        recycle(std::move(*worker), true, *result);
    else
        retire(std::move(*worker));
}

/// The idle one may have died of somebody's signal; another is tried once.
Result<kernel::PipeWorker> PipeWorkers::start(const Begin& begin) {
    if (idle_) {
        auto worker = *std::exchange(idle_, std::nullopt);
        if (begin(worker)) return worker;
        retire(std::move(worker));
    }
    auto worker = TRY(kernel::PipeWorker::start());
    auto begun = begin(worker);
    if (begun) return worker;
    retire(std::move(worker));
    return std::unexpected(std::move(begun).error());
}

Result<std::size_t> PipeWorkers::finish_or_wait(kernel::PipeWorker worker, Task& task, Done later) {
    if (auto result = worker.await(kTurnTime)) {
        recycle(std::move(worker), true, *result);
        return std::move(*result);
    }
    task.home_ = this;
    task.was_moved_ = false;
    task.worker_.emplace(std::move(worker));
    if (auto watched = watch(task, std::move(later)); !watched) {
        task.cancel();
        return std::unexpected(std::move(watched).error());
    }
    return fail_errno(EINPROGRESS, "a container's pipe");
}

Result<> PipeWorkers::watch(Task& task, Done later) {
    task.source_ = TRY(loop_.add_io(task.worker_->fd(), EPOLLIN,
                                    [this, &task, later = std::move(later)](std::uint32_t) { on_done(task, later); }));
    loop_.arm(task.hang_timer_, kHangTime, [&task](std::uint32_t) { task.tell_hang(); });
    return {};
}

void PipeWorkers::on_done(Task& task, const Done& later) {
    auto result = task.worker_->await(std::chrono::milliseconds(0));
    if (!result) return;
    const auto done = later;  // which goes with the task's source
    recycle(task.release(), !task.was_moved_, *result);
    done(std::move(*result));
}

/// One that is idle is enough: another is only needed while a pipe is locked.
void PipeWorkers::recycle(kernel::PipeWorker worker, bool is_here, const Result<std::size_t>& result) {
    const bool is_alive = result || result.error().sys_errno != ECANCELED;
    if (idle_ || !is_here || !is_alive) return retire(std::move(worker));
    idle_.emplace(std::move(worker));
}

/// Until the kernel lets go of it.
void PipeWorkers::retire(kernel::PipeWorker worker) {
    if (worker.end()) return;
    const auto it = dying_.insert(dying_.end(), {std::move(worker), {}});
    auto source = loop_.add_io(it->worker.pidfd(), EPOLLIN, [this, it](std::uint32_t) {
        // Before end() closes the pidfd: epoll(7) goes on to watch a file that somebody else has open as well.
        it->source.reset();
        (void)it->worker.end();
        dying_.erase(it);
    });
    // Without a watch nobody here waits for the worker: PID 1 inherits it when xctld ends.
    if (source)
        it->source = std::move(*source);
    else
        dying_.erase(it);
}

}  // namespace xctl::console
