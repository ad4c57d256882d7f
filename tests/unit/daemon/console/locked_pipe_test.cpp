// SPDX-License-Identifier: LGPL-2.1-or-later
// A container that keeps its pipes locked: its console waits for it, and nobody else does.
#include <linux/kcmp.h>
#include <sys/wait.h>

#include <fstream>
#include <iterator>

#include "daemon/console/console.hpp"
#include "tests/unit/daemon/console/console_fixture.hpp"

namespace xctl::console {
namespace {

using namespace test;
using namespace std::chrono_literals;

/// A process of a container in one system call that will not return.
class Holder {
public:
    explicit Holder(const std::function<void()>& hold) : pid_(::fork()) {
        if (pid_ == 0) {
            hold();
            ::_exit(0);
        }
        while (!is_in(SYS_splice) && ::waitpid(pid_, nullptr, WNOHANG) == 0) ::usleep(1000);
        EXPECT_TRUE(is_in(SYS_splice));
    }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    ~Holder() { let_go(); }

    void let_go() {
        if (pid_ < 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(std::exchange(pid_, -1), nullptr, 0);
    }

private:
    [[nodiscard]] bool is_in(long call) const {
        std::ifstream file(std::format("/proc/{}/syscall", pid_));
        long number = -1;
        return file >> number && number == call;
    }

    pid_t pid_;
};

/// A console that waits for a locked pipe waits for ever here, unless the test lets the pipe go.
class LockedPipeTest : public ConsoleFixture {
protected:
    LockedPipeTest() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        near_.reset(ends[0]);
        far_.reset(ends[1]);
        begin_pipes();
        are_pipes_locked_ = true;
        for (const auto* fd : {&in_, &out_}) (void)::fcntl(fd->get(), F_SETFL, 0);
    }

    /// Splices what never comes into its output.
    [[nodiscard]] std::unique_ptr<Holder> lock_output() {
        return std::make_unique<Holder>([this] { (void)::splice(near_.get(), nullptr, out_.get(), nullptr, 4096, 0); });
    }
    /// Splices its input into a socket that nobody reads.
    [[nodiscard]] std::unique_ptr<Holder> lock_input() {
        EXPECT_EQ(::write(console_in(), "x", 1), 1);
        const std::string much(1 << 20, '-');
        while (::send(near_.get(), much.data(), much.size(), MSG_DONTWAIT) > 0) {
        }
        return std::make_unique<Holder>([this] { (void)::splice(in_.get(), nullptr, near_.get(), nullptr, 1, 0); });
    }
    /// The console's own end of the input.
    [[nodiscard]] int console_in() const {
        for (const auto& held : console_->held())
            if (held.role == ConsoleRole::standard_input) return held.fd;
        return -1;
    }

