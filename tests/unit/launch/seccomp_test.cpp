// SPDX-License-Identifier: LGPL-2.1-or-later
// Filters whose notifications somebody else handles.
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <thread>

#include "lib/kernel/socket.hpp"
#include "tests/unit/launch/fixture.hpp"

namespace xctl::test {
namespace {

constexpr std::uint64_t bpf(std::uint64_t code, std::uint64_t jt, std::uint64_t jf, std::uint64_t k) {
    return code | jt << 16 | jf << 24 | k << 32;
}

/// Notifies of one call and allows the others.
std::vector<std::uint64_t> notifying_of(long number) {
    return {bpf(0x20, 0, 0, 0), bpf(0x15, 0, 1, static_cast<std::uint64_t>(number)), bpf(0x06, 0, 0, 0x7fc00000),
            bpf(0x06, 0, 0, 0x7fff0000)};
}

/// Takes the descriptor and lets every call fail with one errno, until the container is gone.
class Handler {
public:
    Handler(const std::string& path, int error)
        : socket_(kernel::listen_unix(path, SOCK_STREAM, 0600).value()), error_(error), thread_([this] { handle(); }) {}
    ~Handler() { join(); }
    void join() {
        ::shutdown(socket_.get(), SHUT_RDWR);
        if (thread_.joinable()) thread_.join();
    }
    std::string message;
    int count = 0;

private:
    void handle() {
        const UniqueFd connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!connection) return;
        std::array<char, 4096> buffer{};
        const auto packet = kernel::receive_with_fds(connection.get(), std::as_writable_bytes(std::span(buffer)));
        if (!packet || packet->fds.empty()) return;
        message.assign(buffer.data(), packet->size);
        seccomp_notif call{};
        while (::ioctl(packet->fds[0].get(), SECCOMP_IOCTL_NOTIF_RECV, &call) == 0) {
            seccomp_notif_resp answer{.id = call.id, .val = 0, .error = -error_, .flags = 0};
            if (::ioctl(packet->fds[0].get(), SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0) ++count;
            call = {};
        }
    }

    UniqueFd socket_;
    int error_;
    std::thread thread_;
};

class LaunchNotifying : public Launch {
protected:
    plan::LaunchPlan make_notifying_plan(const std::string& command, long number) {
        auto plan = make_plan(root_, command);
        plan.process.seccomp.filter = notifying_of(number);
        plan.process.seccomp.flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG;
        plan.process.seccomp.listener = socket();
        plan.process.seccomp.message = {"{\"pid\":", ",\"again\":", "}"};
        return plan;
    }
    [[nodiscard]] std::string socket() const { return (root_.directory().path() / "agent").string(); }
    BusyboxRoot root_;
};

TEST_F(LaunchNotifying, HandsTheDescriptorOver) {
    for (const bool no_new_privileges : {false, true}) {
        Handler handler(socket(), EXDEV);
        auto plan = make_notifying_plan("mkdir /tmp/x 2>&1 | grep -o 'Invalid cross-device link'; "
                                        "echo /proc/self/fd/[4-9]; grep -c . /proc/self/task/*/comm", SYS_mkdir);
        plan.process.no_new_privileges = no_new_privileges;
        RunOptions options;
        pid_t pid = 0;
        options.when_ready = [&](pid_t init) { pid = init; };
        EXPECT_EQ(output_of(plan, options), "Invalid cross-device link\n/proc/self/fd/[4-9]\n1\n");
        handler.join();
        const auto text = std::to_string(pid);
        EXPECT_EQ(handler.message, "{\"pid\":" + text + ",\"again\":" + text + "}");
        EXPECT_EQ(handler.count, 1);
    }
}

// What we would have to call for sending is among the calls that wait for the handler.
TEST_F(LaunchNotifying, CannotWaitForItself) {
    Handler handler(socket(), EPERM);
    EXPECT_EQ(output_of(make_notifying_plan("echo alive", SYS_sendmsg)), "alive\n");
    handler.join();
    EXPECT_EQ(handler.count, 0);
}

TEST_F(LaunchNotifying, FailsWithoutAHandler) {
    const auto failure = failure_of(make_notifying_plan("true", SYS_mkdir));
    EXPECT_EQ(failure.message.find("seccomp " + socket() + ": "), 0U) << failure.message;
}

}  // namespace
}  // namespace xctl::test
