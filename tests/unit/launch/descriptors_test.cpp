// SPDX-License-Identifier: LGPL-2.1-or-later
// What an init holds of its launcher's: the descriptors that are to be preserved, and the memory that both share.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "lib/kernel/file.hpp"
#include "lib/kernel/process.hpp"
#include "lib/kernel/socket.hpp"
#include "lib/launch/channel.hpp"
#include "tests/unit/launch/fixture.hpp"

namespace xctl::test {
namespace {

constexpr int kFirst = 3;

/// Of a launch that is to preserve all up to `last`.
std::string refusal(int last) {
    launch::Descriptors descriptors;
    descriptors.preserved = last - kFirst + 1;
    const auto launched = launch::launch(plan::LaunchPlan(), std::move(descriptors), launch::Parent::sibling);
    if (!launched) return launched.error().message;
    return "launched";
}

/// The lowest number that is not open.
int first_free() { return UniqueFd(::fcntl(0, F_DUPFD_CLOEXEC, kFirst)).get(); }

/// All below `end` is passed to who we execute.
class Passed {
public:
    explicit Passed(int end) : end_(end) { change(0); }
    Passed(const Passed&) = delete;
    Passed& operator=(const Passed&) = delete;
    ~Passed() { change(FD_CLOEXEC); }

private:
    void change(int flags) const {
        for (int fd = kFirst; fd < end_; ++fd) ::fcntl(fd, F_SETFD, flags);
    }
    int end_;
};

std::string text_for(int fd) {
    return "cannot preserve descriptor " + std::to_string(fd) + " of " + std::to_string(fd - kFirst + 1) +
           " from 3 on: the caller did not pass it";
}

TEST(Preserved, OneThatIsNotOpenIsNamed) {
    const int free = first_free();
    const Passed others(free);
    EXPECT_EQ(refusal(free), text_for(free));
}

TEST(Preserved, OneOfOursIsNotWhatWasPassed) {
    const UniqueFd ours(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const Passed others(ours.get());
    EXPECT_EQ(refusal(ours.get()), text_for(ours.get()));
}

/// What the descriptors of the init led to when a createContainer hook ran, a line each.
std::vector<std::string> seen_by_hook(plan::LaunchPlan plan) {
    const TemporaryDirectory directory;
    const auto list = directory.path() / "list";
    const std::string script = "while read -r key value; do [ \"$key\" != PPid: ] || init=$value; done </proc/self/status; "
                               "for fd in /proc/$init/fd/*; do readlink $fd; done >" + list.string();
    plan.hooks.create_container = {{.path = "/bin/sh", .args = {"sh", "-c", script}, .env = {"PATH=/usr/bin:/bin"}}};
    const auto outcome = run(plan);
    EXPECT_TRUE(outcome && !outcome->failure);
    std::ifstream file(list);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
}

TEST_F(Launch, TheSourceOfTheRootIsClosedWhenTheRootIsThere) {
    const BusyboxRoot root;
    const auto lines = seen_by_hook(make_plan(root, "true"));
    // The root itself has the same path, since it is mounted there.
    EXPECT_EQ(std::ranges::count(lines, root.path()), 1);
}

/// When it waits for its start, as a created container does.
TEST_F(Launch, NothingOfTheHostIsLeftWhenItIsReady) {
    const BusyboxRoot root;
    auto plan = make_plan(root, "true");
    plan.root.masked_paths.push_back("/proc/interrupts");
    std::vector<std::string> left;
    const auto look = [&](pid_t pid) {
        for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"))
            if (std::stoi(entry.path().filename()) > 2) left.push_back(std::filesystem::read_symlink(entry.path()));
    };
    const auto outcome = run(plan, {.when_ready = look});
    ASSERT_TRUE(outcome && !outcome->failure);
    ASSERT_EQ(left.size(), 1U);
    EXPECT_TRUE(left.front().starts_with("socket:")) << left.front();
}

/// The mapping in which the process's stack pointer lies, and the permissions of the one right below it.
struct StackArea {
    std::size_t size = 0, guard = 0;
    std::string below;
};

std::optional<StackArea> stack_of(pid_t pid) {
    std::ifstream calls("/proc/" + std::to_string(pid) + "/syscall");
    std::string word, stack_pointer;
    for (int i = 0; i < 8 && calls >> word; ++i) stack_pointer = word;
    if (stack_pointer.empty()) return std::nullopt;
    const auto address = std::stoull(stack_pointer, nullptr, 16);
    std::ifstream maps("/proc/self/maps");
    unsigned long long before_begin = 0, before_end = 0;
    std::string before_rights;
    for (std::string line; std::getline(maps, line);) {
        std::istringstream words(line);
        unsigned long long begin = 0, end = 0;
        char dash = 0;
        std::string rights;
        words >> std::hex >> begin >> dash >> end >> rights;
        if (address >= begin && address < end)
            return StackArea{.size = end - begin,
                             .guard = before_end == begin ? before_end - before_begin : 0,
                             .below = before_end == begin ? before_rights : "nothing"};
        before_begin = begin;
        before_end = end;
        before_rights = rights;
    }
    return std::nullopt;
}

/// True if the init's stack has a guard. Ends with the init, which shares our memory until then.
bool has_guarded_stack(const plan::LaunchPlan& plan) {
    auto [ours, theirs] = kernel::make_socket_pair(SOCK_SEQPACKET).value();
    launch::Descriptors descriptors;
    descriptors.channel = std::move(theirs);
    descriptors.placed = true;
    for (auto& stream : descriptors.stdio) stream.reset(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const auto launched = launch::launch(plan, std::move(descriptors), launch::Parent::child);
    if (!launched) return false;
    pollfd wait{.fd = ours.get(), .events = POLLIN, .revents = 0};
    ::poll(&wait, 1, 60'000);
    const auto received = launch::receive(ours.get());
    const bool ready = received && *received && (*received)->message.kind == launch::MessageKind::ready;
    // What comes next is that it waits, on its stack.
    ::usleep(100'000);
    const auto stack = ready ? stack_of(launched->pid) : std::nullopt;
    const bool ended = kernel::send_signal(launched->pidfd.get(), SIGKILL) && kernel::wait_exit(launched->pidfd.get());
    return stack && ended && stack->size == 256 * 1024 && stack->guard >= 64 * 1024 && stack->below == "---p";
}

TEST_F(Launch, TheStackOfAnInitThatSharesMemoryHasAGuard) {
    if (!kernel::kCanShareMemory) GTEST_SKIP() << "this build shares no memory with an init";
    const BusyboxRoot root;
    const auto plan = make_plan(root, "true");
    auto child = kernel::clone_process({});
    ASSERT_TRUE(child);
    if (child->pid == 0) ::_exit(has_guarded_stack(plan) ? 0 : 1);
    const auto status = kernel::wait_exit(child->pidfd.get());
    ASSERT_TRUE(status);
    EXPECT_EQ(*status, (kernel::ExitStatus{false, 0, false}));
}

}  // namespace
}  // namespace xctl::test
