// SPDX-License-Identifier: LGPL-2.1-or-later
// Definitions and records are saved whole or not at all: a child that saves is killed at each of its system calls, once
// before and once after the call is carried out. What must survive a power failure is flushed before it is named.
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "daemon/definition/definitions.hpp"
#include "daemon/run/run_directory.hpp"
#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::run {
namespace {

/// A child that stops at every system call of `work`, before and after.
class Traced {
public:
    explicit Traced(const std::function<void()>& work) : pid_(::fork()) {
        if (pid_ == 0) {
            ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
            ::raise(SIGSTOP);
            work();
            ::_exit(0);
        }
        EXPECT_EQ(wait(), SIGSTOP);
        EXPECT_EQ(::ptrace(PTRACE_SETOPTIONS, pid_, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);
    }
    ~Traced() {
        if (ended_) return;
        ::kill(pid_, SIGKILL);
        while (!ended_) wait();
    }
    Traced(const Traced&) = delete;
    Traced& operator=(const Traced&) = delete;

    /// False when it has ended.
    bool step() {
        EXPECT_EQ(::ptrace(PTRACE_SYSCALL, pid_, nullptr, nullptr), 0);
        const int signal = wait();
        EXPECT_TRUE(ended_ || signal == (SIGTRAP | 0x80)) << signal;
        return !ended_;
    }
    /// The number of the call that it is about to make; nothing after a call.
    [[nodiscard]] std::optional<long> call() const {
        struct __ptrace_syscall_info info {};
        if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid_, sizeof info, &info) < 0) return std::nullopt;
        if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return std::nullopt;
        return static_cast<long>(info.entry.nr);
    }

private:
    int wait() {
        int status = 0;
        EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
        ended_ = !WIFSTOPPED(status);
        return ended_ ? 0 : WSTOPSIG(status);
    }

    pid_t pid_;
    bool ended_ = false;
};

/// Saves in a child that dies at the first stop, then at the second and so on, until one gets to the end. After each,
/// `check` looks at what is there; `reset` then makes it as it was.
int kill_everywhere(const std::function<void()>& save, const std::function<void()>& check,
                    const std::function<void()>& reset) {
    for (int kills = 0;; ++kills) {
        reset();
        bool alive = true;
        {
            Traced child(save);
            for (int stop = 0; alive && stop <= kills; ++stop) alive = child.step();
        }
        check();
        if (!alive || testing::Test::HasFailure()) return kills;
    }
}

class SaveKillTest : public testing::Test {
protected:
    [[nodiscard]] std::string path(const std::string& file) const { return directory_.path() / file; }
    [[nodiscard]] std::string bundle() const {
        const auto loaded = definitions_.load(name_);
        return loaded ? loaded->bundle : "error: " + loaded.error().message;
    }

    test::TemporaryDirectory directory_;
    definition::Definitions definitions_{{path("etc"), path("run"), path("usr")}};
    ContainerId name_ = ContainerId::parse("web").value();
};

/// At least: open, write, fsync, rename, fsync and close, each before and after.
constexpr int kFewestStops = 12;

TEST_F(SaveKillTest, ADefinitionIsTheOldOneOrTheNewOne) {
    definition::Definition made;
    made.bundle = "/new";
    made.config_patch = R"({"a": ")" + std::string(100'000, 'x') + R"("})";
    const auto save = [&] { (void)definitions_.save(name_, made, definition::Definitions::Lifetime::lasting); };
    bool seen_old = false, seen_new = false;
    const auto check = [&] {
        const auto now = bundle();
        seen_old |= now == "/old";
        seen_new |= now == "/new";
        EXPECT_TRUE(now == "/old" || now == "/new") << now;
        EXPECT_EQ(definitions_.list().size(), 1u);
        // What a death left behind is not in the way.
        save();
        EXPECT_EQ(bundle(), "/new");
    };
    const auto stops = kill_everywhere(save, check, [&] { directory_.write("etc/web.json", R"({"bundle": "/old"})"); });
    EXPECT_GE(stops, kFewestStops);
    EXPECT_TRUE(seen_old && seen_new);
}

TEST_F(SaveKillTest, ANewDefinitionIsThereOrNot) {
    definition::Definition made;
    made.bundle = "/new";
    const auto save = [&] { (void)definitions_.save(name_, made, definition::Definitions::Lifetime::lasting); };
    const auto check = [&] {
        EXPECT_EQ(definitions_.exists(name_), bundle() == "/new");
        EXPECT_EQ(definitions_.list().size(), definitions_.exists(name_) ? 1u : 0u);
    };
    EXPECT_GE(kill_everywhere(save, check, [&] { std::filesystem::remove_all(path("etc")); }), kFewestStops);
}

TEST_F(SaveKillTest, ADropInIsTheOldOneOrTheNewOne) {
    directory_.write("etc/web.json", R"({"bundle": "/x"})");
    const definition::NamedText drop_in{path("etc/web.json.d/50-set.json"), R"({"restart": {"limit": 2}})"};
    const auto check = [&] {
        const auto loaded = definitions_.load(name_);
        ASSERT_TRUE(loaded) << loaded.error().message;
        EXPECT_TRUE(loaded->restart.limit == 2 || loaded->restart.limit == definition::Definition().restart.limit);
    };
    const auto stops = kill_everywhere([&] { (void)definitions_.write(drop_in); }, check,
                                       [&] { std::filesystem::remove_all(path("etc/web.json.d")); });
    EXPECT_GE(stops, kFewestStops);
}

TEST_F(SaveKillTest, ARecordIsTheOldOneOrTheNewOne) {
    model::Record before, after;
    before.unit = "before";
    after.unit = "after";
    const auto save = [&](const model::Record& record) {
        const auto directory = RunDirectory::open(path("state"), name_);
        ASSERT_TRUE(directory && directory->save(record) && directory->save_running(record.unit));
    };
    const auto check = [&] {
        const auto directory = RunDirectory::open(path("state"), name_);
        ASSERT_TRUE(directory);
        const auto unit = directory->load().unit, running = directory->load_running();
        EXPECT_TRUE(unit == "before" || unit == "after") << unit;
        EXPECT_TRUE(running == "before" || running == "after") << running;
    };
    EXPECT_GE(kill_everywhere([&] { save(after); }, check, [&] { save(before); }), kFewestStops);
}

TEST_F(SaveKillTest, WhatMustSurviveAPowerFailureIsFlushedInOrder) {
    definition::Definition made;
    made.bundle = "/new";
    std::vector<long> calls;
    Traced child([&] { (void)definitions_.save(name_, made, definition::Definitions::Lifetime::lasting); });
    while (child.step()) {
        const auto call = child.call().value_or(-1);
        if (call == SYS_mkdir || call == SYS_mkdirat) calls.push_back(SYS_mkdir);
        if (call == SYS_write || call == SYS_fsync) calls.push_back(call);
        if (call == SYS_rename || call == SYS_renameat || call == SYS_renameat2) calls.push_back(SYS_rename);
    }
    // The directory that is made, in its parent; then the content before its name, and the name.
    const std::vector<long> wanted{SYS_mkdir, SYS_fsync, SYS_write, SYS_fsync, SYS_rename, SYS_fsync};
    EXPECT_EQ(calls, wanted);
}

}  // namespace
}  // namespace xctl::run
