// SPDX-License-Identifier: LGPL-2.1-or-later
// Filters are run by an interpreter of classic BPF, so that no test process is ever confined.
#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace xctl::kernel {

#if defined(__x86_64__)
constexpr std::uint32_t kNative = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kNative = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kNative = 0;
#endif

constexpr std::uint32_t kUnexpected = 0xdeadbeef;

inline std::uint32_t run(const std::vector<std::uint64_t>& program, const seccomp_data& data) {
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

inline std::uint32_t call(const std::vector<std::uint64_t>& program, long number, std::uint64_t first_argument = 0,
                          std::uint32_t arch = kNative) {
    seccomp_data data{};
    data.nr = static_cast<int>(number);
    data.arch = arch;
    data.args[0] = first_argument;
    return run(program, data);
}

}  // namespace xctl::kernel
