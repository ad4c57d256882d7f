// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/polkit_agent.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "lib/base/unique_fd.hpp"

namespace xctl::client {
namespace {

constexpr char kAgent[] = "pkttyagent";

[[noreturn]] void execute(int notify_fd, const std::string& process) {
    const std::string notify = std::to_string(notify_fd);
    ::execlp(kAgent, kAgent, "--notify-fd", notify.c_str(), "--fallback", "--process", process.c_str(), nullptr);
    ::_exit(127);
}

/// The agent writes nothing: it closes its end once it is registered, and so does its failure.
void wait_for_close(int fd) {
    char byte;
    while (::read(fd, &byte, 1) > 0 || errno == EINTR) errno = 0;
}

}  // namespace

PolkitAgent::PolkitAgent() noexcept {
    if (!::isatty(STDIN_FILENO)) return;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    const UniqueFd read_end(ends[0]);
    UniqueFd write_end(ends[1]);
    const std::string process = std::to_string(::getpid());
    pid_ = ::fork();
    if (pid_ == 0) {
        ::fcntl(write_end.get(), F_SETFD, 0);
        execute(write_end.get(), process);
    }
    write_end.reset();
    if (pid_ > 0) wait_for_close(read_end.get());
    if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
}

PolkitAgent::~PolkitAgent() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    ::kill(pid_, SIGCONT);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
}

}  // namespace xctl::client
