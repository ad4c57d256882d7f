// SPDX-License-Identifier: LGPL-2.1-or-later
// Filters are run by an interpreter of classic BPF, so that no test process is ever confined.
#include "lib/kernel/seccomp.hpp"

#include <errno.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <cstring>

#include "lib/kernel/capabilities.hpp"

namespace xctl::kernel {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kNative = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kNative = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kNative = 0;
#endif

constexpr std::uint32_t kUnexpected = 0xdeadbeef;

std::uint32_t run(const std::vector<std::uint64_t>& program, const seccomp_data& data) {
    std::uint32_t a = 0;
    for (std::size_t at = 0; at < program.size(); ++at) {
        sock_filter in{};
        std::memcpy(&in, &program[at], sizeof in);
        const auto jump = [&](bool taken) { at += taken ? in.jt : in.jf; };
        switch (in.code) {
            case BPF_LD | BPF_W | BPF_ABS:
                if (in.k + 4 > sizeof data) return kUnexpected;
                std::memcpy(&a, reinterpret_cast<const char*>(&data) + in.k, 4);
                break;
            case BPF_ALU | BPF_AND | BPF_K: a &= in.k; break;
            case BPF_JMP | BPF_JEQ | BPF_K: jump(a == in.k); break;
            case BPF_JMP | BPF_JGT | BPF_K: jump(a > in.k); break;
            case BPF_JMP | BPF_JGE | BPF_K: jump(a >= in.k); break;
            case BPF_JMP | BPF_JSET | BPF_K: jump((a & in.k) != 0); break;
            case BPF_JMP | BPF_JA: at += in.k; break;
            case BPF_RET | BPF_K: return in.k;
            default: return kUnexpected;
        }
    }
    return kUnexpected;
}

std::uint32_t call(const std::vector<std::uint64_t>& program, long number, std::uint64_t first_argument = 0,
                   std::uint32_t arch = kNative) {
    seccomp_data data{};
    data.nr = static_cast<int>(number);
    data.arch = arch;
    data.args[0] = first_argument;
    return run(program, data);
}

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
