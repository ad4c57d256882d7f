// SPDX-License-Identifier: LGPL-2.1-or-later
// A console that outlives the boot: a copy of its ring below /var/lib/xctl/consoles.
#pragma once

#include <string>

#include "daemon/ring/ring.hpp"
#include "lib/base/container_id.hpp"
#include "lib/base/result.hpp"

namespace xctl::ring {

class SavedConsole {
public:
    explicit SavedConsole(const ContainerId& id, const std::string& base = "/var/lib/xctl/consoles")
        : path_(base + "/" + id.str()) {}

    /// On the disk when this returns, or as it was before.
    Result<> save(const Ring& ring) const;
    /// Makes the ring NAME below `directory` of what was saved, unless there is one already or nothing was saved. A run
    /// that was not over then has ended, and nobody knows how.
    void restore(int directory, const char* name) const;
    Result<> remove() const;

private:
    std::string path_;
};

}  // namespace xctl::ring
