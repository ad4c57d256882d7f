// SPDX-License-Identifier: LGPL-2.1-or-later
// The program is run by an interpreter for the few instructions it consists of.
#include "lib/plan/device_program.hpp"

#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <array>
#include <cstring>

#include "lib/plan/compile_parts.hpp"

namespace xctl::plan {
namespace {

/// The program's result; -1 for an instruction that it should not have, or one outside the program.
int run(const std::vector<std::uint64_t>& program, std::uint32_t access_type, std::uint32_t major,
        std::uint32_t minor) {
    const std::array<std::uint32_t, 3> context{access_type, major, minor};
    std::array<std::uint32_t, 11> registers{};
    for (std::size_t at = 0; at < program.size(); ++at) {
        bpf_insn in{};
        std::memcpy(&in, &program[at], sizeof in);
        auto& dst = registers.at(in.dst_reg);
        const auto imm = static_cast<std::uint32_t>(in.imm);
        const auto jump = [&](bool taken) { at += taken ? static_cast<std::size_t>(in.off) : 0; };
        switch (in.code) {
            case BPF_LDX | BPF_MEM | BPF_W: dst = context.at(static_cast<std::size_t>(in.off) / 4); break;
            case BPF_ALU | BPF_MOV | BPF_X: dst = registers.at(in.src_reg); break;
            case BPF_ALU | BPF_MOV | BPF_K: dst = imm; break;
            case BPF_ALU | BPF_AND | BPF_K: dst &= imm; break;
            case BPF_ALU | BPF_RSH | BPF_K: dst >>= imm; break;
            case BPF_JMP32 | BPF_JNE | BPF_K: jump(dst != imm); break;
            case BPF_JMP32 | BPF_JSET | BPF_K: jump((dst & imm) != 0); break;
            case BPF_JMP | BPF_JA: jump(true); break;
            case BPF_JMP | BPF_EXIT: return static_cast<int>(registers[0]);
            default: return -1;
        }
    }
    return -1;
}

constexpr std::uint32_t kChar = BPF_DEVCG_DEV_CHAR;
constexpr std::uint32_t kBlock = BPF_DEVCG_DEV_BLOCK;
constexpr std::uint32_t kReadWrite = kAccessRead | kAccessWrite;

int ask(const std::vector<DeviceRule>& rules, std::uint32_t kind, std::uint32_t access, std::uint32_t major,
        std::uint32_t minor) {
    return run(compile_device_program(rules), access << 16 | kind, major, minor);
}

TEST(DeviceProgram, DeniesWithoutRules) { EXPECT_EQ(ask({}, kChar, kAccessRead, 1, 3), 0); }

TEST(DeviceProgram, TheLastMatchingRuleWins) {
    const std::vector<DeviceRule> rules{
        {false, DeviceKind::any, {}, {}, kAccessAll},
        {true, DeviceKind::character, 1, {}, kAccessAll},
        {false, DeviceKind::character, 1, 5, kAccessAll},
    };
    EXPECT_EQ(ask(rules, kChar, kReadWrite, 1, 3), 1);
    EXPECT_EQ(ask(rules, kChar, kReadWrite, 1, 5), 0);
    EXPECT_EQ(ask(rules, kChar, kReadWrite, 2, 3), 0);
    EXPECT_EQ(ask(rules, kBlock, kReadWrite, 1, 3), 0);
    EXPECT_EQ(ask({rules.rbegin(), rules.rend()}, kChar, kReadWrite, 1, 3), 0);
}

TEST(DeviceProgram, EachKindOfAccessIsDecidedByItself) {
    const std::vector<DeviceRule> rules{
        {true, DeviceKind::any, {}, {}, kAccessAll},
        {false, DeviceKind::block, 8, 0, kAccessWrite},
    };
    EXPECT_EQ(ask(rules, kBlock, kAccessRead, 8, 0), 1);
    EXPECT_EQ(ask(rules, kBlock, kAccessWrite, 8, 0), 0);
    EXPECT_EQ(ask(rules, kBlock, kReadWrite, 8, 0), 0);
    EXPECT_EQ(ask(rules, kBlock, kAccessMknod, 8, 0), 1);
    EXPECT_EQ(ask(rules, kBlock, kReadWrite, 8, 1), 1);
}

TEST(DeviceProgram, TwoRulesMayGrantOneAccessTogether) {
    const std::vector<DeviceRule> rules{
        {true, DeviceKind::character, 10, 200, kAccessRead},
        {true, DeviceKind::character, 10, 200, kAccessWrite},
    };
    EXPECT_EQ(ask(rules, kChar, kReadWrite, 10, 200), 1);
    EXPECT_EQ(ask(rules, kChar, kAccessAll, 10, 200), 0);
}

// What engines write: deny everything, then a list.
TEST(DeviceRules, HaveTheDefaultsAppended) {
    const auto program =
        compile_device_rules({{.allow = false, .type = "a", .major = {}, .minor = {}, .access = "rwm"}});
    const auto allowed = [&](std::uint32_t kind, std::uint32_t access, std::uint32_t major, std::uint32_t minor) {
        return run(program, access << 16 | kind, major, minor);
    };
    EXPECT_EQ(allowed(kChar, kReadWrite, 1, 3), 1);     // null
    EXPECT_EQ(allowed(kChar, kReadWrite, 5, 2), 1);     // ptmx
    EXPECT_EQ(allowed(kChar, kReadWrite, 136, 77), 1);  // a pty
    EXPECT_EQ(allowed(kBlock, kAccessMknod, 8, 0), 1);
    EXPECT_EQ(allowed(kBlock, kAccessRead, 8, 0), 0);
    EXPECT_EQ(allowed(kChar, kAccessRead, 1, 1), 0);  // mem
    EXPECT_TRUE(compile_device_rules({}).empty());
}

TEST(DeviceRules, MinusOneIsEveryNumberAndNoAccessIsAll) {
    const auto program =
        compile_device_rules({{.allow = true, .type = "b", .major = 8, .minor = -1, .access = ""}});
    EXPECT_EQ(run(program, kAccessAll << 16 | kBlock, 8, 77), 1);
    EXPECT_EQ(run(program, kAccessRead << 16 | kBlock, 9, 0), 0);
}

}  // namespace
}  // namespace xctl::plan
