// SPDX-License-Identifier: LGPL-2.1-or-later
// Tells systemd-machined which containers run, for machinectl(1). org.freedesktop.machine1(5).
//
// It need not be there, and nobody waits for it: all that a refusal leaves is a line in the log. What it knows outlives
// both it and us; it forgets a machine when that one's unit is gone, or when we say so.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/systemd/bus.hpp"
#include "lib/base/result.hpp"

namespace xctl::systemd {

class Machines {
public:
    struct Registration {
        std::string name;
        std::vector<std::uint8_t> id;  // 16 bytes, or none
        pid_t leader = -1;             // in its unit by now, since machined learns that from the cgroup
        std::string root;              // of its files
    };

    static Result<std::unique_ptr<Machines>> open(Bus& bus);

    /// Also for one that an earlier daemon may have told of.
    void add(Registration what);
    /// It has ended. Nothing happens if it was not added, or could not be.
    void remove(const std::string& name);

private:
    explicit Machines(Bus& bus);
    using Shared = std::shared_ptr<const Registration>;
    void request(const Shared& what, int attempt);
    void compare(const Shared& what, int attempt);
    void on_added(const Registration& what);
    void on_refused(const Registration& what, std::string_view why);
    void forget(const std::string& name);
    [[nodiscard]] bool is_wanted(const Registration& what) const;

    struct Entry {
        pid_t leader;
        bool known = false;  // to machined
    };

    Bus& bus_;
    std::unique_ptr<sdbus::IProxy> manager_;
    std::map<std::string, Entry> entries_;  // by name
};

}  // namespace xctl::systemd
