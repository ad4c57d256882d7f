// SPDX-License-Identifier: LGPL-2.1-or-later
// The varlink interface org.xctl.Containers, made from the rows of api/ when the daemon starts.
//
// sd-varlink's macros write such interfaces down by hand, and only in C. The structures behind them are public,
// so the verbs need not be listed a second time.
#pragma once

#include <systemd/sd-varlink-idl.h>

namespace xctl::transport {

/// Valid for the life of the process.
[[nodiscard]] const sd_varlink_interface* containers_interface();

}  // namespace xctl::transport
