// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of check_spec, each with its own file.
#pragma once

#include <format>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/oci/spec.hpp"
#include "lib/oci/spec_check.hpp"

namespace xctl::oci {

[[nodiscard]] inline std::unexpected<Error> broken(std::string_view pointer, std::string_view rule) {
    return fail(Errc::invalid_document, std::format("{}: {}", pointer, rule));
}

[[nodiscard]] inline bool is_absolute(std::string_view path) { return path.starts_with('/'); }

/// Fails unless the path is absolute.
inline Result<> check_absolute(std::string_view path, std::string_view pointer) {
    if (!is_absolute(path)) return broken(pointer, "must be an absolute path");
    return {};
}

/// user_namespaces(7): lines that are not empty, do not run past the last id and do not overlap.
Result<> check_mappings(const std::vector<IdMapping>& mappings, std::string_view pointer);

Result<> check_linux(const Spec& spec);
Result<> check_sysctls(const Spec& spec);
Result<> check_seccomp(const Seccomp& seccomp);

}  // namespace xctl::oci
