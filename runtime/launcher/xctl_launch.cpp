// SPDX-License-Identifier: LGPL-2.1-or-later
// xctl-launch: executes launch plans. Not for people: xctld and oci@.service start it.
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "runtime/launcher/launch_service.hpp"
#include "runtime/own_binary.hpp"

namespace {

constexpr int kServiceSocket = 3;
constexpr int kExitUsage = 2;

void print_error(std::string_view text) {
    const auto line = "xctl-launch: " + std::string(text) + "\n";
    [[maybe_unused]] const auto size = ::write(STDERR_FILENO, line.data(), line.size());
}

/// A descriptor that is opened later must never become a standard stream.
void open_standard_streams() {
    int fd = 0;
    do fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) ::close(fd);
}

xctl::Result<> serve() {
    ::fcntl(kServiceSocket, F_SETFD, FD_CLOEXEC);
    return xctl::runtime::serve_orders(kServiceSocket);
}

}  // namespace

int main(int argc, char** argv) {
    // Container processes must not trace us or open our descriptors, CVE-2016-9962.
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    const std::string_view mode = argc > 1 ? argv[1] : "";
    const bool valid = (mode == "--serve" && argc == 2) || (mode == "--unit" && argc == 3);
    if (!valid) {
        print_error("usage: xctl-launch --serve | --unit NAME");
        return kExitUsage;
    }
    auto result = xctl::runtime::run_from_read_only_mount(argv);
    // Executed by descriptor, we would be named by its number before Linux 6.14.
    ::prctl(PR_SET_NAME, "xctl-launch", 0, 0, 0);
    open_standard_streams();
    if (result) result = mode == "--serve" ? serve() : xctl::runtime::launch_unit(argv[2]);
    if (result) return 0;
    print_error(result.error().message);
    return 1;
}
