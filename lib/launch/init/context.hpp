// SPDX-License-Identifier: LGPL-2.1-or-later
// What the container's init works on between clone and exec: made by the parent, changed by the steps.
//
// After clone nothing is allocated and no libc state is used, so that the child may share the parent's memory.
// Whatever needs memory is therefore prepared here: argument vectors, candidate paths, texts.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/launch/init/copy_up.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::launch {

/// Of one hook; null-terminated, into the plan's strings.
struct HookVectors {
    std::vector<char*> args, env;
};

/// Where the init is among mounts.
enum class Mounts : std::uint8_t {
    own,      // in a mount namespace whose root becomes ours
    entered,  // with a running container, whose root is there
    host,     // in no namespace: what is mounted stays with whoever launches
};

/// Descriptors are plain numbers: the parent's owners keep them open until the child has its own copies.
struct Context {
    const plan::LaunchPlan* plan = nullptr;

    // Prepared by the parent.
    std::vector<int> namespaces;           // by row of plan.namespaces; -1: a new one
    std::vector<int> device_trees;         // by row of plan.root.devices: a node that the child may not make, or -1
    std::vector<int> trees;                // by row of plan.root.mounts: a prepared detached mount, or -1
    std::vector<std::uint64_t> kept;       // by row of plan.root.mounts: what a prepared mount keeps, MOUNT_ATTR_*
    std::vector<int> id_maps;              // by row of plan.root.mounts: the user namespace of an idmapped mount
    std::vector<int> sources;              // by row of plan.root.mounts: filled by the child, see open_sources()
    std::vector<std::string> executables;  // where to look for args[0], in order
    std::vector<char*> args, env;          // null-terminated, into the plan's strings
    std::vector<HookVectors> create_hooks, start_hooks;  // by row of the plan's
    std::string time_offsets;              // for timens_offsets
    std::string profile;                   // what AppArmor is told; empty: nothing, or the kernel lacks it
    std::string label;                     // what SELinux is told; the same
    bool labels_mounts = false;            // the kernel has SELinux
    int channel = -1;
    int start = -1;          // where to accept a new channel, or -1
    int preserved = 0;       // descriptors after the standard streams that the program gets
    bool keep_keyring = false;
    int stdio[3] = {-1, -1, -1};
    int devpts = -1;         // the host's, for a terminal in a running container that has none, or -1
    int listener = -1;       // a connection to who handles seccomp notifications, or -1
    std::span<std::byte> sender_stack;     // of the thread that sends there
    std::span<CopyLevel> copy_levels;      // empty if nothing is copied up
    int cgroup = -1;         // where the parent places the child, which is not born there, or -1
    int gate = -1;           // the child goes on when it has read one byte; -1: at once
    int gate_release = -1;   // the parent's end, to be closed by the child
    bool in_user_namespace = false;        // a new or a joined one
    bool has_opener = false;               // at the other end of the gate, see offered_sources.hpp
    Mounts mounts = Mounts::entered;

    // State of the child.
    int index = -1;                        // the row that a step works on, for the failure message
    int proc = -1;                         // the host's /proc
    int safe_proc = -1;                    // a procfs that is mounted nowhere, for sysctls
    int null_device = -1;                  // the host's /dev/null
    int root_source = -1;                  // the plan's root path
    int root = -1;                         // the container's root
    int empty_directory = -1;              // what hides masked directories
    int terminal = -1;
    int profile_file = -1, label_file = -1;
    char** home_entry = nullptr;           // the row of `env` that is to be replaced, or nullptr
    char home[256] = {};                   // what it is replaced with
    char host_pid[16] = {};                // ours, as the host's /proc has it
    const char* executable = nullptr;
    bool born_placed = false;  // nobody needs to be asked
    bool placed = false;
};

/// Tells the supervisor which mount was made of the row `context.index` of the list of `step`, a row of the table of
/// steps. A kernel that numbers no mounts is no failure.
int report_mount(const Context& context, std::uint8_t step, int mount);

/// Works on row after row, until one fails.
template <class Rows, class Function>
int for_each(Context& context, const Rows& rows, Function&& function) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
        context.index = static_cast<int>(i);
        if (const int result = function(context, rows[i]); result < 0) return result;
    }
    return 0;
}

/// Whether a bind mount shows a part of the container's own root, which may have been mounted there just before.
[[nodiscard]] inline bool is_in_root(const plan::Root& root, const plan::Mount& mount) {
    const auto& source = mount.source;
    const std::size_t size = root.path.size();
    return source.size() > size && source.starts_with(root.path) && source[size] == '/';
}

/// How the source of a bind mount is opened.
[[nodiscard]] inline int source_flags(const plan::Mount& mount) {
    return mount.source_link || mount.copy_link ? O_PATH | O_NOFOLLOW : O_PATH;
}

}  // namespace xctl::launch
