// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/seccomp.hpp"

#include <errno.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "lib/kernel/capabilities.hpp"
#include "tests/unit/plan/filter_run.hpp"

namespace xctl::kernel {
namespace {

constexpr FilterVerdict kAllow{FilterAction::allow, 0};
constexpr FilterVerdict kEperm{FilterAction::errno_, EPERM};

std::vector<std::uint64_t> compiled(const FilterProfile& profile) { return compile_filter(profile).value(); }

class SeccompTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (kNative == 0) GTEST_SKIP() << "the test does not know this architecture";
    }
};

TEST_F(SeccompTest, AnAllowListRefusesTheRest) {
    const auto program =
        compiled({kEperm, {}, {{"read", kAllow, {}}, {"clone3", kAllow, {}}, {"no_such_call", kAllow, {}}}});
    EXPECT_EQ(call(program, SYS_read), SECCOMP_RET_ALLOW);
    EXPECT_EQ(call(program, SYS_write), SECCOMP_RET_ERRNO | EPERM);
}

TEST_F(SeccompTest, CallsNewerThanTheProfileDoNotExist) {
    const auto program = compiled({kEperm, {}, {{"read", kAllow, {}}, {"clone3", kAllow, {}}}});
    EXPECT_EQ(call(program, SYS_clone3), SECCOMP_RET_ALLOW);
    EXPECT_EQ(call(program, SYS_clone3 + 1), SECCOMP_RET_ERRNO | ENOSYS);
    EXPECT_EQ(call(program, 9999), SECCOMP_RET_ERRNO | ENOSYS);
    EXPECT_EQ(call(program, SYS_clone3 - 1), SECCOMP_RET_ERRNO | EPERM);
}

TEST_F(SeccompTest, ADenyListLeavesNewerCallsAlone) {
    const auto program = compiled({kAllow, {}, {{"mkdirat", {FilterAction::errno_, ENOSYS}, {}}}});
    EXPECT_EQ(call(program, SYS_mkdirat), SECCOMP_RET_ERRNO | ENOSYS);
    EXPECT_EQ(call(program, 9999), SECCOMP_RET_ALLOW);
}

TEST_F(SeccompTest, ConditionsOnOneArgumentAreAlternatives) {
    const auto program = compiled(
        {kEperm,
         {},
         {{"personality", kAllow, {{0, FilterOperator::equal, 0, 0}, {0, FilterOperator::equal, 8, 0}}}}});
    EXPECT_EQ(call(program, SYS_personality, 0), SECCOMP_RET_ALLOW);
    EXPECT_EQ(call(program, SYS_personality, 8), SECCOMP_RET_ALLOW);
    EXPECT_EQ(call(program, SYS_personality, 9), SECCOMP_RET_ERRNO | EPERM);
}

TEST_F(SeccompTest, AMaskIsComparedWithTheSecondValue) {
    const auto program =
        compiled({kAllow, {}, {{"clone", kEperm, {{0, FilterOperator::masked_equal, 0x10000000, 0x10000000}}}}});
    EXPECT_EQ(call(program, SYS_clone, 0x10000011), SECCOMP_RET_ERRNO | EPERM);
    EXPECT_EQ(call(program, SYS_clone, 0x11), SECCOMP_RET_ALLOW);
}

TEST_F(SeccompTest, EveryActionHasItsVerdict) {
    const auto verdict = [](FilterAction action) {
        return call(compiled({kAllow, {}, {{"getcwd", {action, 7}, {}}}}), SYS_getcwd);
    };
    EXPECT_EQ(verdict(FilterAction::kill_thread), SECCOMP_RET_KILL_THREAD);
    EXPECT_EQ(verdict(FilterAction::kill_process), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(verdict(FilterAction::trap), SECCOMP_RET_TRAP);
    EXPECT_EQ(verdict(FilterAction::errno_), SECCOMP_RET_ERRNO | 7);
    EXPECT_EQ(verdict(FilterAction::trace), SECCOMP_RET_TRACE | 7U);
    EXPECT_EQ(verdict(FilterAction::log), SECCOMP_RET_LOG);
}

#if defined(__x86_64__)
TEST_F(SeccompTest, OtherArchitecturesAreKilledUnlessNamed) {
    const FilterProfile native{kEperm, {}, {{"read", kAllow, {}}}};
    EXPECT_EQ(call(compiled(native), 3, 0, AUDIT_ARCH_I386), SECCOMP_RET_KILL_THREAD);
    auto both = native;
    both.architectures = {"x86", "x86_64", "x32"};
    const auto program = compiled(both);
    EXPECT_EQ(call(program, 3, 0, AUDIT_ARCH_I386), SECCOMP_RET_ALLOW);  // read
    EXPECT_EQ(call(program, 4, 0, AUDIT_ARCH_I386), SECCOMP_RET_ERRNO | ENOSYS);
    EXPECT_EQ(call(program, 0x40000000 + SYS_read), SECCOMP_RET_ALLOW);
    EXPECT_EQ(call(program, 0x40000000 + SYS_write), SECCOMP_RET_ERRNO | EPERM);
}
#endif

TEST_F(SeccompTest, AnUnknownArchitectureIsUnsupported) {
    const auto result = compile_filter({kAllow, {"z80"}, {}});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::unsupported);
}

TEST(Capabilities, AreKnownByTheirExactNames) {
    EXPECT_EQ(capability_number("CAP_CHOWN"), 0U);
    EXPECT_EQ(capability_number("CAP_SYS_ADMIN"), 21U);
    for (const auto* name : {"", "CAP_", "chown", "cap_chown", "CHOWN", "CAP_FLY", "CAP_0", "CAP_CHOWN ", "0"})
        EXPECT_EQ(capability_number(name), std::nullopt) << name;
    EXPECT_EQ(capability_name(0), "CAP_CHOWN");
    EXPECT_EQ(capability_name(63), "CAP_63");
    for (unsigned i = 0; i <= 40; ++i) EXPECT_EQ(capability_number(capability_name(i)), i);
}

}  // namespace
}  // namespace xctl::kernel
