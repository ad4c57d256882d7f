// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/guarded_stack.hpp"

#include <sys/mman.h>

#include <utility>

namespace xctl::kernel {

Result<GuardedStack> GuardedStack::make(std::size_t size, std::size_t populated) {
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE;
    void* const all = ::mmap(nullptr, kGuardSize + size, PROT_NONE, kFlags, -1, 0);
    if (all == MAP_FAILED) return fail_errno(errno, "mmap of a stack");
    GuardedStack stack(std::span(static_cast<std::byte*>(all) + kGuardSize, size));
    if (::mprotect(stack.bytes_.data(), size, PROT_READ | PROT_WRITE) < 0)
        return fail_errno(errno, "mprotect of a stack");
    if (populated > 0) ::madvise(stack.bytes_.last(populated).data(), populated, MADV_POPULATE_WRITE);
    return stack;
}

GuardedStack::GuardedStack(GuardedStack&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

GuardedStack& GuardedStack::operator=(GuardedStack&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
}

GuardedStack::~GuardedStack() {
    if (!bytes_.empty()) ::munmap(bytes_.data() - kGuardSize, kGuardSize + bytes_.size());
}

}  // namespace xctl::kernel
