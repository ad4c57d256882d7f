// SPDX-License-Identifier: LGPL-2.1-or-later
// Errors as values: every function that can fail returns Result<T>.
//
// Two kinds of failure exist. One is handled by the direct caller, who looks at the code; the other is carried
// up, gaining one clause of context per layer, and is logged once at the boundary (a verb, or the event loop).
// Bugs abort through assert and never become a code. Exceptions of libraries stop at their adapter.
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace xctl {

/// What a caller can act on. Each has a row in api/errors.hpp with its D-Bus name, varlink error and exit status.
enum class Errc : unsigned char {
    invalid_argument,  // the caller's words are wrong
    invalid_document,  // a file we were told to read breaks its format
    unsupported,       // valid, but this version or kernel cannot do it
    not_found,         // no such container
    exists,            // the name is taken
    wrong_state,       // the container's state does not allow it
    denied,            // polkit or the kernel refused
    needs_auth,        // polkit would ask, but the caller did not allow interaction
    timeout,           // it took longer than allowed
    cancelled,         // someone else's later request overtook this one
    launch_failed,     // the container's set-up failed; step, path and errno say where
    system,            // a system call failed
};

struct Error {
    Errc code = Errc::system;
    int sys_errno = 0;  // 0 when no system call failed
    std::string message;
    std::string step;  // set with launch_failed: the step of the launch that failed
    std::string path;  // set with launch_failed: the path that the step worked on

    [[nodiscard]] Error&& context(std::string_view what) && {
        message.insert(0, std::string(what) + ": ");
        return std::move(*this);
    }
};

/// std::expected lacks [[nodiscard]] in libstdc++; a dropped error is a bug here.
template <class T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
public:
    using std::expected<T, Error>::expected;
};

[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string message) {
    return std::unexpected(Error{code, 0, std::move(message), {}, {}});
}

/// A failed system call; `what` names the call and its object. The text of errno is appended.
[[nodiscard]] std::unexpected<Error> fail_errno(int sys_errno, std::string_view what, Errc code = Errc::system);

/// "No such file or directory" and so on; thread-safe, unlike strerror(3).
[[nodiscard]] std::string errno_text(int sys_errno);

}  // namespace xctl

/// Yields the value or returns the error from the enclosing function, with an optional clause of context.
/// Do not nest: the inner one shadows the outer. In braces it must come first: GCC does not destroy the members before
/// it when it returns.
#define TRY(expr, ...)                                                                                       \
    __extension__({                                                                                          \
        auto&& try_result = (expr);                                                                          \
        if (!try_result)                                                                                     \
            return ::std::unexpected(std::move(try_result).error() __VA_OPT__(.context(__VA_ARGS__)));       \
        std::move(try_result).value();                                                                       \
    })
