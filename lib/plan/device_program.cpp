// SPDX-License-Identifier: LGPL-2.1-or-later
// The rules are tested from the last to the first, so the first hit decides. w2 holds the kinds of access that are
// still undecided: a deny rule that names one of them ends with 0; an allow rule removes those that it names, and
// ends with 1 when none is left.
#include "lib/plan/device_program.hpp"

#include <linux/bpf.h>

#include <cstddef>
#include <cstring>
#include <ranges>

namespace xctl::plan {
namespace {

constexpr std::uint8_t kResult = BPF_REG_0;
constexpr std::uint8_t kContext = BPF_REG_1;
constexpr std::uint8_t kAccess = BPF_REG_2;
constexpr std::uint8_t kKind = BPF_REG_3;
constexpr std::uint8_t kMajor = BPF_REG_4;
constexpr std::uint8_t kMinor = BPF_REG_5;

using Code = std::vector<bpf_insn>;

bpf_insn instruction(int code, std::uint8_t dst, std::uint8_t src, int offset, std::uint32_t value) {
    bpf_insn out{};
    out.code = static_cast<std::uint8_t>(code);
    out.dst_reg = dst & 0xf;
    out.src_reg = src & 0xf;
    out.off = static_cast<std::int16_t>(offset);
    out.imm = static_cast<std::int32_t>(value);
    return out;
}

bpf_insn load_word(std::uint8_t dst, std::size_t offset) {
    return instruction(BPF_LDX | BPF_MEM | BPF_W, dst, kContext, static_cast<int>(offset), 0);
}
bpf_insn compute(int operation, std::uint8_t dst, std::uint32_t value) {
    return instruction(BPF_ALU | operation | BPF_K, dst, 0, 0, value);
}
bpf_insn jump_if(int comparison, std::uint8_t dst, std::uint32_t value, int offset) {
    return instruction(BPF_JMP32 | comparison | BPF_K, dst, 0, offset, value);
}
bpf_insn leave() { return instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

Code verdict(const DeviceRule& rule) {
    if (rule.allow)
        return {compute(BPF_AND, kAccess, ~rule.access & kAccessAll), jump_if(BPF_JNE, kAccess, 0, 2),
                compute(BPF_MOV, kResult, 1), leave()};
    return {jump_if(BPF_JSET, kAccess, rule.access, 1), instruction(BPF_JMP | BPF_JA, 0, 0, 2, 0),
            compute(BPF_MOV, kResult, 0), leave()};
}

void append_rule(Code& code, const DeviceRule& rule) {
    const auto body = verdict(rule);
    Code tests;
    if (rule.kind != DeviceKind::any)
        tests.push_back(
            jump_if(BPF_JNE, kKind, rule.kind == DeviceKind::block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR, 0));
    if (rule.major) tests.push_back(jump_if(BPF_JNE, kMajor, *rule.major, 0));
    if (rule.minor) tests.push_back(jump_if(BPF_JNE, kMinor, *rule.minor, 0));
    for (std::size_t i = 0; i < tests.size(); ++i)  // to behind the rule
        tests[i].off = static_cast<std::int16_t>(tests.size() - 1 - i + body.size());
    code.insert(code.end(), tests.begin(), tests.end());
    code.insert(code.end(), body.begin(), body.end());
}

}  // namespace

std::vector<std::uint64_t> compile_device_program(const std::vector<DeviceRule>& rules) {
    Code code{
        load_word(kKind, offsetof(bpf_cgroup_dev_ctx, access_type)),
        instruction(BPF_ALU | BPF_MOV | BPF_X, kAccess, kKind, 0, 0),
        compute(BPF_AND, kKind, 0xffff),
        compute(BPF_RSH, kAccess, 16),
        load_word(kMajor, offsetof(bpf_cgroup_dev_ctx, major)),
        load_word(kMinor, offsetof(bpf_cgroup_dev_ctx, minor)),
    };
    for (const auto& rule : rules | std::views::reverse) append_rule(code, rule);
    code.push_back(compute(BPF_MOV, kResult, 0));
    code.push_back(leave());
    std::vector<std::uint64_t> images(code.size());
    static_assert(sizeof(bpf_insn) == sizeof(std::uint64_t));
    std::memcpy(images.data(), code.data(), code.size() * sizeof(bpf_insn));
    return images;
}

}  // namespace xctl::plan
