// SPDX-License-Identifier: LGPL-2.1-or-later
// One line per step. Numbers become names again by the tables they came from.
#include "lib/plan/explain.hpp"

#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <bit>
#include <format>

#include "lib/base/table.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/capabilities.hpp"
#include "lib/oci/names.hpp"
#include "lib/plan/value_names.hpp"

namespace xctl::plan {
namespace {

/// The words of mount(8) for a bit that becomes set, and for one that becomes clear.
struct Attribute {
    std::uint64_t bit;
    std::string_view set;
    std::string_view clear;
};

constexpr std::array kAttributes{
    Attribute{MOUNT_ATTR_RDONLY, "ro", "rw"},
    Attribute{MOUNT_ATTR_NOSUID, "nosuid", "suid"},
    Attribute{MOUNT_ATTR_NODEV, "nodev", "dev"},
    Attribute{MOUNT_ATTR_NOEXEC, "noexec", "exec"},
    Attribute{MOUNT_ATTR_NODIRATIME, "nodiratime", "diratime"},
    Attribute{0x00200000, "nosymfollow", "symfollow"},
};

constexpr std::array<Named<std::uint64_t>, 3> kAccessTimes{{
    {"relatime", MOUNT_ATTR_RELATIME},
    {"noatime", MOUNT_ATTR_NOATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME},
}};

/// Bare when it is a word of harmless characters, else quoted.
std::string shown(std::string_view text) {
    const bool plain = !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("/._-+=:,@%").contains(c);
    });
    return plain ? std::string(text) : quoted_whole(text);
}

std::string shown_list(const std::vector<std::string>& words) {
    std::vector<std::string> out;
    std::ranges::transform(words, std::back_inserter(out), shown);
    return join(out, " ");
}

std::string shown_maps(const std::vector<IdMap>& maps) {
    std::vector<std::string> out;
    for (const auto& m : maps) out.push_back(std::format("{} -> {} x {}", m.container_id, m.host_id, m.size));
    return join(out, ", ");
}

void add_attributes(std::vector<std::string>& words, std::uint64_t set, std::uint64_t clear,
                    std::string_view prefix) {
    for (const auto& row : kAttributes) {
        if ((set & row.bit) != 0) words.push_back(std::format("{}{}", prefix, row.set));
        if ((clear & row.bit) != 0) words.push_back(std::format("{}{}", prefix, row.clear));
    }
    if ((clear & MOUNT_ATTR__ATIME) != 0)
        words.push_back(std::format("{}{}", prefix, name_of(kAccessTimes, set & MOUNT_ATTR__ATIME)));
}

std::string shown_propagation(std::uint64_t flags) {
    return std::string(name_of(oci::kPropagationNames, static_cast<oci::Propagation>(flags)));
}

std::string shown_capabilities(std::uint64_t mask) {
    std::vector<std::string> names;
    for (; mask != 0; mask &= mask - 1)
        names.push_back(kernel::capability_name(static_cast<unsigned>(std::countr_zero(mask))));
    return names.empty() ? "none" : join(names, " ");
}

class Explainer {
public:
    explicit Explainer(const LaunchPlan& plan) : plan_(plan) {}

    std::string explain() {
        line("container", shown(plan_.id));
        add_cgroup();
        add_namespaces();
        add_root();
        add_process();
        return std::move(out_);
    }

private:
    void line(std::string_view step, std::string_view what) {
        out_ += std::format("{:3}  {:<12} {}\n", ++number_, step, what);
    }

    void add_cgroup() {
        const auto& cgroup = plan_.cgroup;
        if (!cgroup.controllers.empty()) line("controllers", shown_list(cgroup.controllers));
        for (const auto& write : cgroup.files)
            line("cgroup", std::format("{} = {}", write.file, shown(write.value)));
        if (cgroup.owner) line("cgroup", std::format("belongs to uid {}", *cgroup.owner));
        if (!cgroup.device_program.empty())
            line("devices", std::format("a program of {} instructions", cgroup.device_program.size()));
    }

