// SPDX-License-Identifier: LGPL-2.1-or-later
// config.json to Spec. Types, ranges and required properties are checked here; spec_check.hpp has the rest.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/oci/spec.hpp"

namespace xctl::oci {

/// Unknown properties are ignored, as the specification demands; null stands for an absent one. Every error is
/// invalid_document and reads "FILE: /json/pointer: rule" or, for broken JSON, "FILE:LINE:COLUMN: reason".
Result<Spec> parse_spec(std::string_view text, std::string_view file_name);

/// The same after applying a JSON merge patch (RFC 7396) to the document; an empty patch text applies nothing.
Result<Spec> parse_spec(std::string_view text, std::string_view file_name, std::string_view merge_patch);

/// The members that parse_spec() takes no notice of, as JSON pointers.
Result<std::vector<std::string>> list_unknown_members(std::string_view text, std::string_view file_name,
                                                      std::string_view merge_patch);

/// The `linux.resources` object alone, for changing the limits of a running container.
Result<Resources> parse_resources(std::string_view text, std::string_view file_name);

/// The `process` object alone, for a process that joins a running container.
Result<Process> parse_process(std::string_view text, std::string_view file_name);

}  // namespace xctl::oci
