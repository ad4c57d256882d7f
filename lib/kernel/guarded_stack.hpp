// SPDX-License-Identifier: LGPL-2.1-or-later
// The stack of a process or thread that shares our memory, clone(2) with CLONE_VM. Below it lies memory that nobody may
// touch (PROT_NONE, mprotect(2)), so that a stack that is too small ends its user by SIGSEGV instead of changing what
// happens to lie there.
#pragma once

#include <cstddef>
#include <span>

#include "lib/base/result.hpp"

namespace xctl::kernel {

class GuardedStack {
public:
    /// In bytes. No frame may be larger: a larger one could lie beyond it as a whole.
    static constexpr std::size_t kGuardSize = 64 * 1024;

    /// `size` is in bytes and a multiple of the page size. The upper `populated` bytes get their pages at once, since a
    /// page fault for each costs more. Fails with the errno of mmap(2) or mprotect(2).
    static Result<GuardedStack> make(std::size_t size, std::size_t populated);

    GuardedStack() = default;
    GuardedStack(GuardedStack&& other) noexcept;
    GuardedStack& operator=(GuardedStack&& other) noexcept;
    ~GuardedStack();

    /// Without the guard; empty if there is no stack.
    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }

private:
    explicit GuardedStack(std::span<std::byte> bytes) noexcept : bytes_(bytes) {}
    std::span<std::byte> bytes_;
};

}  // namespace xctl::kernel
