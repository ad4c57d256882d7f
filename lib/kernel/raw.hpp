// SPDX-License-Identifier: LGPL-2.1-or-later
// System calls for code that runs between clone and exec: no errno, no allocation, no libc state.
//
// A result is the kernel's value when it is not negative. A failure is one negative int that carries both errno
// and the number of the call that failed, so that whoever reports it can name the call. Functions that work this
// way live in xctl::kernel::raw; their counterparts in xctl::kernel return Result<T>.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <type_traits>
#include <utility>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::kernel::raw {

inline constexpr int kErrnoBits = 12;  // the kernel's errno values are below 4096

/// A failure; `call` is a SYS_ number, or 0 when a check of ours failed.
constexpr int failure(int error, long call = 0) { return -static_cast<int>((call << kErrnoBits) | error); }

constexpr int errno_of(int result) { return result < 0 ? -result & ((1 << kErrnoBits) - 1) : 0; }
constexpr int call_of(int result) { return result < 0 ? -result >> kErrnoBits : 0; }

// A system call is always a part of its caller: runtime/xrun/entry.cpp has no other code to call.
template <class T>
[[gnu::always_inline]] inline long to_register(T value) {
    if constexpr (std::is_pointer_v<T>)
        return reinterpret_cast<long>(value);
    else if constexpr (std::is_null_pointer_v<T>)
        return 0;
    else
        return static_cast<long>(value);
}

#if defined(__x86_64__)
[[gnu::always_inline]] inline long trap(long number, const long (&a)[6]) {
    long result = 0;
    register long r10 __asm__("r10") = a[3];
    register long r8 __asm__("r8") = a[4];
    register long r9 __asm__("r9") = a[5];
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#else
/// Elsewhere libc's errno is used; that is correct as long as the child does not share our memory.
inline long trap(long number, const long (&a)[6]) {
    const long result = ::syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    return result < 0 ? -errno : result;
}
#endif

/// One system call. Only for calls whose result fits an int.
template <long Number, class... Args>
[[gnu::always_inline]] inline int call(Args... args) {
    static_assert(sizeof...(Args) <= 6);
    const long registers[6] = {to_register(args)...};
    const long result = trap(Number, registers);
    return result < 0 ? failure(static_cast<int>(-result), Number) : static_cast<int>(result);
}

[[gnu::always_inline]] inline void close(int fd) {
    if (fd >= 0) static_cast<void>(call<SYS_close>(fd));
}

/// Closes at the end of the scope, without touching errno.
class Fd {
public:
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { raw::close(fd_); }
    /// The descriptor, or the failure that it was made from.
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] bool failed() const noexcept { return fd_ < 0; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_;
};

}  // namespace xctl::kernel::raw

namespace xctl::kernel {

/// A raw result as a Result; `what` names the call and its object.
inline Result<> lift(int result, std::string_view what) {
    if (result < 0) return fail_errno(raw::errno_of(result), what);
    return {};
}

inline Result<UniqueFd> lift_fd(int result, std::string_view what) {
    if (result < 0) return fail_errno(raw::errno_of(result), what);
    return UniqueFd(result);
}

}  // namespace xctl::kernel
