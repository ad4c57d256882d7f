// SPDX-License-Identifier: LGPL-2.1-or-later
// Single values of a definition: where each comes from, how it is changed, and how it differs from what runs. The key
// of a value is its JSON pointer; below /config are the members of config.json.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "api/types.hpp"
#include "daemon/definition/definition.hpp"
#include "lib/base/result.hpp"

namespace xctl::definition {

struct Assignment {
    std::string key;
    std::string value;  // JSON; "null" takes it out, so that the default comes back
};

/// Words as `xctl set` takes them, KEY=VALUE: restart.policy=always, stop.timeoutUSec=5s, /config/hostname=web.
Result<std::vector<Assignment>> parse_assignments(const std::vector<std::string>& words);

/// The error of a document that has these values: about the word that is at fault, if that is known.
[[nodiscard]] Error blaming(Error error, const std::vector<std::string>& words,
                            const std::vector<Assignment>& assignments);

/// `file` with these values set, and everything else kept. An empty text is an empty object.
Result<std::string> with_assignments(const NamedText& file, const std::vector<Assignment>& assignments);

/// The values that these files amount to, base first, in the files' order. They have been read as a definition.
[[nodiscard]] std::vector<api::Setting> list_settings(const std::vector<NamedText>& files);

/// What a start makes of a definition and its bundle, as one document: the definition with a whole config.json, in
/// which `args` replace the program's if there are any. Both texts have been read as what they are.
[[nodiscard]] std::string whole_document(const Definition& definition, std::string_view config_text,
                                         const std::vector<std::string>& args);

/// The config.json of such a document.
[[nodiscard]] std::string config_of(std::string_view whole);

/// `running` with the values at `keys` as `now` has them.
[[nodiscard]] std::string with_values_of(std::string_view running, std::string_view now,
                                         const std::vector<std::string>& keys);

/// Where two such documents differ. Without origins.
[[nodiscard]] std::vector<api::Setting> differences(std::string_view running, std::string_view now);

/// Where a change counts at once for a container that runs, if `xctl set` makes it.
inline constexpr std::string_view kResources = "/config/linux/resources";
inline constexpr std::string_view kAnnotations = "/config/annotations";
inline constexpr std::string_view kBinds = "/binds";
inline constexpr std::string_view kDevices = "/devices";
inline constexpr std::array kChangeable{kResources, kAnnotations, kBinds, kDevices};

/// Whether `key` is `ancestor` or below it.
[[nodiscard]] bool is_within(std::string_view key, std::string_view ancestor);

}  // namespace xctl::definition
