// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon's pipe workers: what they do at once is as if the daemon had done it, and what they cannot do at once, since
// a container keeps its pipe locked, holds up that container's console and nothing else.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <optional>
#include <string_view>
#include <vector>

#include "lib/kernel/event.hpp"
#include "lib/kernel/pipe_worker.hpp"

namespace xctl::console {

class PipeWorkers {
public:
    using Done = std::function<void(Result<std::size_t>)>;

    /// What may be under way on one pipe. Ending it early leaves the job undone, or done without a word.
    class Task {
    public:
        Task() = default;
        Task(const Task&) = delete;
        Task& operator=(const Task&) = delete;
        ~Task() { cancel(); }

        /// Called when it takes so long that the worker must be taken for stuck: it is better off with whoever holds the
        /// pipe, since it can only end after that.
        void set_hang_listener(std::function<void(pid_t)> listener) { on_hang_ = std::move(listener); }
        [[nodiscard]] bool is_pending() const noexcept { return worker_.has_value(); }
        /// Waits this long; whether it has ended by then. Nobody else is told how.
        bool finish(std::chrono::milliseconds time);
        /// Nobody will wait any longer.
        void give_up();
        void cancel();

    private:
        friend class PipeWorkers;
        void tell_hang();
        kernel::PipeWorker release();

        PipeWorkers* home_ = nullptr;
        std::optional<kernel::PipeWorker> worker_;
        bool was_moved_ = false;
        kernel::EventSource source_;
        kernel::EventSource hang_timer_;
        std::function<void(pid_t)> on_hang_;
    };

    explicit PipeWorkers(kernel::EventLoop& loop) noexcept : loop_(loop) {}
    PipeWorkers(const PipeWorkers&) = delete;
    PipeWorkers& operator=(const PipeWorkers&) = delete;
    ~PipeWorkers();

    /// As PipeWorker has them. Errno is EINPROGRESS when the job takes longer than the daemon may wait: `task` is pending
    /// then, and `later` is told how it ends.
    Result<std::size_t> splice(int pipe, int file, std::uint64_t counter, std::size_t size, Task& task, Done later);
    Result<std::size_t> write(int pipe, std::string_view bytes, Task& task, Done later);
    /// What may be the last descriptors of pipes.
    void close(std::vector<UniqueFd> fds);

private:
    using Begin = std::function<Result<>(kernel::PipeWorker&)>;
    Result<kernel::PipeWorker> start(const Begin& begin);
    Result<std::size_t> finish_or_wait(kernel::PipeWorker worker, Task& task, Done later);
    Result<> watch(Task& task, Done later);
    void on_done(Task& task, const Done& later);
    void recycle(kernel::PipeWorker worker, bool is_here, const Result<std::size_t>& result);
    void retire(kernel::PipeWorker worker);

    kernel::EventLoop& loop_;
    std::optional<kernel::PipeWorker> idle_;
    struct Dying {
        kernel::PipeWorker worker;
        kernel::EventSource source;
    };
    std::list<Dying> dying_;
};

}  // namespace xctl::console
