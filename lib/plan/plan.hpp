// SPDX-License-Identifier: LGPL-2.1-or-later
// A LaunchPlan: everything the kernel must be asked to do to make one container, as plain values.
//
// It is compiled once from a Spec (compile.hpp), may be cached and executed many times, and travels to
// xctl-launch as flat bytes (codec.hpp). Whoever executes it parses nothing: names are already numbers, paths
// are absolute and normalized, the seccomp and device programs are finished.
//
// Each struct's fields() lists its members once; the codec walks that list. explain.hpp prints a plan for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace xctl::plan {

enum class NamespaceKind : std::uint8_t { user, pid, network, mount, ipc, uts, cgroup, time };

struct Namespace {
    NamespaceKind kind{};
    std::string path;  // empty: a new one; else the namespace to join
    static auto fields(auto&& visit, auto& self) { return visit(self.kind, self.path); }
};

/// One line of uid_map or gid_map, user_namespaces(7).
struct IdMap {
    std::uint32_t container_id = 0;
    std::uint32_t host_id = 0;
    std::uint32_t size = 0;
    static auto fields(auto&& visit, auto& self) { return visit(self.container_id, self.host_id, self.size); }
};

/// The host's id of one in a user namespace; nothing when the map has no line for it.
[[nodiscard]] inline std::optional<std::uint32_t> host_id_of(std::uint32_t id, const std::vector<IdMap>& map) {
    for (const auto& row : map)
        if (id >= row.container_id && id - row.container_id < row.size) return row.host_id + (id - row.container_id);
    return std::nullopt;
}

enum class MountKind : std::uint8_t {
    filesystem,  // fsopen(fstype) with parameters
    bind,        // open_tree(source)
    cgroup,      // cgroup2: of the cgroup namespace, or without one the host's whole hierarchy
    change,      // nothing new: attributes and parameters of what is mounted at the target
};

/// A key=value for fsconfig(2); a flag when `value` is absent.
struct Parameter {
    std::string key;
    std::optional<std::string> value;
    static auto fields(auto&& visit, auto& self) { return visit(self.key, self.value); }
};

struct Mount {
    MountKind kind{};
    std::string fstype;
    std::string source;  // bind: an absolute host path; filesystem: the source string
    std::string target;  // absolute inside the root, without "." and ".."; resolved there and nowhere else
    bool recursive = false;            // bind: with the mounts below the source
    std::uint64_t attr_set = 0;        // MOUNT_ATTR_*, mount_setattr(2)
    std::uint64_t attr_clear = 0;
    std::uint64_t attr_default = 0;    // bind: also cleared, since nobody asked for them
    std::uint64_t rec_attr_set = 0;    // the same for the whole subtree
    std::uint64_t rec_attr_clear = 0;
    std::uint64_t propagation = 0;     // MS_SHARED and so on, or 0 for the kernel's default
    bool recursive_propagation = false;
    bool source_link = false;          // bind: a source that is a symbolic link is itself mounted
    bool copy_link = false;            // bind: it is made anew instead
    bool target_link = false;          // a target that is a symbolic link is itself covered
    bool copy_up = false;              // tmpfs: starts with what the root has at the target
    bool reported = false;             // whoever supervises the launch is told which mount this became
    std::vector<Parameter> parameters;
    std::vector<IdMap> uid_map, gid_map;  // an idmapped mount when not empty; with MOUNT_ATTR_IDMAP in attr_set it
                                          // has the maps of the joined user namespace, and with it in
                                          // rec_attr_set the mounts below the source are mapped too
    static auto fields(auto&& visit, auto& self) {
        return visit(self.kind, self.fstype, self.source, self.target, self.recursive, self.attr_set,
                     self.attr_clear, self.attr_default, self.rec_attr_set, self.rec_attr_clear, self.propagation,
                     self.recursive_propagation, self.source_link, self.copy_link, self.target_link, self.copy_up,
                     self.reported, self.parameters, self.uid_map, self.gid_map);
    }
};

struct Device {
    std::string path;         // absolute inside the root
    std::uint32_t mode = 0;   // S_IFCHR, S_IFBLK or S_IFIFO with the permission bits
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
    std::uint32_t uid = 0;    // as seen inside the container
    std::uint32_t gid = 0;
    bool reported = false;    // as of a mount, where the node cannot be made and another one is mounted instead
    static auto fields(auto&& visit, auto& self) {
        return visit(self.path, self.mode, self.major, self.minor, self.uid, self.gid, self.reported);
    }
};

