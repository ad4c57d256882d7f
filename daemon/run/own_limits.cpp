// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/run/own_limits.hpp"

#include <fcntl.h>
#include <linux/prctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <format>

#include "lib/kernel/file.hpp"

namespace xctl::run {
namespace {

struct UsualLimit {
    decltype(RLIMIT_DATA) resource;
    const char* name;
    rlimit value;
};

/// The defaults of systemd.
constexpr UsualLimit kUsualLimits[] = {
    {RLIMIT_NOFILE, "RLIMIT_NOFILE", {1024, 524288}},
    {RLIMIT_DATA, "RLIMIT_DATA", {RLIM_INFINITY, RLIM_INFINITY}},
};

/// Without CAP_SYS_RESOURCE the hard limit that we have remains.
int set_limit(pid_t child, const UsualLimit& limit) {
    rlimit now{};
    if (::prlimit(child, limit.resource, nullptr, &now) < 0) return -1;
    const rlim_t hard = std::min(limit.value.rlim_max, now.rlim_max);
    const rlimit usual{std::min(limit.value.rlim_cur, hard), hard};
    return ::prlimit(child, limit.resource, &usual, nullptr);
}

Result<> raise_oom_score(pid_t child) {
    const auto path = std::format("/proc/{}/oom_score_adj", child);
    if (!TRY(kernel::read_file_at(AT_FDCWD, path)).starts_with('-')) return {};
    return kernel::write_file_at(AT_FDCWD, path, "0");
}

}  // namespace

Result<> protect_self() {
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return fail_errno(errno, "prctl PR_SET_DUMPABLE");
    const int denied = ::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN | PR_MDWE_NO_INHERIT, 0, 0, 0);
    if (denied < 0 && errno != EINVAL) return fail_errno(errno, "prctl PR_SET_MDWE");
    return {};
}

Result<> give_usual_limits(pid_t child) {
    for (const auto& limit : kUsualLimits)
        if (set_limit(child, limit) < 0)
            return fail_errno(errno, std::format("prlimit {} of process {}", limit.name, child));
    return raise_oom_score(child);
}

}  // namespace xctl::run
