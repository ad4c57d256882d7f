// SPDX-License-Identifier: LGPL-2.1-or-later
// The definition files: NAME.json in /etc/xctl/containers, then /run/xctl/containers, then
// /usr/lib/xctl/containers, first found wins; drop-ins NAME.json.d/*.json of all three, ordered by file name.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/definition/definition.hpp"
#include "lib/base/container_id.hpp"
#include "lib/base/result.hpp"

namespace xctl::definition {

/// Which files there are at one moment: questions about many containers need not look for each file again.
struct Survey {
    std::vector<std::vector<std::string>> names;  // by directory, sorted
    std::vector<ContainerId> ids;  // that have a file; one whose name is no container name is left alone
    std::string stamp;             // of the directories
    bool settled = false;  // their last change is so long ago that the next one will have another time
};

class Definitions {
public:
    /// The directories, highest priority first; the first keeps what must last, the second what ends with the boot.
    explicit Definitions(std::vector<std::string> directories) : directories_(std::move(directories)) {}
    static Definitions standard();

    /// Reads the directories only if they have changed.
    [[nodiscard]] std::shared_ptr<const Survey> survey() const;
    [[nodiscard]] std::vector<ContainerId> list() const { return survey()->ids; }
    [[nodiscard]] bool exists(const ContainerId& id) const;
    /// Errc::not_found without a file.
    [[nodiscard]] Result<Definition> load(const ContainerId& id) const;
    /// What load() reads: the base file, then the drop-ins. As if `replaced` were there, if it is given.
    [[nodiscard]] Result<std::vector<NamedText>> read(const ContainerId& id, const NamedText* replaced = nullptr) const;
    /// Changes whenever one of the files does, or comes, or goes.
    [[nodiscard]] std::string stamp(const ContainerId& id) const;
    /// The same, for one of many: looks for no file that was not there.
    [[nodiscard]] std::string stamp(const ContainerId& id, const Survey& survey) const;

    enum class Lifetime : unsigned char { lasting, this_boot };
    Result<> save(const ContainerId& id, const Definition& definition, Lifetime lifetime) const;
    /// Removes our own files; Errc::denied when a vendor's file would remain.
    Result<> remove(const ContainerId& id) const;
    /// Takes back a save() and leaves drop-ins alone.
    void withdraw(const ContainerId& id, Lifetime lifetime) const;
    Result<> set_autostart(const ContainerId& id, bool autostart) const;

    /// The drop-in of `xctl set`. One for this boot ends with the run: see remove_runtime().
    [[nodiscard]] Result<std::string> file_to_set(const ContainerId& id, Lifetime lifetime) const;
    void remove_runtime(const ContainerId& id) const;
    /// The definition's own file, or a drop-in for good. What a package has is replaced by a file of ours.
    [[nodiscard]] Result<std::string> file_to_edit(const ContainerId& id, std::string_view drop_in) const;
    /// Empty when there is none, and what a package has when there is only that.
    [[nodiscard]] Result<std::string> text_to_edit(const ContainerId& id, const std::string& file) const;
    /// Makes its directory, too.
    Result<> write(const NamedText& file) const;

private:
    [[nodiscard]] std::string file_of(std::size_t directory, const ContainerId& id) const;
    [[nodiscard]] std::optional<std::string> base_of(const ContainerId& id, const NamedText* replaced) const;
    [[nodiscard]] std::vector<std::string> drop_ins_of(const ContainerId& id, const NamedText* replaced) const;
    [[nodiscard]] std::vector<std::string> drop_ins_in(std::size_t directory, const ContainerId& id) const;
    [[nodiscard]] bool is_vendors(const ContainerId& id, const std::string& file) const;

    std::vector<std::string> directories_;
    mutable std::shared_ptr<const Survey> survey_;
};

}  // namespace xctl::definition