struct Symlink {
    std::string path;  // absolute inside the root
    std::string target;
    static auto fields(auto&& visit, auto& self) { return visit(self.path, self.target); }
};

/// What to do with a row whose file is not there.
enum class Presence : std::uint8_t {
    required,
    optional,   // leave it out
    preferred,  // leave it out; if the file is there, leave out the next row
    unasked,    // leave it out, also if the file may not be written
};

/// A file below a directory that the step knows: /proc/sys for sysctls, the payload cgroup for limits.
struct FileWrite {
    std::string file;     // relative, with '/'
    std::string value;
    std::string pointer;  // the JSON pointer of the field it came from, for error messages
    Presence presence = Presence::required;
    static auto fields(auto&& visit, auto& self) {
        return visit(self.file, self.value, self.pointer, self.presence);
    }
};

struct Rlimit {
    std::uint32_t resource = 0;  // RLIMIT_*
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
    static auto fields(auto&& visit, auto& self) { return visit(self.resource, self.soft, self.hard); }
};

/// Bit n is capability number n, capabilities(7).
struct Capabilities {
    std::uint64_t bounding = 0, effective = 0, permitted = 0, inheritable = 0, ambient = 0;
    static auto fields(auto&& visit, auto& self) {
        return visit(self.bounding, self.effective, self.permitted, self.inheritable, self.ambient);
    }
};

struct Seccomp {
    std::vector<std::uint64_t> filter;  // struct sock_filter images; empty: no filter
    std::uint32_t flags = 0;            // SECCOMP_FILTER_FLAG_*
    std::string listener;               // the socket of who handles notifications; empty: there are none
    bool listener_optional = false;     // the filter asks for none, so that who handles them may be absent
    std::vector<std::string> message;   // to it: what stands before, between and after the process's pid on the host
    static auto fields(auto&& visit, auto& self) {
        return visit(self.filter, self.flags, self.listener, self.listener_optional, self.message);
    }
};

/// sched_setattr(2).
struct Scheduler {
    std::uint32_t policy = 0;  // SCHED_*
    std::uint64_t flags = 0;   // SCHED_FLAG_*
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime = 0, deadline = 0, period = 0;  // nanoseconds
    static auto fields(auto&& visit, auto& self) {
        return visit(self.policy, self.flags, self.nice, self.priority, self.runtime, self.deadline, self.period);
    }
};

/// set_mempolicy(2).
struct MemoryPolicy {
    std::uint32_t mode = 0;            // MPOL_* with its flags
    std::vector<std::uint64_t> nodes;  // bit n of element m is node 64 m + n
    static auto fields(auto&& visit, auto& self) { return visit(self.mode, self.nodes); }
};

struct Root {
    std::string path;  // absolute host path
    bool read_only = false;
    std::uint64_t propagation = 0;  // MS_* for the new root mount; 0 means MS_REC|MS_SLAVE
    std::vector<Mount> mounts;      // in order
    std::vector<Device> devices;    // in order, defaults first
    std::vector<Symlink> links;     // made where nothing is in the way
    std::vector<std::string> masked_paths;
    std::vector<std::string> read_only_paths;
    std::string mount_label;  // of file systems, where the kernel has SELinux
    bool no_pivot = false;    // moved over "/" instead: pivot_root(2) cannot leave an initramfs
    static auto fields(auto&& visit, auto& self) {
        return visit(self.path, self.read_only, self.propagation, self.mounts, self.devices, self.links,
                     self.masked_paths, self.read_only_paths, self.mount_label, self.no_pivot);
    }
};

struct Process {
    bool terminal = false;
    std::uint16_t rows = 0, columns = 0;  // 0: the kernel's default size
    std::vector<std::string> args;
    std::vector<std::string> env;
    bool default_home = false;  // nobody gave the HOME in env: what the image knows replaces it
    std::string cwd;
    std::uint32_t uid = 0, gid = 0;
    std::vector<std::uint32_t> groups;
    bool keep_groups = false;  // those of whoever launches instead
    std::optional<std::uint32_t> umask;
    std::vector<Rlimit> rlimits;
    std::optional<Capabilities> capabilities;  // absent: left as the launcher has them
    bool no_new_privileges = false;
    std::optional<std::int32_t> oom_score_adj;
    Seccomp seccomp;
    std::string apparmor_profile, selinux_label;  // where the kernel has these; empty: none
    std::optional<Scheduler> scheduler;
    std::optional<std::uint32_t> io_priority;     // ioprio_set(2)
    std::optional<MemoryPolicy> memory_policy;
    std::optional<std::uint32_t> personality;     // PER_*, personality(2)
    std::vector<std::uint64_t> first_cpus, cpus;  // before and after it is placed in its cgroup; neither: all of them
    static auto fields(auto&& visit, auto& self) {
        return visit(self.terminal, self.rows, self.columns, self.args, self.env, self.default_home, self.cwd, self.uid,
                     self.gid, self.groups, self.keep_groups, self.umask, self.rlimits, self.capabilities, self.no_new_privileges,
                     self.oom_score_adj, self.seccomp, self.apparmor_profile, self.selinux_label, self.scheduler,
                     self.io_priority, self.memory_policy, self.personality, self.first_cpus, self.cpus);
    }
};

