// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/manager/verify.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <format>
#include <set>

#include "daemon/definition/blueprint.hpp"
#include "daemon/definition/unit_names.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/file.hpp"
#include "lib/plan/environment.hpp"
#include "lib/plan/path.hpp"

namespace xctl::manager {
namespace {

using Findings = std::vector<api::Finding>;

api::Finding warning(std::string message, std::string key = {}) {
    return {"warning", std::move(message), std::move(key)};
}

constexpr std::string_view kUnitDirectories[]{"/etc/systemd/system", "/run/systemd/system",
                                              "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"};

/// Names the users besides root who can write to the file; empty if there are none.
std::string writers_of(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) < 0) return {};
    if ((status.st_mode & S_IWOTH) != 0) return "everybody";
    return status.st_uid == 0 ? std::string() : std::format("uid {}", status.st_uid);
}

void check_writers(const std::string& path, Findings& out) {
    const auto who = writers_of(path);
    if (!who.empty())
        out.push_back(warning(std::format("{} can be changed by {}, who may so have programs run as root", path, who)));
}

/// The link that `systemctl enable` makes, or empty.
std::string find_unit_link(const std::string& unit) {
    for (const auto place : kUnitDirectories)
        for (const auto& name : kernel::list_directory(AT_FDCWD, std::string(place)).value_or(std::vector<std::string>())) {
            if (!name.ends_with(".wants") && !name.ends_with(".requires")) continue;
            auto link = std::format("{}/{}/{}", place, name, unit);
            struct stat status {};
            if (::lstat(link.c_str(), &status) == 0) return link;
        }
    return {};
}

/// Something is there; nothing is opened, since opening may wait for ever.
Result<UniqueFd> look_up(const std::string& path) { return kernel::open_at(AT_FDCWD, path, O_PATH); }

void check_mounts(const plan::LaunchPlan& plan, Findings& out) {
    for (const auto& mount : plan.root.mounts) {
        if (mount.kind != plan::MountKind::bind) continue;
        if (const auto source = look_up(mount.source); !source)
            out.push_back(error_finding(std::format("mount {}: the source {}: {}", xctl::quoted(mount.target),
                                                    xctl::quoted(mount.source), errno_text(source.error().sys_errno))));
    }
}

void check_namespaces(const plan::LaunchPlan& plan, Findings& out) {
    for (const auto& entry : plan.namespaces) {
        if (entry.path.empty()) continue;
        if (const auto found = look_up(entry.path); !found)
            out.push_back(error_finding(
                std::format("namespace {}: {}", xctl::quoted(entry.path), errno_text(found.error().sys_errno))));
    }
}

void check_hooks(const plan::LaunchPlan& plan, Findings& out) {
    for (const auto* hooks : {&plan.hooks.create_runtime, &plan.hooks.create_container, &plan.hooks.poststart,
                              &plan.hooks.poststop})
        for (const auto& hook : *hooks)
            if (::faccessat(AT_FDCWD, hook.path.c_str(), X_OK, AT_EACCESS) < 0)
                out.push_back(error_finding(std::format("hook {}: {}", xctl::quoted(hook.path), errno_text(errno))));
}

void check_controllers(const plan::LaunchPlan& plan, Findings& out) {
    const auto root = kernel::open_cgroup_root();
    const auto offered = root ? kernel::read_controllers(root->get()) : std::unexpected(root.error());
    if (!offered) return;
    for (const auto& row : plan.cgroup.files) {
        const auto controller = row.file.substr(0, row.file.find('.'));
        if (controller != "cgroup" && !std::ranges::contains(*offered, controller))
            out.push_back(error_finding(
                std::format("{}: the cgroup controller {} is not available", row.pointer, xctl::quoted(controller))));
    }
}

/// The mount over the place of a path, the innermost one, or nullptr.
const plan::Mount* mount_over(const plan::LaunchPlan& plan, std::string_view path) {
    const auto covers = [&](const plan::Mount& mount) {
        return mount.kind != plan::MountKind::change && path.starts_with(mount.target) &&
               path.substr(mount.target.size()).starts_with('/');
    };
    const auto last = std::ranges::find_last_if(plan.root.mounts, covers);
    return last.empty() ? nullptr : &*last.begin();
}

