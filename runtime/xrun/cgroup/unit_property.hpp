// SPDX-License-Identifier: LGPL-2.1-or-later
// Properties of a unit as org.freedesktop.systemd1(5) types them, from limits and from annotations.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::runtime {

/// One alternative for every type that systemd's properties have and a text can express.
using PropertyValue = std::variant<bool, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t, std::uint32_t,
                                   std::int64_t, std::uint64_t, double, std::string, std::vector<std::string>,
                                   std::vector<std::uint8_t>>;

struct UnitProperty {
    std::string name;
    PropertyValue value;
    bool operator==(const UnitProperty&) const = default;
};

/// Limits that systemd has properties for: without them it would write its own at the next daemon-reload. Limits
/// that it knows nothing of are in the cgroup's files only.
[[nodiscard]] std::vector<UnitProperty> limit_properties(const plan::Cgroup& limits);

/// The annotations `org.systemd.property.NAME`, whose values are in GVariant's text format. NAME may end with Sec
/// for a number of seconds where the property's ends with USec.
Result<std::vector<UnitProperty>> annotated_properties(const std::map<std::string, std::string>& annotations);

/// `'text'`, `true`, `uint64 5`, `['a', 'b']`, `[byte 1, 2]`.
Result<PropertyValue> parse_property_value(std::string_view text);

/// A list of CPUs or memory nodes, `0-2,7`, as the bits of bytes, the lowest first.
Result<std::vector<std::uint8_t>> parse_cpu_mask(std::string_view text);

}  // namespace xctl::runtime
