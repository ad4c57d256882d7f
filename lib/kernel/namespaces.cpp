// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/namespaces.hpp"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>

#include "lib/kernel/file.hpp"
#include "lib/kernel/process.hpp"
#include "lib/kernel/raw.hpp"

namespace xctl::kernel {
namespace {

std::string proc_directory(pid_t pid) { return "/proc/" + std::to_string(pid); }

/// The parent's part of make_user_namespace().
Result<UniqueFd> take_user_namespace(pid_t pid, const IdMapTexts& maps) {
    const auto process = TRY(open_at(kCurrentDirectory, proc_directory(pid), O_PATH | O_DIRECTORY));
    TRY(write_id_maps(process, maps));
    return open_at(process, "ns/user", O_RDONLY);
}

}  // namespace

Result<UniqueFd> open_namespace(const std::string& path, int clone_flag) {
    auto fd = TRY(open_at(kCurrentDirectory, path, O_RDONLY));
    const int type = ::ioctl(fd.get(), NS_GET_NSTYPE);
    if (type < 0) return fail(Errc::invalid_argument, path + " is not a namespace");
    if (type != clone_flag) return fail(Errc::invalid_argument, path + " is a namespace of another type");
    return fd;
}

Result<> join_namespace(int fd, int clone_flag) { return lift(raw::call<SYS_setns>(fd, clone_flag), "setns"); }

Result<UniqueFd> make_socket_in(int network, int domain, int type, int protocol) {
    const auto home = TRY(open_at(kCurrentDirectory, "/proc/thread-self/ns/net", O_RDONLY));
    TRY(join_namespace(network, CLONE_NEWNET));
    UniqueFd made(::socket(domain, type | SOCK_CLOEXEC, protocol));
    const int error = errno;
    if (!join_namespace(home.get(), CLONE_NEWNET)) std::abort();
    if (!made) return fail_errno(error, "socket");
    return made;
}

Result<> write_id_maps(DirFd process, const IdMapTexts& maps) {
    TRY(write_file_at(process, "uid_map", maps.uid));
    auto gids = write_file_at(process, "gid_map", maps.gid);
    if (gids || gids.error().sys_errno != EPERM) return gids;
    TRY(write_file_at(process, "setgroups", "deny"));
    return write_file_at(process, "gid_map", maps.gid);
}

Result<UniqueFd> make_user_namespace(const IdMapTexts& maps) {
    auto child = TRY(clone_process({.flags = CLONE_NEWUSER, .exit_signal = 0}));
    if (child.pid == 0)
        while (true) raw::call<SYS_ppoll>(nullptr, 0, nullptr, nullptr, 0);
    auto result = take_user_namespace(child.pid, maps);
    TRY(send_signal(child.pidfd, SIGKILL));
    TRY(wait_exit(child.pidfd));
    return result;
}

}  // namespace xctl::kernel
