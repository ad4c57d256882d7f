// SPDX-License-Identifier: LGPL-2.1-or-later
// The only file that knows libseccomp.
#include "lib/kernel/seccomp.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <format>
#include <memory>

namespace xctl::kernel {
namespace {

struct Release {
    void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Release>;

// Numbers from here on are no growing table of calls: the ARM private range begins here, and x32 lies above.
constexpr std::uint32_t kFirstIrregularCall = 0x000f0000;

std::uint32_t libseccomp_action(const FilterVerdict& verdict) {
    switch (verdict.action) {
        case FilterAction::kill_thread: return SCMP_ACT_KILL_THREAD;
        case FilterAction::kill_process: return SCMP_ACT_KILL_PROCESS;
        case FilterAction::trap: return SCMP_ACT_TRAP;
        case FilterAction::errno_: return SCMP_ACT_ERRNO(verdict.data);
        case FilterAction::trace: return SCMP_ACT_TRACE(verdict.data);
        case FilterAction::allow: return SCMP_ACT_ALLOW;
        case FilterAction::log: return SCMP_ACT_LOG;
        case FilterAction::notify: return SCMP_ACT_NOTIFY;
    }
    std::unreachable();
}

scmp_arg_cmp libseccomp_condition(const FilterArg& arg) {
    constexpr std::array kOperators{SCMP_CMP_NE, SCMP_CMP_LT, SCMP_CMP_LE,       SCMP_CMP_EQ,
                                    SCMP_CMP_GE, SCMP_CMP_GT, SCMP_CMP_MASKED_EQ};
    return {arg.index, kOperators[static_cast<std::size_t>(arg.op)], arg.value, arg.value_two};
}

bool has_repeated_index(const std::vector<FilterArg>& args) {
    unsigned seen = 0;
    for (const auto& arg : args) {
        if ((seen & (1U << arg.index)) != 0) return true;
        seen |= 1U << arg.index;
    }
    return false;
}

Result<> add_conditions(void* filter, const FilterRule& rule, int number,
                        const std::vector<scmp_arg_cmp>& conditions) {
    const int error = seccomp_rule_add_array(filter, libseccomp_action(rule.verdict), number,
                                             static_cast<unsigned>(conditions.size()), conditions.data());
    if (error != 0 && error != -EEXIST)
        return fail_errno(-error, std::format("seccomp rule for {}", rule.syscall));
    return {};
}

Result<> add_rule(void* filter, const FilterRule& rule) {
    const int number = seccomp_syscall_resolve_name(rule.syscall.c_str());
    if (number == __NR_SCMP_ERROR) return {};
    std::vector<scmp_arg_cmp> conditions;
    std::ranges::transform(rule.args, std::back_inserter(conditions), libseccomp_condition);
    if (!has_repeated_index(rule.args)) return add_conditions(filter, rule, number, conditions);
    for (const auto& condition : conditions) TRY(add_conditions(filter, rule, number, {condition}));
    return {};
}

Result<std::vector<std::uint32_t>> add_architectures(void* filter, const std::vector<std::string>& names) {
    std::vector<std::uint32_t> all{seccomp_arch_native()};
    for (const auto& name : names) {
        const auto token = seccomp_arch_resolve_name(name.c_str());
        if (token == 0) return fail(Errc::unsupported, std::format("seccomp: unknown architecture {}", name));
        if (std::ranges::contains(all, token)) continue;
        if (const int error = seccomp_arch_add(filter, token); error != 0 && error != -EEXIST)
            return fail_errno(-error, std::format("seccomp: architecture {}", name));
        all.push_back(token);
    }
    return all;
}

std::uint64_t image(sock_filter instruction) {
    std::uint64_t bits = 0;
    static_assert(sizeof bits == sizeof instruction);
    std::memcpy(&bits, &instruction, sizeof bits);
    return bits;
}

/// The highest number of any call of the profile on this architecture; -1 when it has none of them.
int highest_call(const FilterProfile& profile, std::uint32_t arch) {
    int highest = -1;
    for (const auto& rule : profile.rules)
        highest = std::max(highest, seccomp_syscall_resolve_name_arch(arch, rule.syscall.c_str()));
    return highest;
}

/// Goes in front of libseccomp's program, which starts by loading what it needs. Per architecture five
/// instructions; the jumps to the end fit in their 8 bits for 50 architectures.
std::vector<std::uint64_t> newer_calls_stub(const FilterProfile& profile,
                                            const std::vector<std::uint32_t>& archs) {
    struct Row {
        std::uint32_t audit_arch;
        std::uint32_t highest;
    };
    std::vector<Row> rows;
    for (const auto arch : archs)
        if (const int highest = highest_call(profile, arch); arch != SCMP_ARCH_X32 && highest >= 0)
            rows.push_back({arch, static_cast<std::uint32_t>(highest)});
    std::vector<std::uint64_t> out;
    out.push_back(image(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch))));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto after = static_cast<std::uint8_t>(5 * (rows.size() - 1 - i));  // from this block's end
        const auto past_second = static_cast<std::uint8_t>(after + 2);
        const auto past_third = static_cast<std::uint8_t>(after + 1);
        out.push_back(image(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rows[i].audit_arch, 0, 4)));
        out.push_back(image(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))));
        out.push_back(image(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kFirstIrregularCall, past_second, 0)));
        out.push_back(image(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, rows[i].highest, 0, past_third)));
        out.push_back(image(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)));
    }
    return out;
}

bool refuses_newer_calls(const FilterVerdict& fallback) {
    return fallback.action != FilterAction::allow && fallback.action != FilterAction::log;
}

Result<> append_program(void* filter, std::vector<std::uint64_t>& out) {
    std::size_t bytes = 0;
    if (const int error = seccomp_export_bpf_mem(filter, nullptr, &bytes); error != 0)
        return fail_errno(-error, "seccomp: size of the program");
    const auto start = out.size();
    out.resize(start + bytes / sizeof(sock_filter));
    if (const int error = seccomp_export_bpf_mem(filter, out.data() + start, &bytes); error != 0)
        return fail_errno(-error, "seccomp: program");
    if (out.size() > BPF_MAXINSNS)
        return fail(Errc::unsupported,
                    std::format("seccomp: a program of {} instructions is above the kernel's limit of {}",
                                out.size(), BPF_MAXINSNS));
    return {};
}

}  // namespace

bool is_known_call(const std::string& name) { return seccomp_syscall_resolve_name(name.c_str()) != __NR_SCMP_ERROR; }

std::string_view native_architecture() {
    switch (seccomp_arch_native()) {
        case SCMP_ARCH_X86_64: return "x86_64";
        case SCMP_ARCH_AARCH64: return "aarch64";
        default: return {};
    }
}

Result<std::vector<std::uint64_t>> compile_filter(const FilterProfile& profile) {
    const Filter filter{seccomp_init(libseccomp_action(profile.fallback))};
    if (!filter) return fail(Errc::system, "seccomp: libseccomp refused the default action");
    // libseccomp's binary tree is not asked for: it takes half as long again to compile, and since Linux 5.11 a
    // call whose verdict does not depend on its arguments is looked up in a bitmap and never reaches the filter.
    const auto archs = TRY(add_architectures(filter.get(), profile.architectures));
    for (const auto& rule : profile.rules)
        if (rule.verdict != profile.fallback) TRY(add_rule(filter.get(), rule));
    std::vector<std::uint64_t> out;
    if (refuses_newer_calls(profile.fallback)) out = newer_calls_stub(profile, archs);
    TRY(append_program(filter.get(), out));
    return out;
}

}  // namespace xctl::kernel
