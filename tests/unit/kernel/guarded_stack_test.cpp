// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "lib/kernel/guarded_stack.hpp"

namespace xctl::test {
namespace {

using kernel::GuardedStack;

constexpr std::size_t kSize = 64 * 1024;

/// How a child ended that wrote there.
int write_in_child(std::byte* where) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::signal(SIGSEGV, SIG_DFL);
        *static_cast<volatile std::byte*>(where) = std::byte{1};
        ::_exit(0);
    }
    int status = -1;
    ::waitpid(pid, &status, 0);
    return status;
}

bool dies_of_it(std::byte* where) {
    const int status = write_in_child(where);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

TEST(GuardedStack, CanBeUsedAsAWhole) {
    const auto stack = GuardedStack::make(kSize, 4096);
    ASSERT_TRUE(stack);
    ASSERT_EQ(stack->bytes().size(), kSize);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(stack->bytes().data()) % 4096, 0U);
    for (auto& byte : stack->bytes()) byte = std::byte{1};
}

TEST(GuardedStack, NothingBelowItCanBeTouched) {
    const auto stack = GuardedStack::make(kSize, 0);
    ASSERT_TRUE(stack);
    auto* const lowest = stack->bytes().data();
    EXPECT_EQ(write_in_child(lowest), 0);
    EXPECT_TRUE(dies_of_it(lowest - 1));
    EXPECT_TRUE(dies_of_it(lowest - GuardedStack::kGuardSize / 2));
    EXPECT_TRUE(dies_of_it(lowest - GuardedStack::kGuardSize));
}

TEST(GuardedStack, IsGoneWithItsOwner) {
    std::byte* lowest = nullptr;
    {
        auto stack = GuardedStack::make(kSize, 0);
        ASSERT_TRUE(stack);
        lowest = stack->bytes().data();
        const GuardedStack moved = std::move(*stack);
        EXPECT_TRUE(stack->bytes().empty());
        EXPECT_EQ(write_in_child(moved.bytes().data()), 0);
    }
    EXPECT_TRUE(dies_of_it(lowest));
}

TEST(GuardedStack, IsRefusedWhenThereIsNoMemoryForIt) {
    const auto stack = GuardedStack::make(std::size_t{1} << 60, 0);
    ASSERT_FALSE(stack);
    EXPECT_EQ(stack.error().message, "mmap of a stack: Cannot allocate memory");
}

}  // namespace
}  // namespace xctl::test
