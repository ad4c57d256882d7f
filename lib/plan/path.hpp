// SPDX-License-Identifier: LGPL-2.1-or-later
// Paths as text, without asking the file system.
#pragma once

#include <string>
#include <string_view>

namespace xctl::plan {

/// `path`, taken from `base` when relative, without empty, "." and ".." parts; ".." stops at the root.
[[nodiscard]] std::string normalized(std::string_view base, std::string_view path);

/// Whether `path` is `directory` or below it; both normalized.
[[nodiscard]] bool is_within(std::string_view path, std::string_view directory);

}  // namespace xctl::plan
