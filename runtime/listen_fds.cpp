// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/listen_fds.hpp"

#include <unistd.h>

#include <cstdlib>

#include "lib/base/text.hpp"
#include "lib/plan/environment.hpp"

namespace xctl::runtime {
namespace {

constexpr std::uint64_t kMostListenFds = 1024;

}  // namespace

int count_listen_fds() {
    const char* const pid = std::getenv("LISTEN_PID");
    const char* const fds = std::getenv("LISTEN_FDS");
    if (fds == nullptr || pid == nullptr || std::to_string(::getpid()) != pid) return 0;
    const auto count = parse_unsigned(fds);
    return count && *count <= kMostListenFds ? static_cast<int>(*count) : 0;
}

void announce_listen_fds(plan::Process& process, int count) {
    if (count == 0) return;
    plan::set_env(process.env, "LISTEN_FDS=" + std::to_string(count));
    plan::set_env(process.env, "LISTEN_PID=1");
    if (const char* const names = std::getenv("LISTEN_FDNAMES"); names != nullptr)
        plan::set_env(process.env, std::string("LISTEN_FDNAMES=") + names);
}

}  // namespace xctl::runtime
