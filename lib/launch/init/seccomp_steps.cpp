// SPDX-License-Identifier: LGPL-2.1-or-later
// Steps that load the system call filter, and hand over the descriptor for its notifications.
//
// From the moment such a filter is there, any call of ours may wait for a handler that does not have the descriptor
// yet. So the descriptor is sent by a thread that was made before and is not filtered, and we make no call until it
// is done: we look at memory that both share.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include <atomic>
#include <cstring>

#include "lib/kernel/raw.hpp"
#include "lib/kernel/rights.hpp"
#include "lib/launch/init/steps.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;

constexpr int kPending = 1 << 30;  // neither a descriptor nor a failure
constexpr std::size_t kMaxTexts = 3;
constexpr int kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
constexpr timespec kInterval{.tv_sec = 0, .tv_nsec = 100'000};

struct Handover {
    Context* context;
    std::atomic<int> notifications = kPending;  // their descriptor, or a failure
    std::atomic<int> result = kPending;
};

/// 0, or a failure. One message, whatever it is put together from.
int send_notifications(Context& context, int notifications) {
    const auto& texts = context.plan->process.seccomp.message;
    if (texts.empty() || texts.size() > kMaxTexts) return raw::failure(EPROTO);
    iovec parts[2 * kMaxTexts - 1];
    std::size_t count = 0, total = 0;
    const auto add = [&](const char* text, std::size_t size) {
        parts[count++] = {.iov_base = const_cast<char*>(text), .iov_len = size};
        total += size;
    };
    for (const auto& text : texts) {
        if (count > 0) add(context.host_pid, std::strlen(context.host_pid));
        add(text.data(), text.size());
    }
    msghdr header{};
    header.msg_iov = parts;
    header.msg_iovlen = count;
    raw::Rights<1> rights;
    rights.put(header, {&notifications, 1});
    const int sent = raw::call<SYS_sendmsg>(context.listener, &header, MSG_NOSIGNAL);
    if (sent < 0) return sent;
    return static_cast<std::size_t>(sent) == total ? 0 : raw::failure(EMSGSIZE);
}

/// The thread. It ends itself, and exec would end it too.
int run_sender(void* argument) {
    auto& handover = *static_cast<Handover*>(argument);
    while (handover.notifications.load() == kPending) raw::call<SYS_nanosleep>(&kInterval, nullptr);
    const int notifications = handover.notifications.load();
    handover.result.store(notifications < 0 ? notifications
                                            : send_notifications(*handover.context, notifications));
    while (true) raw::call<SYS_exit>(0);
}

int load(const plan::Seccomp& seccomp, std::uint32_t flags) {
    const sock_fprog program{
        .len = static_cast<unsigned short>(seccomp.filter.size()),
        .filter = reinterpret_cast<sock_filter*>(const_cast<std::uint64_t*>(seccomp.filter.data()))};
    return raw::call<SYS_seccomp>(SECCOMP_SET_MODE_FILTER, flags, &program);
}

int load_with_listener(Context& context) {
    const auto& seccomp = context.plan->process.seccomp;
    Handover handover{.context = &context};
    // The C library's clone does nothing but change the stack, which C++ cannot say, and then the call.
    auto* const stack = context.sender_stack.data() + context.sender_stack.size();
    if (::clone(run_sender, stack, kThread, &handover) < 0) return raw::failure(EAGAIN, SYS_clone);
    // All our threads would be the sender too.
    constexpr std::uint32_t kTsync = SECCOMP_FILTER_FLAG_TSYNC, kListener = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    handover.notifications.store(load(seccomp, (seccomp.flags & ~kTsync) | kListener));
    while (handover.result.load() == kPending) {
    }
    return handover.result.load();
}

int load_filter(Context& context) {
    const auto& seccomp = context.plan->process.seccomp;
    if (seccomp.filter.empty()) return 0;
    if (context.listener >= 0) return load_with_listener(context);
    const int result = load(seccomp, seccomp.flags);
    return result < 0 ? result : 0;
}

}  // namespace

int filter_before_credentials(Context& context) {
    return context.plan->process.no_new_privileges ? 0 : load_filter(context);
}

int filter_after_credentials(Context& context) {
    return context.plan->process.no_new_privileges ? load_filter(context) : 0;
}

}  // namespace xctl::launch
