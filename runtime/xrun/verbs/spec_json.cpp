// SPDX-License-Identifier: LGPL-2.1-or-later
// spec: a configuration to start from.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "lib/kernel/file.hpp"
#include "lib/plan/environment.hpp"
#include "runtime/xrun/verbs.hpp"

namespace xctl::runtime {
namespace {

using Json = nlohmann::ordered_json;

struct MountRow {
    const char* destination;
    const char* type;
    const char* source;
    std::vector<const char*> options;
};

std::vector<MountRow> mounts() {
    return {
        {"/proc", "proc", "proc", {}},
        {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
        {"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
        {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
        {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
        {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
        {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}},
    };
}

constexpr std::array kMasked{
    "/proc/acpi",   "/proc/asound",      "/proc/interrupts", "/proc/kcore", "/proc/keys",
    "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
    "/sys/devices/virtual/powercap", "/sys/firmware",
};
constexpr std::array kReadOnly{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
constexpr std::array kCapabilities{"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
constexpr std::array kNamespaces{"pid", "network", "ipc", "uts", "mount", "cgroup"};

Json process() {
    Json json{{"terminal", true},
              {"user", {{"uid", 0}, {"gid", 0}}},
              {"args", {"sh"}},
              {"env", {"PATH=" + std::string(plan::kDefaultPath), "TERM=xterm"}},
              {"cwd", "/"}};
    for (const char* set : {"bounding", "effective", "permitted"}) json["capabilities"][set] = kCapabilities;
    json["rlimits"] = Json::array({{{"type", "RLIMIT_NOFILE"}, {"hard", 1024}, {"soft", 1024}}});
    json["noNewPrivileges"] = true;
    return json;
}

Json mount_list() {
    Json out = Json::array();
    for (const auto& row : mounts()) {
        Json mount{{"destination", row.destination}, {"type", row.type}, {"source", row.source}};
        if (!row.options.empty()) mount["options"] = row.options;
        out.push_back(std::move(mount));
    }
    return out;
}

Json linux_part() {
    Json namespaces = Json::array();
    for (const char* type : kNamespaces) namespaces.push_back({{"type", type}});
    return {{"resources", {{"devices", Json::array({{{"allow", false}, {"access", "rwm"}}})}}},
            {"namespaces", std::move(namespaces)},
            {"maskedPaths", kMasked},
            {"readonlyPaths", kReadOnly}};
}

Json new_spec() {
    return {{"ociVersion", "1.3.0"},
            {"process", process()},
            {"root", {{"path", "rootfs"}, {"readonly", true}}},
            {"hostname", "xrun"},
            {"mounts", mount_list()},
            {"linux", linux_part()}};
}

/// For a user without privileges: a user namespace with nobody but them, and the host's network, whose /sys is the
/// host's then. A group that is not mapped cannot own anything.
void make_rootless(Json& spec) {
    auto& parts = spec["linux"];
    auto& namespaces = parts["namespaces"];
    std::erase_if(namespaces.get_ref<Json::array_t&>(), [](const Json& row) { return row["type"] == "network"; });
    namespaces.push_back({{"type", "user"}});
    parts["uidMappings"] = Json::array({{{"containerID", 0}, {"hostID", ::geteuid()}, {"size", 1}}});
    parts["gidMappings"] = Json::array({{{"containerID", 0}, {"hostID", ::getegid()}, {"size", 1}}});
    parts.erase("resources");
    auto& list = spec["mounts"].get_ref<Json::array_t&>();
    std::erase_if(list, [](const Json& mount) { return mount["type"] == "cgroup"; });
    for (auto& mount : list) {
        if (mount["type"] == "devpts")
            std::erase_if(mount["options"].get_ref<Json::array_t&>(), [](const Json& text) { return text == "gid=5"; });
        if (mount["type"] == "sysfs")
            mount = {{"destination", "/sys"}, {"type", "none"}, {"source", "/sys"},
                     {"options", {"rbind", "nosuid", "noexec", "nodev", "ro"}}};
    }
}

}  // namespace

Result<int> verb_spec(const Arguments& arguments) {
    auto spec = new_spec();
    if (arguments.spec_rootless) make_rootless(spec);
    const std::filesystem::path path = std::filesystem::path(arguments.bundle) / arguments.config;
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!file && errno == EEXIST)
        return fail(Errc::exists, "File " + arguments.config + " exists. Remove it first");
    if (!file) return fail_errno(errno, path.native());
    TRY(kernel::write_all(file.get(), spec.dump(4) + "\n"));
    return 0;
}

}  // namespace xctl::runtime
