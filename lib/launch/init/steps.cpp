// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/init/steps.hpp"

#include <sys/socket.h>

#include <utility>

#include "lib/kernel/mount.hpp"
#include "lib/kernel/raw.hpp"
#include "lib/launch/channel.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;

constexpr int kExitLaunchFailed = 125;
constexpr int kExitNotExecutable = 126;
constexpr int kExitNotFound = 127;

int exit_status_of(std::size_t step, int error) {
    const bool programs_fault = step == step_number("exec") || step == step_number("executable");
    if (!programs_fault) return kExitLaunchFailed;
    return error == ENOENT ? kExitNotFound : kExitNotExecutable;
}

void close_held(Context& context, std::size_t step) {
    for (const auto& holding : kHoldings)
        if (holding.last_step == step) raw::close(std::exchange(context.*holding.fd, -1));
}

[[noreturn]] void report_and_exit(const Context& context, std::size_t step, int result) {
    const Message message{.kind = MessageKind::failed,
                          .step = static_cast<std::uint8_t>(step),
                          .call = static_cast<std::uint16_t>(raw::call_of(result)),
                          .error = raw::errno_of(result),
                          .index = context.index};
    raw::call<SYS_sendto>(context.channel, &message, sizeof message, MSG_NOSIGNAL, nullptr, 0);
    while (true) raw::call<SYS_exit_group>(exit_status_of(step, message.error));
}

}  // namespace

int report_mount(const Context& context, std::uint8_t step, int mount) {
    std::uint64_t id = 0;
    const int read = raw::read_mount_id(mount, &id);
    if (read < 0) return raw::errno_of(read) == EOPNOTSUPP ? 0 : read;
    const MountedMessage report{.message = {.kind = MessageKind::mounted, .step = step, .index = context.index},
                                .id_low = static_cast<std::uint32_t>(id),
                                .id_high = static_cast<std::uint32_t>(id >> 32)};
    const int sent = raw::call<SYS_sendto>(context.channel, &report, sizeof report, MSG_NOSIGNAL, nullptr, 0);
    return sent < 0 ? sent : 0;
}

void run_steps(Context& context) {
    for (std::size_t step = 0; step < kSteps.size(); ++step) {
        context.index = -1;
        if (const int result = kSteps[step].run(context); result < 0) report_and_exit(context, step, result);
        close_held(context, step);
    }
    report_and_exit(context, kSteps.size() - 1, raw::failure(EPROTO));
}

}  // namespace xctl::launch
