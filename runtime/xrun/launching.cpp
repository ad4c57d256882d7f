// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/launching.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <span>

#include "lib/base/fd.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/socket.hpp"
#include "lib/launch/channel.hpp"
#include "lib/launch/parent/failure_text.hpp"
#include "runtime/listen_fds.hpp"

namespace xctl::runtime {
namespace {

using launch::MessageKind;

constexpr int kFirstPreserved = 3;
constexpr std::uint64_t kMaxPreserved = 1024;

/// The next message; Errc::cancelled at the end.
Result<launch::Received> next_message(int channel) {
    while (true) {
        auto received = TRY(launch::receive(channel));
        if (received) return std::move(*received);
        pollfd waiting{.fd = channel, .events = POLLIN, .revents = 0};
        ::poll(&waiting, 1, -1);
    }
}

/// They, and their tests, look for these words.
Error as_engines_know_it(Error error) {
    constexpr std::string_view kStep = "mount ";
    if (error.step != "mount" || !error.message.starts_with(kStep)) return error;
    const auto words = errno_text(error.sys_errno);
    if (const auto at = error.message.find(words); at != std::string::npos && !words.empty())
        error.message[at] = static_cast<char>(std::tolower(static_cast<unsigned char>(words[0])));
    error.message = "error during container init: error mounting " + error.message.substr(kStep.size());
    return error;
}

class Supervisor {
public:
    Supervisor(const plan::LaunchPlan& plan, Session& session, const std::string& console_socket,
               const Assistance& assistance)
        : plan_(plan), session_(session), console_socket_(console_socket), assistance_(assistance) {}

    /// The process goes on meanwhile, until it needs its cgroup.
    Result<> place() { return assistance_.place ? assistance_.place(session_.process) : Result<>(); }

    Result<> until_ready() {
        while (true) {
            auto received = next_message(session_.channel.get());
            if (!received && received.error().code == Errc::cancelled)
                return fail(Errc::launch_failed, "the container's init ended unexpectedly");
            if (!received) return std::unexpected(std::move(received).error());
            if (received->message.kind == MessageKind::ready) return {};
            TRY(answer(*received));
        }
    }

private:
    Result<> answer(launch::Received& received) {
        const int channel = session_.channel.get();
        switch (received.message.kind) {
            case MessageKind::console: return take_terminal(std::move(received.fd));
            case MessageKind::await_placement: return launch::send(channel, MessageKind::placed);
            case MessageKind::await_hooks:
                TRY(assistance_.run_hooks(session_.process.pid));
                return launch::send(channel, MessageKind::hooks_done);
            case MessageKind::failed:
                return std::unexpected(as_engines_know_it(launch::describe_failure(received.message, plan_)));
            default: return fail(Errc::launch_failed, "the container's init said something unexpected");
        }
    }

    Result<> take_terminal(UniqueFd master) {
        if (!console_socket_.empty()) return send_terminal(console_socket_, master.get());
        session_.terminal = std::move(master);
        return {};
    }

