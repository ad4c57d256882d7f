// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/pty.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "lib/kernel/raw.hpp"

namespace xctl::kernel {
namespace raw {
namespace {

constexpr unsigned kPtmxMajor = 5, kPtmxMinor = 2;

/// Refuses anything but a devpts: an image could have put its own files where one is expected.
int check_devpts(int directory) {
    struct statfs info{};
    if (const int result = call<SYS_fstatfs>(directory, &info); result < 0) return result;
    return info.f_type == DEVPTS_SUPER_MAGIC ? 0 : failure(ENODEV);
}

int check_ptmx(int master) {
    struct stat info{};
    if (const int result = call<SYS_fstat>(master, &info); result < 0) return result;
    const bool is_ptmx =
        S_ISCHR(info.st_mode) && major(info.st_rdev) == kPtmxMajor && minor(info.st_rdev) == kPtmxMinor;
    return is_ptmx ? 0 : failure(ENODEV);
}

}  // namespace

int open_pty_master(int devpts) {
    if (const int result = check_devpts(devpts); result < 0) return result;
    Fd master(call<SYS_openat>(devpts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW));
    if (master.failed()) return master.release();
    if (const int result = check_ptmx(master.get()); result < 0) return result;
    int locked = 0;
    if (const int result = call<SYS_ioctl>(master.get(), TIOCSPTLCK, &locked); result < 0) return result;
    return master.release();
}

int open_pty_peer(int master) {
    return call<SYS_ioctl>(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

int set_window_size(int tty, WindowSize size) {
    const winsize value{.ws_row = size.rows, .ws_col = size.columns, .ws_xpixel = 0, .ws_ypixel = 0};
    return call<SYS_ioctl>(tty, TIOCSWINSZ, &value);
}

}  // namespace raw

Result<> set_window_size(int tty, WindowSize size) { return lift(raw::set_window_size(tty, size), "TIOCSWINSZ"); }

Result<WindowSize> read_window_size(int tty) {
    winsize value{};
    if (::ioctl(tty, TIOCGWINSZ, &value) < 0) return fail_errno(errno, "TIOCGWINSZ");
    return WindowSize{value.ws_row, value.ws_col};
}

}  // namespace xctl::kernel
