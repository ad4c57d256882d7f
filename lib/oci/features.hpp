// SPDX-License-Identifier: LGPL-2.1-or-later
// The specification's features document, made from the tables that read config.json. It asks nothing of the system.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace xctl::oci {

/// What only the program knows that prints the document.
struct RuntimeFacts {
    std::vector<std::string> capabilities;
    bool systemd = false, systemd_user = false;  // makes cgroups through the manager of the system, of a user
    std::map<std::string, std::string> annotations;
    std::vector<std::string> unsafe_annotations;  // of config.json; one that ends in '.' is a prefix
};

/// JSON in several lines, without a line break at its end.
[[nodiscard]] std::string features_document(const RuntimeFacts& facts);

}  // namespace xctl::oci
