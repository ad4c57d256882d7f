// SPDX-License-Identifier: LGPL-2.1-or-later
// A process that touches other people's pipes in our stead: splice(2), pipe(7).
//
// Who splices from a file or a socket into a pipe keeps the pipe locked until something comes (Linux 6.18, too), and
// whoever then touches that pipe waits in the kernel for as long as that, whatever O_NONBLOCK says, and cannot even be
// killed. Only poll(2) asks without the lock. A container's output is such a pipe, and `cat` of a terminal or of a file
// server that hangs is all it takes, so what must never wait leaves reading and writing to a worker.
//
// A worker does not share our memory. The OOM killer of a cgroup also kills everybody who shares the memory of the
// process that it has chosen, and a worker may be in the cgroup of a container.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::kernel {

class PipeWorker {
public:
    /// It ends with us. Until it is asked for something it holds no descriptor of ours, and afterwards none either.
    static Result<PipeWorker> start();

    PipeWorker(PipeWorker&& other) noexcept;
    PipeWorker& operator=(PipeWorker&&) = delete;
    /// Only after end() has been true: otherwise nobody reaps it.
    ~PipeWorker();

    /// Begins to move up to `size` bytes of what is in `pipe` into `file`. Where to is said by the file itself: by the
    /// std::int64_t at `counter`, a multiple of 8, which the kernel changes as it moves the bytes.
    Result<> begin_splice(int pipe, int file, std::uint64_t counter, std::size_t size);
    /// Begins to write these bytes, or the first of them if they are many.
    Result<> begin_write(int pipe, std::string_view bytes);
    /// Begins to close these, up to kMaxFds; who closes an end of a pipe for the last time needs the lock as well, and that is
    /// the worker then. They are the caller's still if this fails.
    Result<> begin_close(std::vector<UniqueFd>& fds);
    static constexpr std::size_t kMaxFds = 16;

    /// How what was begun has ended: the number of bytes, or the error of the system call. Empty if it has not, in
    /// this time. Errno is ECANCELED when the worker is dead.
    std::optional<Result<std::size_t>> await(std::chrono::milliseconds time);
    /// Readable when await() has something to say.
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /// Readable when end() will be true, once it was called.
    [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }

    /// Kills it. False while the kernel does not let go of it; a job that still waits for the lock does nothing any more.
    bool end() noexcept;

private:
    struct Area;
    struct Job;
    PipeWorker(UniqueFd socket, pid_t pid, OwnedPidFd pidfd, Area* area) noexcept;
    [[noreturn]] static void serve(const Area& area, int socket);
    Result<> begin(const Job& job, std::span<const int> fds);

    UniqueFd socket_;
    pid_t pid_ = -1;
    OwnedPidFd pidfd_;
    Area* area_ = nullptr;  // mapped by the worker, too
};

}  // namespace xctl::kernel
