// SPDX-License-Identifier: LGPL-2.1-or-later
// Leads to the header of this name in lib/launch/parent until every user names that.
#pragma once

#include "lib/launch/parent/live_root.hpp"
