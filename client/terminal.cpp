// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/terminal.hpp"

#include <fcntl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <format>

#include "api/errors.hpp"
#include "lib/kernel/pty.hpp"

namespace xctl::client {
namespace {

constexpr std::array kTaken{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
constexpr std::array kEnding{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/// What restore_and_end() needs; a process has one terminal.
int raw_fd = -1;
termios raw_saved;

/// tcflush(3), tcsetattr(3), signal(2) and raise(3) may be called in a handler.
void restore_and_end(int signal) {
    ::tcflush(raw_fd, TCIFLUSH);
    ::tcsetattr(raw_fd, TCSANOW, &raw_saved);
    ::signal(signal, SIG_DFL);
    ::raise(signal);
}

}  // namespace

void RawTerminal::enter() noexcept {
    if (mode_.active() || !mode_.read()) return;
    raw_fd = fd_;
    raw_saved = mode_.before();
    struct sigaction action {};
    action.sa_handler = restore_and_end;
    for (std::size_t i = 0; i < kEnding.size(); ++i) ::sigaction(kEnding[i], &action, &old_actions_[i]);
    mode_.enter();
}

void RawTerminal::restore() noexcept {
    if (mode_.active()) ::tcflush(fd_, TCIFLUSH);
    suspend();
}

void RawTerminal::suspend() noexcept {
    if (!mode_.active()) return;
    mode_.leave();
    for (std::size_t i = 0; i < kEnding.size(); ++i) ::sigaction(kEnding[i], &old_actions_[i], nullptr);
}

UniqueFd open_own(int fd) {
    struct stat status{};
    if (::fstat(fd, &status) != 0 || !(S_ISCHR(status.st_mode) || S_ISFIFO(status.st_mode))) return {};
    const auto path = std::format("/proc/self/fd/{}", fd);
    return UniqueFd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

void write_note(int fd, bool raw, std::string_view text) {
    const std::string_view newline = raw ? "\r\n" : "\n";
    const auto line = std::format("{}xctl: {}{}", raw ? newline : "", text, newline);
    const auto own = open_own(fd);
    // Not worth waiting for where nobody reads.
    (void)!::write(own ? own.get() : fd, line.data(), line.size());
}

std::optional<api::Size> terminal_size(int fd) noexcept {
    const auto size = kernel::read_window_size(fd);
    if (!size || size->rows == 0 || size->columns == 0) return std::nullopt;
    return api::Size{size->rows, size->columns};
}

Result<Signals> Signals::open() {
    sigset_t taken;
    sigemptyset(&taken);
    for (const int signal : kTaken) sigaddset(&taken, signal);
    sigset_t old_mask;
    if (::sigprocmask(SIG_BLOCK, &taken, &old_mask) != 0) return fail_errno(errno, "sigprocmask");
    struct sigaction ignore {};
    struct sigaction old_pipe {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, &old_pipe);
    Signals signals(UniqueFd(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK)), old_mask, old_pipe);
    if (!signals.fd_) return fail_errno(errno, "signalfd");
    return signals;
}

Signals::Signals(Signals&& other) noexcept
    : fd_(std::move(other.fd_)), old_mask_(other.old_mask_), old_pipe_(other.old_pipe_) {}

Signals::~Signals() {
    if (!fd_) return;
    ::sigaction(SIGPIPE, &old_pipe_, nullptr);
    ::sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
}

std::optional<int> Signals::read() noexcept {
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) return std::nullopt;
    return static_cast<int>(info.ssi_signo);
}

void die_by(int signal) noexcept {
    ::signal(signal, SIG_DFL);
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, signal);
    ::raise(signal);
    ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
    ::_exit(api::kExitSignalBase + signal);
}

void stop_self() noexcept { ::raise(SIGSTOP); }

}  // namespace xctl::client
