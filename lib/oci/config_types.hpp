// SPDX-License-Identifier: LGPL-2.1-or-later
// The types of the members of config.json, for a value that somebody writes as a word.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace xctl::oci {

enum class ConfigType : std::uint8_t { flag, number, text, words, other };

/// `path`: the unescaped names of a JSON pointer (RFC 6901) into config.json, objects only. Nothing if no field has it.
[[nodiscard]] std::optional<ConfigType> config_type_of(std::span<const std::string> path);

}  // namespace xctl::oci
