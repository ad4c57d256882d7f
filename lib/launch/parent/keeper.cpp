// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/parent/keeper.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

#include "lib/kernel/file.hpp"
#include "lib/kernel/process.hpp"
#include "lib/kernel/raw.hpp"
#include "lib/launch/exit_record.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;

constexpr int kInit = 3;
constexpr int kRecordDirectory = 4;
constexpr int kFirstUnused = 5;

/// A stop of the unit tells every process to end, and we outlive our child.
constexpr int kIgnoredSignals[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};

void keep_only(int init_pidfd, int record_directory) {
    // Out of the way of their final places first.
    const int pidfd = raw::call<SYS_fcntl>(init_pidfd, F_DUPFD_CLOEXEC, kFirstUnused);
    const int directory = raw::call<SYS_fcntl>(record_directory, F_DUPFD_CLOEXEC, kFirstUnused);
    raw::call<SYS_dup3>(pidfd, kInit, O_CLOEXEC);
    raw::call<SYS_dup3>(directory, kRecordDirectory, O_CLOEXEC);
    raw::call<SYS_close_range>(kFirstUnused, ~0U, 0);
    raw::call<SYS_close_range>(0, 2, 0);
    // So that no file that is opened later becomes a standard stream.
    const int null_device = raw::call<SYS_openat>(AT_FDCWD, "/dev/null", O_RDWR);
    raw::call<SYS_dup3>(null_device, 1, 0);
    raw::call<SYS_dup3>(null_device, 2, 0);
}

}  // namespace

void keep(PidFd init, DirFd record_directory) {
    for (const int signal : kIgnoredSignals) ::signal(signal, SIG_IGN);
    raw::call<SYS_prctl>(PR_SET_NAME, "xctl-keeper", 0, 0, 0);
    raw::call<SYS_setsid>();
    raw::call<SYS_chdir>("/");
    keep_only(init.get(), record_directory.get());
    // The record exists before the zombie is gone, so that whoever sees the process vanish finds it.
    const auto status = kernel::wait_exit(PidFd(kInit), kernel::Reap::no);
    bool written = false;
    if (status)
        written =
            kernel::replace_file_at(DirFd(kRecordDirectory), kExitRecordFile, format_exit_record(*status)).has_value();
    const bool reaped = kernel::wait_exit(PidFd(kInit)).has_value();
    ::_exit(written && reaped ? 0 : 1);
}

}  // namespace xctl::launch
