// SPDX-License-Identifier: LGPL-2.1-or-later
// Descriptors that say what they refer to, so that a pidfd is never taken for a cgroup.
//
// CgroupFd, PidFd and DirFd are borrowed: as cheap as the number, valid as long as their owner. OwnedCgroup and
// OwnedPidFd own a descriptor of that kind and convert to the borrowed type. A number, or an owner that does not say its
// kind, needs an explicit conversion.
#pragma once

#include <fcntl.h>

#include <utility>

#include "lib/base/unique_fd.hpp"

namespace xctl {

#ifdef XCTL_TYPED_DESCRIPTORS
inline constexpr bool kTypedDescriptors = true;
#else
/// Code without the macro may still pass numbers.
inline constexpr bool kTypedDescriptors = false;
#endif

template <class Kind>
class OwnedFd : public UniqueFd {
public:
    using UniqueFd::UniqueFd;
    explicit(kTypedDescriptors) OwnedFd(UniqueFd&& fd) noexcept : UniqueFd(std::move(fd)) {}
};

template <class Kind>
class BorrowedFd {
public:
    constexpr BorrowedFd() noexcept = default;
    constexpr explicit(kTypedDescriptors) BorrowedFd(int fd) noexcept : fd_(fd) {}
    BorrowedFd(const OwnedFd<Kind>& owner) noexcept : fd_(owner.get()) {}

    [[nodiscard]] constexpr int get() const noexcept { return fd_; }
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return fd_ >= 0; }
    [[nodiscard]] constexpr explicit(kTypedDescriptors) operator int() const noexcept { return fd_; }

private:
    int fd_ = -1;
};

/// A directory. An owner that does not say its kind may own one.
class DirFd {
public:
    constexpr explicit(kTypedDescriptors) DirFd(int fd) noexcept : fd_(fd) {}
    DirFd(const UniqueFd& owner) noexcept : fd_(owner.get()) {}
    template <class Kind>
    DirFd(const OwnedFd<Kind>& owner) = delete;

    [[nodiscard]] constexpr int get() const noexcept { return fd_; }

private:
    int fd_;
};

/// The directory in which relative paths begin.
inline constexpr DirFd kCurrentDirectory(AT_FDCWD);

/// A directory of the cgroup v2 hierarchy.
using CgroupFd = BorrowedFd<struct CgroupKind>;
using OwnedCgroup = OwnedFd<struct CgroupKind>;

[[nodiscard]] constexpr DirFd directory_of(CgroupFd cgroup) noexcept { return DirFd(cgroup.get()); }

/// A process.
using PidFd = BorrowedFd<struct ProcessKind>;
using OwnedPidFd = OwnedFd<struct ProcessKind>;

}  // namespace xctl
