// SPDX-License-Identifier: LGPL-2.1-or-later
// What the bundle and the definition of a container amount to.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/definition/definition.hpp"
#include "lib/base/container_id.hpp"
#include "lib/base/latest.hpp"
#include "lib/plan/compile.hpp"

namespace xctl::definition {

/// What one run is made by: the plan, and the document that it was compiled from, see whole_document().
struct Blueprint : plan::Compiled {
    std::string document;
};

/// From the bundle as it is now.
Result<Blueprint> compile_container(const ContainerId& id, const Definition& definition,
                                    const std::vector<std::string>& args = {});

/// Members of the bundle's config.json, with the definition's patch, that nothing is done with; none of one that cannot
/// be read. As JSON pointers.
[[nodiscard]] std::vector<std::string> list_unknown_members(const Definition& definition);

/// From such a document, whatever the bundle says now. Devices that the host has no more are left out.
Result<plan::Compiled> compile_whole(const ContainerId& id, std::string_view document);

/// The same, remembering the latest: one start asks several times for what a restart and each exec ask for again. All
/// files are looked at each time; only what was made of them is not made again.
class Blueprints {
public:
    Result<std::shared_ptr<const Blueprint>> of_container(const ContainerId& id, const Definition& definition,
                                                          const std::vector<std::string>& args);
    Result<std::shared_ptr<const plan::Compiled>> of_whole(const ContainerId& id, const std::string& document);

private:
    struct Source {
        std::string id;
        Definition definition;
        std::vector<std::string> args;
        std::string text;     // of config.json, or of the whole document
        std::string profile;  // which file the default profile of system calls is
        bool operator==(const Source&) const = default;
    };
    static constexpr std::size_t kMost = 8;

    Latest<Source, std::shared_ptr<const Blueprint>, kMost> containers_;
    Latest<Source, std::shared_ptr<const plan::Compiled>, kMost> wholes_;
};

/// The signal that asks it to end: what the definition says, or else the image, or what suits the program.
[[nodiscard]] int stop_signal_of(const Definition& definition, const std::map<std::string, std::string>& annotations,
                                 const std::vector<std::string>& args);

}  // namespace xctl::definition