    const plan::LaunchPlan& plan_;
    Session& session_;
    const std::string& console_socket_;
    const Assistance& assistance_;
};

}  // namespace

Result<> send_terminal(const std::string& socket_path, int master) {
    unsigned number = 0;
    if (::ioctl(master, TIOCGPTN, &number) < 0) return fail_errno(errno, "TIOCGPTN");
    const auto name = "/dev/pts/" + std::to_string(number);
    const auto socket = TRY(kernel::connect_unix(socket_path, SOCK_STREAM), "console socket");
    return kernel::send_with_fds(socket.get(), std::as_bytes(std::span(name)), std::span(&master, 1));
}

Result<> check_terminal(const Arguments& arguments, bool terminal, bool detached) {
    const bool has_socket = !arguments.console_socket.empty();
    if (detached && terminal && !has_socket)
        return fail(Errc::invalid_argument, "cannot allocate tty if runc will detach without setting console socket");
    if (has_socket && !(detached && terminal))
        return fail(Errc::invalid_argument,
                    "cannot use console socket if runc will not detach or allocate tty");
    return {};
}

Result<int> preserve_descriptors(const Arguments& arguments, plan::Process& process) {
    const auto listening = count_listen_fds();
    const auto asked = arguments.preserve_fds.empty() ? 0 : TRY(parse_unsigned(arguments.preserve_fds), "preserve-fds");
    const auto count = static_cast<std::uint64_t>(listening) + asked;
    if (count > kMaxPreserved) return fail(Errc::invalid_argument, "too many descriptors to preserve");
    announce_listen_fds(process, listening);
    return static_cast<int>(count);
}

Result<Session> launch_process(const plan::LaunchPlan& plan, launch::Descriptors descriptors,
                               const std::string& console_socket, const Assistance& assistance) {
    auto [ours, theirs] = TRY(kernel::make_socket_pair(SOCK_SEQPACKET));
    if (!plan.process.terminal)
        for (int stream = 0; stream < 3; ++stream) {
            descriptors.stdio[stream].reset(::fcntl(stream, F_DUPFD_CLOEXEC, kFirstPreserved + descriptors.preserved));
            if (!descriptors.stdio[stream]) return fail_errno(errno, "standard stream " + std::to_string(stream));
        }
    descriptors.channel = std::move(theirs);
    descriptors.placed = !assistance.place;
    // It will find the message when it looks for one, and neither of us has to wake the other for it.
    if (assistance.go_at_once) TRY(launch::send(ours.get(), MessageKind::go));
    report_progress("launching " + (plan.process.args.empty() ? plan.id : plan.process.args.front()));
    auto launched = TRY(launch::launch(plan, std::move(descriptors), launch::Parent::child));
    report_progress("its process is " + std::to_string(launched.pid));
    Session session{.channel = std::move(ours),
                    .process = std::move(launched),
                    .terminal = {},
                    .has_gone = assistance.go_at_once,
                    .notifications = {}};
    Supervisor supervisor(plan, session, console_socket, assistance);
    auto ready = supervisor.place();
    // One that could not be placed because it has ended says why.
    const bool ended = !ready && ready.error().code == Errc::launch_failed;
    if (auto said = ready || ended ? supervisor.until_ready() : Result<>(); !said) ready = std::move(said);
    if (ready) {
        report_progress("its process is ready");
        return session;
    }
    static_cast<void>(kernel::send_signal(session.process.pidfd, SIGKILL));
    static_cast<void>(kernel::wait_exit(session.process.pidfd));
    return std::unexpected(std::move(ready).error().context("unable to start container process"));
}

Result<> send_go(Session& session) {
    if (std::exchange(session.has_gone, true)) return {};
    return launch::send(session.channel.get(), MessageKind::go);
}

Result<> await_program(int channel, const std::function<Result<plan::LaunchPlan>()>& plan) {
    auto received = next_message(channel);
    if (!received && received.error().code == Errc::cancelled) return {};
    if (!received) return std::unexpected(std::move(received).error());
    if (received->message.kind != MessageKind::failed)
        return fail(Errc::launch_failed, "the container's init said something unexpected");
    return std::unexpected(launch::describe_failure(received->message, TRY(plan()))
                               .context("unable to start container process"));
}

Result<> announce(const Arguments& arguments, const launch::Launched& process, std::string_view what) {
    if (!arguments.pidfd_socket.empty()) {
        const auto socket = TRY(kernel::connect_unix(arguments.pidfd_socket, SOCK_STREAM), "pidfd socket");
        const int pidfd = process.pidfd.get();
        TRY(kernel::send_with_fds(socket.get(), std::as_bytes(std::span(what)), std::span(&pidfd, 1)), "pidfd socket");
    }
    if (arguments.pid_file.empty()) return {};
    return kernel::replace_file_at(kCurrentDirectory, arguments.pid_file, std::to_string(process.pid));
}

}  // namespace xctl::runtime
