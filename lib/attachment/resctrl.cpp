// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/attachment/resctrl.hpp"

#include "lib/launch/parent/resctrl.hpp"

namespace xctl::attachment {

Task Resctrl::ended(const Scene&) {
    if (!wanted_) return {};
    return {[this]() -> Result<> {
        launch::leave_resctrl(wanted_, id_);
        return {};
    }};
}

}  // namespace xctl::attachment
