// SPDX-License-Identifier: LGPL-2.1-or-later
// The container's init between clone and exec: an ordered table of steps.
//
// A step returns 0 or a failure of lib/kernel/raw.hpp. The first failure is sent over the channel with the number
// of the step's row, and ends the process. The order matters, and why is said at the rows.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "lib/launch/init/context.hpp"

namespace xctl::launch {

/// Which list of the plan a step's index counts in.
enum class List : std::uint8_t {
    none,
    namespaces,
    mounts,
    devices,
    links,
    masked_paths,
    read_only_paths,
    sysctls,
    rlimits,
    create_hooks,
    start_hooks,
    net_devices,
};

struct Step {
    std::string_view name;
    int (*run)(Context&);
    List list;
};

// namespace_steps.cpp
int await_gate(Context& context);
int skip(Context& context);
int hide_from_others(Context& context);
int set_oom_score(Context& context);
int enter_time_namespace(Context& context);
int join_namespaces(Context& context);
int open_sources(Context& context);
int become_container_root(Context& context);
int start_session(Context& context);
int set_hostname(Context& context);
int set_domainname(Context& context);
int raise_loopback(Context& context);
int enter_placement(Context& context);
// root_steps.cpp
int isolate_mounts(Context& context);
int open_safe_proc(Context& context);
int open_null_device(Context& context);
int attach_root(Context& context);
int set_root_read_only(Context& context);
int mask_paths(Context& context);
int protect_paths(Context& context);
int write_sysctls(Context& context);
int change_root(Context& context);
// mount_steps.cpp
int mount_all(Context& context);
int protect_mounts(Context& context);
// device_steps.cpp
int make_devices(Context& context);
int make_links(Context& context);
int open_console(Context& context);
// hook_steps.cpp
int run_create_hooks(Context& context);
int run_start_hooks(Context& context);
// home_step.cpp
int find_home(Context& context);
// process_steps.cpp
int set_rlimits(Context& context);
int enter_directory(Context& context);
int connect_streams(Context& context);
int find_executable(Context& context);
int join_new_keyring(Context& context);
int reset_signals(Context& context);
int close_others(Context& context);
int await_go(Context& context);
int set_umask(Context& context);
int set_no_new_privileges(Context& context);
int drop_bounding_set(Context& context);
int set_ids(Context& context);
int set_capabilities(Context& context);
int execute(Context& context);
// manner_steps.cpp
int set_cpus(Context& context);
int open_profile_file(Context& context);
int open_label_file(Context& context);
int write_profile(Context& context);
int write_selinux_label(Context& context);
int set_scheduler(Context& context);
int set_io_priority(Context& context);
int set_memory_policy(Context& context);
int set_personality(Context& context);
// seccomp_steps.cpp
int filter_before_credentials(Context& context);
int filter_after_credentials(Context& context);

inline constexpr std::array kSteps{
    // Until the parent has written the id maps, we are nobody in a new user namespace.
    Step{"id maps", await_gate, List::none},
    // The parent has done these meanwhile; their failures are told under these names.
    Step{"resctrl", skip, List::none},
    Step{"network device", skip, List::net_devices},
    // Before any namespace is joined, whose processes could otherwise trace us.
    Step{"hiding", hide_from_others, List::none},
    Step{"OOM score", set_oom_score, List::none},
    Step{"time namespace", enter_time_namespace, List::none},
    Step{"join namespace", join_namespaces, List::namespaces},
    // Still with the identity that the host's directories know.
    Step{"open source", open_sources, List::mounts},
    Step{"container root", become_container_root, List::none},
    Step{"session", start_session, List::none},
    Step{"hostname", set_hostname, List::none},
    Step{"domainname", set_domainname, List::none},
    Step{"loopback", raise_loopback, List::none},
    Step{"mount propagation", isolate_mounts, List::none},
    Step{"procfs", open_safe_proc, List::none},
    Step{"null device", open_null_device, List::none},
    Step{"root", attach_root, List::none},
    Step{"mount", mount_all, List::mounts},
    Step{"device", make_devices, List::devices},
    Step{"link", make_links, List::links},
    Step{"console", open_console, List::none},
    // They find the root as it will be, and may still change it.
    Step{"hook", run_create_hooks, List::create_hooks},
    // Only when every mount point exists.
    Step{"read-only mount", protect_mounts, List::mounts},
    Step{"read-only root", set_root_read_only, List::none},
    Step{"masked path", mask_paths, List::masked_paths},
    Step{"read-only path", protect_paths, List::read_only_paths},
    Step{"placement", enter_placement, List::none},
    // Where it was placed decides where it may run.
    Step{"CPU affinity", set_cpus, List::none},
    Step{"sysctl", write_sysctls, List::sysctls},
    Step{"new root", change_root, List::none},
    Step{"working directory", enter_directory, List::none},
    Step{"standard streams", connect_streams, List::none},
    Step{"home", find_home, List::none},
    Step{"keyring", join_new_keyring, List::none},
    Step{"signals", reset_signals, List::none},
    // They lie in the host's /proc.
    Step{"AppArmor", open_profile_file, List::none},
    Step{"SELinux", open_label_file, List::none},
    // From here on only the standard streams and what talks to the host are open; nothing leads to the host's files
    // but the labels' two, which only we ourselves can write.
    Step{"close", close_others, List::none},
    // A path of the image may lead through /proc/self/fd, here as in exec: everything is closed before.
    Step{"executable", find_executable, List::none},
    Step{"resource limit", set_rlimits, List::rlimits},
    Step{"start", await_go, List::none},
    // Some of these need privileges that we are about to give up.
    Step{"AppArmor profile", write_profile, List::none},
    Step{"SELinux label", write_selinux_label, List::none},
    Step{"scheduler", set_scheduler, List::none},
    Step{"I/O priority", set_io_priority, List::none},
    Step{"memory policy", set_memory_policy, List::none},
    Step{"personality", set_personality, List::none},
    Step{"umask", set_umask, List::none},
    Step{"no new privileges", set_no_new_privileges, List::none},
    // Without no_new_privs a filter needs CAP_SYS_ADMIN, so it comes before that is given up.
    Step{"seccomp", filter_before_credentials, List::none},
    Step{"bounding set", drop_bounding_set, List::none},
    Step{"user and groups", set_ids, List::none},
    Step{"capabilities", set_capabilities, List::none},
    // With no_new_privs it comes last, and need not allow what the steps above did.
    Step{"seccomp filter", filter_after_credentials, List::none},
    // Confined as the program will be, as under other runtimes.
    Step{"start hook", run_start_hooks, List::start_hooks},
    Step{"exec", execute, List::none},
};

/// The row with this name; for the parent, which reports its own part under the child's step.
consteval std::uint8_t step_number(std::string_view name) {
    for (std::size_t i = 0; i < kSteps.size(); ++i)
        if (kSteps[i].name == name) return static_cast<std::uint8_t>(i);
    throw "no such step";
}

/// A descriptor that the init opened, and the step that uses it last, after which it is closed. The source of a mount is
/// closed when the mount is made. Those without a row are used until shortly before close_others(): `proc` by the
/// labels' files, `root` by "home", the terminal by "standard streams".
struct Holding {
    int Context::* fd;
    std::uint8_t last_step;
};

inline constexpr std::array kHoldings{
    Holding{&Context::root_source, step_number("root")},
    Holding{&Context::null_device, step_number("masked path")},
    Holding{&Context::empty_directory, step_number("masked path")},
    Holding{&Context::safe_proc, step_number("sysctl")},
};

/// The child: runs the table. Exit status 125 when a step failed, 126 or 127 when it was the program's fault.
[[noreturn]] void run_steps(Context& context);

/// The first process of a pid namespace has only those signals that it handles. Until the program is executed, the usual ones
/// end it, as they would any other process.
int end_on_signals();

/// Asks for the placement once, waits for it, and then enters the new cgroup namespace if one is planned.
int ensure_placed(Context& context);

/// Lets the supervisor run the hooks that run outside the container.
int await_runtime_hooks(Context& context);

}  // namespace xctl::launch
