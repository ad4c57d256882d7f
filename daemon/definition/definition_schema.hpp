// SPDX-License-Identifier: LGPL-2.1-or-later
// The format of a definition as a JSON schema, which editors and other programs understand.
#pragma once

#include <string>

namespace xctl::definition {

/// The content of api/xctl.container.schema.json.
[[nodiscard]] std::string definition_schema();

}  // namespace xctl::definition