enum class Found : std::uint8_t { yes, no, not_executable, unknown };

/// Unknown where a mount has the place, or where a link may lead to one.
Found look_for(const plan::LaunchPlan& plan, int root, const std::string& path) {
    if (mount_over(plan, path) != nullptr) return Found::unknown;
    const auto file = kernel::open_in_root(root, path, O_PATH);
    if (!file) return Found::no;
    struct stat status {};
    if (::fstat(file->get(), &status) < 0) return Found::unknown;
    const bool executable = S_ISREG(status.st_mode) && (status.st_mode & 0111) != 0;
    return executable ? Found::yes : Found::not_executable;
}

std::vector<std::string> candidates(const plan::Process& process) {
    const auto& name = process.args.front();
    if (name.starts_with('/')) return {name};
    if (name.contains('/')) return {plan::normalized(process.cwd, name)};
    std::string_view path = plan::kDefaultPath;
    for (const auto& entry : process.env)
        if (entry.starts_with("PATH=")) path = std::string_view(entry).substr(5);
    std::vector<std::string> out;
    for (const auto& directory : split(path, ':')) out.push_back(plan::normalized(process.cwd, directory + "/" + name));
    return out;
}

void check_program(const plan::LaunchPlan& plan, int root, Findings& out) {
    if (plan.process.args.empty()) return;
    auto best = Found::no;
    for (const auto& path : candidates(plan.process)) {
        const auto found = look_for(plan, root, path);
        if (found == Found::yes || found == Found::unknown) return;
        if (found == Found::not_executable) best = found;
    }
    out.push_back(error_finding(std::format("the program {} is {} in the root file system",
                                            xctl::quoted(plan.process.args.front()),
                                            best == Found::no ? "not" : "not an executable file")));
}

}  // namespace

api::Finding error_finding(std::string message) { return {"error", std::move(message), {}}; }

std::vector<api::Finding> verify_files(const std::vector<definition::NamedText>& files) {
    Findings out;
    std::set<std::string> directories;
    for (const auto& [file, text] : files) {
        check_writers(file, out);
        directories.insert(std::filesystem::path(file).parent_path());
    }
    for (const auto& directory : directories) check_writers(directory, out);
    return out;
}

std::vector<api::Finding> verify_definition(const ContainerId& id, const definition::Definition& definition) {
    Findings out;
    for (const auto& member : definition::list_unknown_members(definition))
        out.push_back(warning(std::format("{}/config.json: {}: is not known, so that it has no effect",
                                          definition.bundle, member)));
    const auto unit = definition::service_name(id.str());
    const auto link = definition.autostart ? find_unit_link(unit) : std::string();
    if (!link.empty())
        out.push_back(warning(std::format("at boot both autostart and {} ({}) start it, and whatever comes second fails: "
                                          "use `xctl disable {}` or `systemctl disable {}`",
                                          unit, link, id.str(), unit),
                              "/autostart"));
    return out;
}

std::vector<api::Finding> verify_order(const ContainerId& id, const OrderingLookup& lookup) {
    const auto ordered = check_order(id, lookup);
    if (ordered) return {};
    return {error_finding(ordered.error().message)};
}

std::vector<api::Finding> verify(const plan::Compiled& compiled) {
    Findings out;
    const auto& plan = compiled.plan;
    for (const auto& text : compiled.warnings) out.push_back(warning(text));
    if (const auto root = kernel::open_at(AT_FDCWD, plan.root.path, O_PATH | O_DIRECTORY))
        check_program(plan, root->get(), out);
    else
        out.push_back(error_finding(std::format("the root file system {}: {}", xctl::quoted(plan.root.path),
                                                errno_text(root.error().sys_errno))));
    check_mounts(plan, out);
    check_namespaces(plan, out);
    check_hooks(plan, out);
    check_controllers(plan, out);
    return out;
}

}  // namespace xctl::manager