    void add_namespaces() {
        for (const auto& row : plan_.namespaces) {
            const auto name = name_of(oci::kNamespaceNames, static_cast<oci::NamespaceType>(row.kind));
            line("namespace", row.path.empty() ? std::format("{}, new", name)
                                               : std::format("{}, joins {}", name, shown(row.path)));
        }
        if (!plan_.uid_map.empty()) line("uid map", shown_maps(plan_.uid_map));
        if (!plan_.gid_map.empty()) line("gid map", shown_maps(plan_.gid_map));
        for (const auto& offset : plan_.time_offsets)
            line("time", std::format("{} {:+} s {} ns", offset.boottime ? "boottime" : "monotonic", offset.seconds,
                                     offset.nanoseconds));
        if (!plan_.hostname.empty()) line("hostname", shown(plan_.hostname));
        if (!plan_.domainname.empty()) line("domainname", shown(plan_.domainname));
        for (const auto& device : plan_.net_devices)
            line("interface", std::format("{} as {}", shown(device.name), shown(device.new_name)));
        if (plan_.rdt)
            line("resctrl", std::format("{}{}{}", plan_.rdt->clos_id.empty() ? "its own" : shown(plan_.rdt->clos_id),
                                        plan_.rdt->monitoring ? ", monitored: " : ": ", shown_schemata(*plan_.rdt)));
        for (const auto& write : plan_.sysctls)
            line("sysctl", std::format("{} = {}", shown(write.file), shown(write.value)));
    }

    void add_root() {
        const auto& root = plan_.root;
        auto what = shown(root.path);
        if (root.propagation != 0) what += ", " + shown_propagation(root.propagation);
        line("root", what);
        for (const auto& mount : root.mounts) add_mount(mount);
        for (const auto& device : root.devices) add_device(device);
        for (const auto& link : root.links)
            line("link", std::format("{} -> {}", shown(link.path), shown(link.target)));
        for (const auto& path : root.read_only_paths) line("read-only", shown(path));
        for (const auto& path : root.masked_paths) line("masked", shown(path));
        if (root.read_only) line("read-only", "/");
        if (!root.mount_label.empty()) line("mount label", shown(root.mount_label));
    }

    std::string shown_cgroups() const {
        return find_namespace(plan_, NamespaceKind::cgroup) != nullptr ? "own cgroup" : "all cgroups";
    }

    void add_mount(const Mount& mount) {
        std::vector<std::string> words{shown(mount.target)};
        if (mount.kind == MountKind::bind)
            words.push_back((mount.recursive ? "rbind " : "bind ") + shown(mount.source));
        else if (mount.kind == MountKind::change)
            words.push_back("changed to");
        else
            words.push_back(mount.kind == MountKind::cgroup ? shown_cgroups() : shown(mount.fstype));
        if (mount.kind == MountKind::filesystem && !mount.source.empty() && mount.source != mount.fstype)
            words.back() += " from " + shown(mount.source);
        words.back() += ",";
        for (const auto& [key, value] : mount.parameters) words.push_back(shown(value ? key + "=" + *value : key));
        add_attributes(words, mount.attr_set, mount.attr_clear, "");
        add_attributes(words, mount.rec_attr_set, mount.rec_attr_clear, "r");
        if (mount.propagation != 0)
            words.push_back(shown_propagation(mount.propagation | (mount.recursive_propagation ? MS_REC : 0)));
        if (mount.source_link) words.push_back("src-nofollow");
        if (mount.copy_link) words.push_back("copy-symlink");
        if (mount.target_link) words.push_back("dest-nofollow");
        if (mount.copy_up) words.push_back("with what it covers");
        if ((mount.attr_set & MOUNT_ATTR_IDMAP) != 0) words.push_back("ids mapped as in the joined user namespace");
        if (!mount.uid_map.empty())
            words.push_back(std::format("{}uids {}; gids {}",
                                        (mount.rec_attr_set & MOUNT_ATTR_IDMAP) != 0 ? "recursive " : "",
                                        shown_maps(mount.uid_map), shown_maps(mount.gid_map)));
        auto text = join(words, " ");
        if (text.ends_with(',')) text.pop_back();
        line("mount", text);
    }

    void add_device(const Device& device) {
        const bool fifo = (device.mode & S_IFMT) == S_IFIFO;
        const auto type = fifo ? 'p' : (device.mode & S_IFMT) == S_IFBLK ? 'b' : 'c';
        const auto number = fifo ? std::string() : std::format(" {}:{}", device.major, device.minor);
        const auto owner = device.uid == 0 && device.gid == 0 ? "" : std::format(" {}:{}", device.uid, device.gid);
        line("device", std::format("{} {}{} {:04o}{}", shown(device.path), type, number,
                                   device.mode & ~unsigned{S_IFMT}, owner));
    }