struct Cgroup {
    std::vector<FileWrite> files;               // limits, written in order to the payload cgroup
    std::vector<std::string> controllers;       // needed by `files`; enabled on the way down
    std::vector<std::uint64_t> device_program;  // struct bpf_insn images; empty: no device rules
    std::uint64_t most_memory = 0;              // refuse the limits when more than this is in use; 0: do not look
    std::optional<std::uint32_t> owner;         // the host's number of the user who may make groups in it
    static auto fields(auto&& visit, auto& self) {
        return visit(self.files, self.controllers, self.device_program, self.most_memory, self.owner);
    }
};

struct TimeOffset {
    bool boottime = false;  // else monotonic
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;
    static auto fields(auto&& visit, auto& self) { return visit(self.boottime, self.seconds, self.nanoseconds); }
};

struct Hook {
    std::string path;
    std::vector<std::string> args, env;
    std::uint32_t timeout = 0;  // seconds; 0: none
    static auto fields(auto&& visit, auto& self) { return visit(self.path, self.args, self.env, self.timeout); }
};

/// What a hook reads: `head`, the pid as the hook's namespace has it, `tail`.
struct HookState {
    std::string head, tail;
    static auto fields(auto&& visit, auto& self) { return visit(self.head, self.tail); }
};

/// The init runs create_container and start_container. Whoever supervises it runs the others, outside: the init waits
/// for create_runtime, which are the prestart hooks too.
struct Hooks {
    std::vector<Hook> create_runtime, create_container, start_container, poststart, poststop;
    HookState create_state, start_state, poststart_state, poststop_state;
    static auto fields(auto&& visit, auto& self) {
        return visit(self.create_runtime, self.create_container, self.start_container, self.poststart, self.poststop,
                     self.create_state, self.start_state, self.poststart_state, self.poststop_state);
    }
};

/// An interface of the host that the container gets.
struct NetDevice {
    std::string name;      // on the host
    std::string new_name;  // may hold "%d" for the next free number
    static auto fields(auto&& visit, auto& self) { return visit(self.name, self.new_name); }
};

/// A class of service in resctrl.
struct IntelRdt {
    std::string clos_id{};  // empty: one of the container's own, named after it; "/": the root's
    std::string l3_cache_schema{}, mem_bw_schema{};
    std::vector<std::string> schemata{};
    bool monitoring = false;
    static auto fields(auto&& visit, auto& self) {
        return visit(self.clos_id, self.l3_cache_schema, self.mem_bw_schema, self.schemata, self.monitoring);
    }
};

struct LaunchPlan {
    std::string id;
    std::vector<Namespace> namespaces;
    std::vector<IdMap> uid_map, gid_map;
    std::vector<TimeOffset> time_offsets;
    std::string hostname, domainname;  // empty: not set
    std::vector<FileWrite> sysctls;    // relative to /proc/sys
    Root root;
    Cgroup cgroup;
    Process process;
    Hooks hooks;
    std::vector<NetDevice> net_devices;
    std::optional<IntelRdt> rdt;
    bool enters = false;  // a process for a running container, whose root is where its mount namespace has it
    static auto fields(auto&& visit, auto& self) {
        return visit(self.id, self.namespaces, self.uid_map, self.gid_map, self.time_offsets, self.hostname,
                     self.domainname, self.sysctls, self.root, self.cgroup, self.process, self.hooks, self.net_devices,
                     self.rdt, self.enters);
    }
};

/// The row of `kind`, or nullptr.
[[nodiscard]] inline const Namespace* find_namespace(const LaunchPlan& plan, NamespaceKind kind) {
    for (const auto& row : plan.namespaces)
        if (row.kind == kind) return &row;
    return nullptr;
}

[[nodiscard]] inline bool has_new_namespace(const LaunchPlan& plan, NamespaceKind kind) {
    const auto* row = find_namespace(plan, kind);
    return row != nullptr && row->path.empty();
}

}  // namespace xctl::plan
