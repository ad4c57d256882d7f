// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/pipe_worker.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <utility>

#include "lib/kernel/process.hpp"
#include "lib/kernel/raw.hpp"
#include "lib/kernel/socket.hpp"

namespace xctl::kernel {
namespace {

constexpr std::size_t kBuffer = 64 * 1024;
constexpr std::uint64_t kPage = 4096;
constexpr const char* kName = "xctl-pipes";

/// Room for what a worker gets with a job.
struct DescriptorRoom {
    alignas(cmsghdr) char bytes[CMSG_SPACE(PipeWorker::kMaxFds * sizeof(int))];
};

std::span<const int> descriptors_of(const msghdr& message) {
    const auto* header = static_cast<const cmsghdr*>(message.msg_control);
    if (message.msg_controllen < sizeof *header || header->cmsg_type != SCM_RIGHTS) return {};
    return {reinterpret_cast<const int*>(CMSG_DATA(header)), (header->cmsg_len - CMSG_LEN(0)) / sizeof(int)};
}

}  // namespace

/// Its descriptors come with it, and are closed when it is done.
struct PipeWorker::Job {
    enum class Kind : std::uint8_t { splice, write, close } kind;
    std::uint64_t counter;  // where the file to splice into has its position
    std::size_t size;       // to splice, or of what is in the buffer

    [[nodiscard]] int run(int socket, std::span<const int> fds, const char* buffer) const {
        if (kind == Kind::splice && fds.size() == 2) return splice(fds[0], fds[1]);
        if (kind == Kind::write && fds.size() == 1) return raw::call<SYS_write>(fds[0], buffer, size);
        // To close: when nobody else has them any more.
        std::byte go{};
        return raw::call<SYS_recvfrom>(socket, &go, sizeof go, 0, nullptr, nullptr);
    }

private:
    /// The page with the position is locked in memory meanwhile, so that the kernel never waits when it stores there.
    [[nodiscard]] int splice(int pipe, int file) const {
        const long begin = static_cast<long>(counter / kPage * kPage);
        const long page =
            raw::trap(SYS_mmap, {0, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_LOCKED, file, begin});
        if (page < 0) return raw::failure(static_cast<int>(-page), SYS_mmap);
        const long position = page + static_cast<long>(counter % kPage);
        const int moved =
            raw::call<SYS_splice>(pipe, nullptr, file, position, size, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
        (void)raw::call<SYS_munmap>(page, kPage);
        return moved;
    }
};

/// What both have mapped, for the bytes to write.
struct PipeWorker::Area {
    char buffer[kBuffer];
};

PipeWorker::PipeWorker(UniqueFd socket, pid_t pid, OwnedPidFd pidfd, Area* area) noexcept
    : socket_(std::move(socket)), pid_(pid), pidfd_(std::move(pidfd)), area_(area) {}

PipeWorker::PipeWorker(PipeWorker&& other) noexcept
    : socket_(std::move(other.socket_)),
      pid_(other.pid_),
      pidfd_(std::move(other.pidfd_)),
      area_(std::exchange(other.area_, nullptr)) {}

PipeWorker::~PipeWorker() {
    if (area_ != nullptr) ::munmap(area_, sizeof(Area));
}

Result<PipeWorker> PipeWorker::start() {
    auto [ours, theirs] = TRY(make_socket_pair(SOCK_SEQPACKET));
    auto* memory = ::mmap(nullptr, sizeof(Area), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return fail_errno(errno, "make room for a pipe worker");
    auto* area = static_cast<Area*>(memory);
    // Nobody is told when it ends, so that it is taken for no container.
    auto child = clone_process({.flags = 0, .exit_signal = 0});
    if (child && child->pid == 0) serve(*area, theirs.get());
    if (!child) {
        ::munmap(memory, sizeof(Area));
        return std::unexpected(std::move(child).error());
    }
    return PipeWorker(std::move(ours), child->pid, std::move(child->pidfd), area);
}

/// Makes system calls only, so that it copies little of our memory by writing to it.
void PipeWorker::serve(const Area& area, int socket) {
    (void)raw::call<SYS_prctl>(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void)raw::call<SYS_prctl>(PR_SET_NAME, kName, 0, 0, 0);
    if (socket > 0) (void)raw::call<SYS_close_range>(0, socket - 1, 0);
    (void)raw::call<SYS_close_range>(socket + 1, ~0U, 0);
    while (true) {
        Job job;
        DescriptorRoom control;
        iovec part{&job, sizeof job};
        msghdr message{nullptr, 0, &part, 1, control.bytes, sizeof control.bytes, 0};
        const int size = raw::call<SYS_recvmsg>(socket, &message, MSG_CMSG_CLOEXEC);
        if (size != sizeof job) {
            if (raw::errno_of(size) == EINTR) continue;
            (void)raw::call<SYS_exit_group>(0);  // we are gone
        }
        const auto fds = descriptors_of(message);
        const int result = job.run(socket, fds, area.buffer);
        for (const int fd : fds) raw::close(fd);
        const std::int64_t answer = result < 0 ? -raw::errno_of(result) : result;
        (void)raw::call<SYS_sendto>(socket, &answer, sizeof answer, MSG_NOSIGNAL, nullptr, 0);
    }
}

Result<> PipeWorker::begin(const Job& job, std::span<const int> fds) {
    return send_with_fds(socket_.get(), std::as_bytes(std::span(&job, 1)), fds);
}

Result<> PipeWorker::begin_splice(int pipe, int file, std::uint64_t counter, std::size_t size) {
    return begin({Job::Kind::splice, counter, size}, std::array{pipe, file});
}

Result<> PipeWorker::begin_write(int pipe, std::string_view bytes) {
    const auto size = std::min(bytes.size(), kBuffer);
    std::memcpy(area_->buffer, bytes.data(), size);
    return begin({Job::Kind::write, 0, size}, std::array{pipe});
}

Result<> PipeWorker::begin_close(std::vector<UniqueFd>& fds) {
    std::vector<int> numbers;
    for (const auto& fd : fds) numbers.push_back(fd.get());
    TRY(begin({Job::Kind::close, 0, 0}, std::span(numbers).first(std::min(numbers.size(), kMaxFds))));
    fds.clear();
    // Only now the worker's are the last.
    constexpr std::byte kGo{};
    return send_with_fds(socket_.get(), std::span(&kGo, 1), {});
}

std::optional<Result<std::size_t>> PipeWorker::await(std::chrono::milliseconds time) {
    pollfd waiting{socket_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(time.count())) <= 0) return std::nullopt;
    std::int64_t answer = 0;
    if (::recv(socket_.get(), &answer, sizeof answer, MSG_DONTWAIT) != sizeof answer)
        return fail_errno(ECANCELED, "a pipe worker died");
    if (answer < 0) return fail_errno(static_cast<int>(-answer), "a container's pipe");
    return static_cast<std::size_t>(answer);
}

bool PipeWorker::end() noexcept {
    if (!pidfd_) return true;
    socket_.reset();
    (void)send_signal(pidfd_, SIGKILL);
    const auto ended = try_wait_exit(pidfd_);
    if (ended && !*ended) return false;
    pidfd_.reset();
    return true;
}

}  // namespace xctl::kernel