    void add_process() {
        const auto& process = plan_.process;
        if (process.terminal)
            line("terminal", process.rows == 0
                                 ? "new"
                                 : std::format("new, {} rows, {} columns", process.rows, process.columns));
        for (const auto& limit : process.rlimits)
            line("rlimit",
                 std::format("{} soft {} hard {}", name_of_resource(limit), shown_limit(limit.soft),
                             shown_limit(limit.hard)));
        if (process.oom_score_adj) line("oom score", std::format("{}", *process.oom_score_adj));
        add_manner();
        add_credentials();
        for (const auto& entry : process.env) line("env", shown(entry));
        line("cwd", shown(process.cwd));
        if (!process.seccomp.filter.empty())
            line("seccomp", std::format("a filter of {} instructions, flags {}", process.seccomp.filter.size(),
                                        process.seccomp.flags));
        if (!process.seccomp.listener.empty()) line("notifies", shown(process.seccomp.listener));
        line("exec", shown_list(process.args));
    }

    static std::string shown_schemata(const IntelRdt& rdt) {
        std::vector<std::string> lines;
        for (const auto* text : {&rdt.l3_cache_schema, &rdt.mem_bw_schema})
            if (!text->empty()) lines.push_back(*text);
        lines.insert(lines.end(), rdt.schemata.begin(), rdt.schemata.end());
        return shown_list(lines);
    }

    void add_manner() {
        const auto& process = plan_.process;
        if (!process.apparmor_profile.empty()) line("apparmor", shown(process.apparmor_profile));
        if (!process.selinux_label.empty()) line("selinux", shown(process.selinux_label));
        if (process.scheduler)
            line("scheduler", std::format("{}, flags {}, nice {}, priority {}, {} ns of {} in {}",
                                          name_of_policy(*process.scheduler),
                                          process.scheduler->flags, process.scheduler->nice,
                                          process.scheduler->priority, process.scheduler->runtime,
                                          process.scheduler->deadline, process.scheduler->period));
        if (process.io_priority)
            line("I/O priority", std::format("{} {}", name_of(oci::kIoClassNames, *process.io_priority >> 13),
                                             *process.io_priority & 7));
        if (process.memory_policy)
            line("memory", std::format("{}, flags {:#x}, nodes {}",
                                       name_of(oci::kMemoryPolicyModeNames, process.memory_policy->mode & 0xff),
                                       process.memory_policy->mode & ~0xffU, shown_bits(process.memory_policy->nodes)));
        if (process.personality) line("personality", name_of(oci::kPersonalityNames, *process.personality));
    }

    static std::string shown_bits(const std::vector<std::uint64_t>& bits) {
        std::vector<std::string> out;
        for (std::size_t i = 0; i < bits.size() * 64; ++i)
            if ((bits[i / 64] >> i % 64 & 1) != 0) out.push_back(std::to_string(i));
        return join(out, ",");
    }

    void add_credentials() {
        const auto& process = plan_.process;
        auto user = std::format("{}:{}", process.uid, process.gid);
        for (const auto group : process.groups) user += std::format(" +{}", group);
        line("user", user);
        if (process.umask) line("umask", std::format("{:04o}", *process.umask));
        if (process.capabilities) {
            line("bounding", shown_capabilities(process.capabilities->bounding));
            line("permitted", shown_capabilities(process.capabilities->permitted));
            line("effective", shown_capabilities(process.capabilities->effective));
            line("inheritable", shown_capabilities(process.capabilities->inheritable));
            line("ambient", shown_capabilities(process.capabilities->ambient));
        }
        if (process.no_new_privileges) line("privileges", "no new ones");
    }

    static std::string shown_limit(std::uint64_t value) {
        return value == RLIM_INFINITY ? "unlimited" : std::to_string(value);
    }

    const LaunchPlan& plan_;
    std::string out_;
    int number_ = 0;
};

}  // namespace

std::string explain(const LaunchPlan& plan) { return Explainer(plan).explain(); }

}  // namespace xctl::plan
