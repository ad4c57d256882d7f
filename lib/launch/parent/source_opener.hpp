// SPDX-License-Identifier: LGPL-2.1-or-later
// Help with bind mounts for an init that is in a user namespace.
//
// Such an init has no capabilities on the host, so it cannot enter a directory that only another user may. A process with
// the launcher's privileges opens the sources instead, in the init's mount namespace, where flags of the host's mounts are
// locked, and sends the descriptors over the gate. When the init mounts what its own mounts have brought, the same process
// maps the ids, which only the owner of a file system may do.
#pragma once

#include <sys/types.h>

#include "lib/launch/init/context.hpp"

namespace xctl::launch {

/// Whether there can be an opener: the init is in a user namespace that owns its new mount namespace, and we have more
/// privileges than it.
[[nodiscard]] bool may_have_opener(const Context& context);

/// Whether an opener has anything to do.
[[nodiscard]] bool needs_opener(const Context& context);

/// Returns at once: a source that does not answer holds up its own container only. What cannot be opened is left out, and
/// so is everything if there is no opener; the init tries these itself, and reports what fails. The opener ends when it
/// has nothing more to do, or with the init.
void start_opener(const Context& context, pid_t init, int gate);

}  // namespace xctl::launch