    UniqueFd near_, far_;
};

TEST_F(LockedPipeTest, OutputWaitsForTheContainerAndNobodyElseDoes) {
    ASSERT_EQ(::write(out_.get(), "up\n", 3), 3);
    const auto holder = lock_output();
    settle();
    auto viewer = attach(framed());
    EXPECT_EQ(console_->ring().end(), 0u);
    holder->let_go();
    wait_for([&] { return console_->ring().end() == 3; });
    // And it goes on.
    ASSERT_EQ(::write(err_.get(), "error\n", 6), 6);
    ASSERT_EQ(::write(out_.get(), "more\n", 5), 5);
    wait_for([&] { return console_->ring().end() == 14; });
    end_pipes(0);
}

TEST_F(LockedPipeTest, WhoeverMayHelpHearsOfIt) {
    pid_t stuck = -1;
    console_->set_hang_listener([&](pid_t pid) { stuck = pid; });
    ASSERT_EQ(::write(out_.get(), "up\n", 3), 3);
    const auto holder = lock_output();
    wait_for([&] { return stuck > 0; });
    EXPECT_EQ(::kill(stuck, 0), 0);
    holder->let_go();
    wait_for([&] { return console_->ring().end() == 3; });
}

TEST_F(LockedPipeTest, InputWaitsForTheContainerAndKeepsItsOrder) {
    const auto holder = lock_input();
    console_->write_input("hello ");
    console_->write_input("world");
    settle();
    holder->let_go();
    (void)::fcntl(in_.get(), F_SETFL, O_NONBLOCK);
    std::string seen;
    wait_for([&] {
        seen += read_available(in_.get());
        return seen.ends_with("hello world");
    });
    // What the one that was killed had taken is gone with it, or is here.
    EXPECT_TRUE(seen == "hello world" || seen == "xhello world") << seen;
}

TEST_F(LockedPipeTest, TheEndOfARunWaitsForNobody) {
    ASSERT_EQ(::write(out_.get(), "up\n", 3), 3);
    const auto holder = lock_output();
    settle();
    console_->close_run();
}

/// As a child of ours does before it executes something: epoll(7) would go on to watch them.
TEST_F(LockedPipeTest, AWorkerMayDieWhileSomebodyHasOurDescriptors) {
    ASSERT_EQ(::write(out_.get(), "up\n", 3), 3);
    const auto holder = lock_output();
    settle();
    const pid_t other = ::fork();
    if (other == 0) {
        ::pause();
        ::_exit(0);
    }
    console_->close_run();
    holder->let_go();
    for (int i = 0; i < 20; ++i) {
        ::usleep(10'000);
        settle();
    }
    ::kill(other, SIGKILL);
    ::waitpid(other, nullptr, 0);
}

TEST_F(LockedPipeTest, TheScrollbackKeepsItsSizeMeanwhile) {
    ASSERT_EQ(::write(out_.get(), "up\n", 3), 3);
    const auto holder = lock_output();
    settle();
    EXPECT_TRUE(console_->resize_ring(directory_.fd(), "console", 64 * 1024));
    EXPECT_FALSE(console_->resize_ring(directory_.fd(), "console", 128 * 1024));
    holder->let_go();
    wait_for([&] { return console_->resize_ring(directory_.fd(), "console", 128 * 1024).has_value(); });
    EXPECT_EQ(console_->ring().end(), 3u);
    ASSERT_EQ(::write(out_.get(), "more\n", 5), 5);
    wait_for([&] { return console_->ring().end() == 8; });
}

/// As when the daemon is killed: what it had asked for must not be done once its successor has begun.
TEST_F(LockedPipeTest, AWorkerThatWasKilledMovesNothing) {
    auto ring = open_ring(directory_.fd(), 4096);
    const Pipe pipe;
    set_nonblocking(pipe.read_end.get());
    ASSERT_EQ(::write(pipe.write_end.get(), "kept", 4), 4);
    Holder holder([&] { (void)::splice(near_.get(), nullptr, pipe.write_end.get(), nullptr, 4096, 0); });
    auto worker = kernel::PipeWorker::start().value();
    const auto space = ring.prepare(ring::Ring::MarkKind::standard_output);
    ASSERT_TRUE(worker.begin_splice(pipe.read_end.get(), space.file, space.counter, space.room));
    EXPECT_FALSE(worker.await(50ms));
    EXPECT_FALSE(worker.end()) << "the pipe is not locked";
    holder.let_go();
    wait_for([&] { return worker.end(); });
    EXPECT_EQ(ring.end(), 0u);
    EXPECT_EQ(read_available(pipe.read_end.get()), "kept");
}

/// The test's only child.
pid_t find_worker() {
    std::ifstream children(std::format("/proc/self/task/{}/children", ::getpid()));
    pid_t worker = -1;
    // The last is the youngest; those of other tests may not have been reaped.
    for (pid_t child = -1; children >> child;) worker = child;
    EXPECT_GT(worker, 0);
    return worker;
}

/// The OOM killer of a container's cgroup kills everybody who shares the memory of the process that it chooses.
TEST_F(LockedPipeTest, AWorkerHasItsOwnMemory) {
    ASSERT_EQ(::write(out_.get(), "one\n", 4), 4);
    wait_for([&] { return console_->ring().end() == 4; });
    const pid_t worker = find_worker();
    const long order = ::syscall(SYS_kcmp, ::getpid(), worker, KCMP_VM, 0, 0);
    if (order < 0 && errno == ENOSYS) GTEST_SKIP() << "the kernel has no kcmp(2)";
    EXPECT_GT(order, 0);
    // Nor does it keep a ring in memory that is deleted or replaced.
    std::ifstream file(std::format("/proc/{}/maps", worker));
    const std::string maps(std::istreambuf_iterator<char>(file), {});
    EXPECT_NE(maps.find("libc"), std::string::npos);
    EXPECT_EQ(maps.find("/console"), std::string::npos) << maps;
}

TEST_F(LockedPipeTest, AWorkerThatIsGoneIsReplaced) {
    ASSERT_EQ(::write(out_.get(), "one\n", 4), 4);
    wait_for([&] { return console_->ring().end() == 4; });
    const pid_t worker = find_worker();
    ::kill(worker, SIGKILL);
    ASSERT_EQ(::write(out_.get(), "two\n", 4), 4);
    wait_for([&] { return console_->ring().end() == 8; });
}

}  // namespace
}  // namespace xctl::console
