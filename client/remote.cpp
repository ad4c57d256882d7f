// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/remote.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <format>
#include <string_view>

#include "client/environment.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/rights.hpp"
#include "lib/kernel/socket.hpp"

namespace xctl::client {
namespace {

constexpr std::size_t kChunk = 64 * 1024;

Result<UniqueFd> connect_to_socket(const std::string& path) {
    auto socket = kernel::connect_unix(path, SOCK_STREAM);
    if (socket) return socket;
    if (socket.error().sys_errno == ENAMETOOLONG) return fail(Errc::invalid_argument, path + " is too long");
    return fail_errno(socket.error().sys_errno, std::format("cannot connect to {}", path));
}

/// Bytes that go one way; read only when all that was read before is written.
class Lane {
public:
    Lane(int from, int to) : from_(from), to_(to) {}

    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] pollfd wanted() const {
        if (ended_) return {-1, 0, 0};
        return begin_ < end_ ? pollfd{to_, POLLOUT, 0} : pollfd{from_, POLLIN, 0};
    }
    /// After poll() found what was wanted.
    void go_on(UniqueFd& passed) {
        if (begin_ == end_) return fill(passed);
        const auto written = ::write(to_, buffer_.data() + begin_, end_ - begin_);
        if (written > 0) begin_ += static_cast<std::size_t>(written);
        if (written < 0 && errno != EINTR && errno != EAGAIN) ended_ = true;
    }
    /// Whether all is written, and the last byte that was ends a varlink message.
    [[nodiscard]] bool is_between_messages() const {
        return begin_ == end_ && (end_ == 0 || buffer_[end_ - 1] == '\0');
    }

private:
    void fill(UniqueFd& passed) {
        iovec part{buffer_.data(), buffer_.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        kernel::raw::Rights<1> rights;
        rights.expect(message);
        auto got = ::recvmsg(from_, &message, MSG_CMSG_CLOEXEC);
        if (got < 0 && errno == ENOTSOCK) {
            message.msg_controllen = 0;
            got = ::read(from_, buffer_.data(), buffer_.size());
        }
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
        if (got <= 0) {
            ended_ = true;
            return;
        }
        begin_ = 0;
        end_ = static_cast<std::size_t>(got);
        kernel::raw::take_rights(message, [&](int fd) { passed.reset(fd); });
    }

    int from_, to_;
    std::array<char, kChunk> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool ended_ = false;
};

/// Copies both ways until one side ends. If a descriptor is passed meanwhile, returns it behind its message.
Result<UniqueFd> copy_both_ways(int in, int out, int socket) {
    Lane there(in, socket);
    Lane back(socket, out);
    UniqueFd passed, ignored;
    while (!back.ended() && !(passed && back.is_between_messages())) {
        // Who asks may end its side and still want the answer, but nothing of ours does.
        if (there.ended()) break;
        std::array polls{there.wanted(), back.wanted()};
        if (::poll(polls.data(), polls.size(), -1) < 0 && errno != EINTR) return fail_errno(errno, "poll");
        if (polls[0].revents != 0) there.go_on(ignored);
        if (polls[1].revents != 0) back.go_on(passed);
    }
    if (back.ended() || there.ended()) return UniqueFd();
    return passed;
}

}  // namespace

Result<UniqueFd> connect_to_host(const std::string& host) {
    if (host.empty() || host.front() == '-')
        return fail(Errc::invalid_argument, std::format("{} is not a host", xctl::quoted(host)));
    const auto program = TRY(read_variable("XCTL_SSH")).value_or("ssh");
    auto [ours, theirs] = TRY(kernel::make_socket_pair(SOCK_STREAM));
    // No escape characters: everything that is typed is for the container.
    const std::array<const char*, 9> words{program.c_str(), "-T",   "-e",       "none", "--",
                                           host.c_str(), "xctl", "--bridge", nullptr};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDOUT_FILENO);
    pid_t child = 0;
    const int error =
        ::posix_spawnp(&child, program.c_str(), &actions, nullptr, const_cast<char* const*>(words.data()), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) return fail_errno(error, std::format("cannot execute {}", program));
    return std::move(ours);
}

Result<int> run_bridge(const std::string& socket) {
    ::signal(SIGPIPE, SIG_IGN);
    const auto link = TRY(connect_to_socket(socket));
    const auto console = TRY(copy_both_ways(STDIN_FILENO, STDOUT_FILENO, link.get()));
    if (!console) return EXIT_SUCCESS;
    char go = 0;
    if (::read(STDIN_FILENO, &go, 1) != 1 || go != kConsoleGo) return EXIT_SUCCESS;
    TRY(copy_both_ways(STDIN_FILENO, STDOUT_FILENO, console.get()));
    return EXIT_SUCCESS;
}

}  // namespace xctl::client
