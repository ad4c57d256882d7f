// SPDX-License-Identifier: LGPL-2.1-or-later
// The definition files: NAME.json in /etc/xctl/containers, then /run/xctl/containers, then
// /usr/lib/xctl/containers, first found wins; drop-ins NAME.json.d/*.json of all three, ordered by file name.
#pragma once

#include <string>
#include <vector>

#include "daemon/definition.hpp"
#include "lib/base/container_id.hpp"
#include "lib/base/result.hpp"

namespace xctl {

class Definitions {
public:
    /// The directories, highest priority first; the first keeps what must last, the second what ends with the boot.
    explicit Definitions(std::vector<std::string> directories) : directories_(std::move(directories)) {}
    static Definitions standard();

    /// Every name that has a file. A file whose name is no container name is left alone.
    [[nodiscard]] std::vector<ContainerId> list() const;
    [[nodiscard]] bool exists(const ContainerId& id) const;
    /// Errc::not_found without a file.
    [[nodiscard]] Result<Definition> load(const ContainerId& id) const;

    enum class Lifetime : unsigned char { lasting, this_boot };
    Result<> save(const ContainerId& id, const Definition& definition, Lifetime lifetime) const;
    /// Removes our own files; Errc::denied when a vendor's file would remain.
    Result<> remove(const ContainerId& id) const;
    /// Takes back a save() and leaves drop-ins alone.
    void withdraw(const ContainerId& id, Lifetime lifetime) const;
    Result<> set_autostart(const ContainerId& id, bool autostart) const;

private:
    [[nodiscard]] std::string file_of(std::size_t directory, const ContainerId& id) const;
    [[nodiscard]] Result<NamedText> read_base(const ContainerId& id) const;
    [[nodiscard]] std::vector<std::string> drop_ins_of(const ContainerId& id) const;

    std::vector<std::string> directories_;
};

}  // namespace xctl
