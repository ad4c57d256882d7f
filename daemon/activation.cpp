// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/activation.hpp"

#include <fcntl.h>
#include <systemd/sd-daemon.h>

#include "lib/kernel/socket.hpp"

namespace xctl {
namespace {

constexpr const char* kSendEnd = "parking-send";
constexpr const char* kReceiveEnd = "parking-receive";
constexpr std::uint64_t kBarrierUsec = 5'000'000;

UniqueFd take_one(NamedFds& passed, const char* name) {
    auto& fds = passed[name];
    return fds.empty() ? UniqueFd() : std::move(fds.front());
}

/// FDPOLL=0, or systemd would drop a descriptor as soon as its other end hangs up.
Result<> store(const char* name, int fd) {
    const auto text = std::string("FDSTORE=1\nFDPOLL=0\nFDNAME=") + name;
    if (const int r = sd_pid_notify_with_fds(0, 0, text.c_str(), &fd, 1); r < 0)
        return fail_errno(-r, "store the parking lot");
    return {};
}

}  // namespace

Result<NamedFds> take_passed_fds() {
    char** names = nullptr;
    const int count = sd_listen_fds_with_names(1, &names);
    if (count < 0) return fail_errno(-count, "sd_listen_fds_with_names");
    NamedFds passed;
    for (int i = 0; i < count; ++i) {
        const int fd = SD_LISTEN_FDS_START + i;
        (void)::fcntl(fd, F_SETFD, FD_CLOEXEC);
        passed[names[i]].emplace_back(fd);
        free(names[i]);
    }
    free(names);
    return passed;
}

Result<run::Parking> open_parking(NamedFds& passed) {
    auto send_end = take_one(passed, kSendEnd);
    auto receive_end = take_one(passed, kReceiveEnd);
    if (send_end && receive_end) return run::Parking(std::move(send_end), std::move(receive_end));
    // One end alone is what a daemon killed in the middle of storing left; it must not be paired with another's.
    for (const char* name : {kSendEnd, kReceiveEnd})
        (void)sd_notify(0, (std::string("FDSTOREREMOVE=1\nFDNAME=") + name).c_str());
    auto [a, b] = TRY(kernel::make_socket_pair(SOCK_STREAM));
    run::Parking parking(std::move(a), std::move(b));
    TRY(store_parking(parking));
    // Without a manager to notify there is no store, and the barrier says so; containers then end with us.
    (void)sd_notify_barrier(0, kBarrierUsec);
    return parking;
}

Result<> store_parking(const run::Parking& parking) {
    TRY(store(kSendEnd, parking.send_end()));
    return store(kReceiveEnd, parking.receive_end());
}

}  // namespace xctl
