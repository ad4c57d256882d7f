// SPDX-License-Identifier: LGPL-2.1-or-later
// A program in the foreground: its terminal is joined to ours, and signals for us are passed on to it.
#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "lib/kernel/file.hpp"
#include "lib/kernel/pty.hpp"
#include "lib/kernel/terminal.hpp"
#include "runtime/xrun/launching.hpp"
#include "runtime/xrun/notify_socket.hpp"

namespace xctl::runtime {
namespace {

constexpr int kPassedOn[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGALRM};
constexpr int kSignalBase = 128;
constexpr int kLastOutputPatience = 50;  // milliseconds

sigset_t held_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : kPassedOn) sigaddset(&set, signal);
    return set;
}

void copy_size(int master) {
    if (const auto size = kernel::read_window_size(STDIN_FILENO))
        static_cast<void>(kernel::set_window_size(master, *size));
}

class Attendance {
public:
    Attendance(Session& session, int signals) : session_(session), signals_(signals) {
        if (!session.terminal) return;
        const int flags = ::fcntl(master(), F_GETFL);
        ::fcntl(master(), F_SETFL, flags | O_NONBLOCK);
    }

    void run() {
        while (!ended_) {
            pollfd rows[] = {
                {.fd = session_.process.pidfd.get(), .events = POLLIN, .revents = 0},
                {.fd = signals_, .events = POLLIN, .revents = 0},
                {.fd = master(), .events = static_cast<short>(POLLIN | (input_.empty() ? 0 : POLLOUT)), .revents = 0},
                {.fd = takes_input() ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0},
                {.fd = session_.notifications.get(), .events = POLLIN, .revents = 0},
            };
            if (::poll(rows, std::size(rows), -1) < 0) continue;
            if (rows[1].revents != 0) pass_signal();
            if ((rows[2].revents & (POLLIN | POLLHUP | POLLERR)) != 0) take_output();
            if ((rows[2].revents & POLLOUT) != 0) give_input();
            if (rows[3].revents != 0) take_input();
            if (rows[4].revents != 0) pass_on_notification();
            ended_ = rows[0].revents != 0;
        }
        drain();
    }

    void drain() {
        while (session_.terminal && has_more_output()) take_output();
    }

private:
    [[nodiscard]] int master() const { return session_.terminal.get(); }
    [[nodiscard]] bool takes_input() const { return session_.terminal && reads_input_ && input_.empty(); }

    /// Once; what the program says later is not for our manager.
    void pass_on_notification() {
        const auto ready = pass_on_readiness(session_.notifications.get(), session_.process.pid);
        if (!ready || *ready) session_.notifications.reset();
    }

    void pass_signal() {
        signalfd_siginfo info{};
        if (::read(signals_, &info, sizeof info) != sizeof info) return;
        const int number = static_cast<int>(info.ssi_signo);
        if (number == SIGWINCH && session_.terminal) return copy_size(master());
        static_cast<void>(kernel::send_signal(session_.process.pidfd, number));
    }

    /// What the program printed last takes the kernel a moment to hand over.
    [[nodiscard]] bool has_more_output() const {
        pollfd row{.fd = master(), .events = POLLIN, .revents = 0};
        return ::poll(&row, 1, kLastOutputPatience) > 0;
    }

    void take_output() {
        std::array<char, 16384> buffer;
        const auto size = ::read(master(), buffer.data(), buffer.size());
        if (size > 0) {
            static_cast<void>(kernel::write_all(STDOUT_FILENO, {buffer.data(), static_cast<std::size_t>(size)}));
            return;
        }
        // EIO: nobody has the other end open any more.
        if (size == 0 || (errno != EAGAIN && errno != EINTR)) session_.terminal.reset();
    }

    void take_input() {
        std::array<char, 4096> buffer;
        const auto size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
        if (size > 0) input_.assign(buffer.data(), static_cast<std::size_t>(size));
        reads_input_ = size > 0 || errno == EINTR;
    }

    void give_input() {
        if (!session_.terminal) return;
        const auto size = ::write(master(), input_.data(), input_.size());
        if (size > 0) input_.erase(0, static_cast<std::size_t>(size));
    }

    Session& session_;
    int signals_;
    std::string input_;  // read, but not yet taken by the terminal
    bool reads_input_ = true;
    bool ended_ = false;
};

/// An init that a helper made came to us as to its nearest subreaper.
Result<int> exit_code(const Session& session) {
    const auto status = TRY(kernel::wait_exit(session.process.pidfd));
    return status.signaled ? kSignalBase + status.value : status.value;
}

}  // namespace

void prepare_terminal(int master) {
    termios settings{};
    if (::tcgetattr(master, &settings) == 0) {
        settings.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
        ::tcsetattr(master, TCSANOW, &settings);
    }
    copy_size(master);
}

void drain_terminal(Session& session) {
    if (session.terminal) Attendance(session, -1).drain();
}

Result<> hold_signals() {
    const auto set = held_signals();
    return ::sigprocmask(SIG_BLOCK, &set, nullptr) < 0 ? fail_errno(errno, "sigprocmask") : Result<>();
}

Result<int> attend(Session& session) {
    const auto set = held_signals();
    const UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals) return fail_errno(errno, "signalfd");
    if (session.terminal) {
        kernel::RawMode raw(STDIN_FILENO);
        if (raw.read()) raw.enter();
        Attendance(session, signals.get()).run();
    } else {
        Attendance(session, signals.get()).run();
    }
    return exit_code(session);
}

}  // namespace xctl::runtime
