// SPDX-License-Identifier: LGPL-2.1-or-later
// Sources of bind mounts for an init that is in a user namespace.
//
// Such an init has no capabilities on the host, so it cannot enter a directory that only another user may. A process with
// the launcher's privileges opens the sources instead, in the init's mount namespace, where flags of the host's mounts are
// locked, and sends the descriptors over the gate.
#pragma once

#include <sys/types.h>

#include "lib/launch/context.hpp"

namespace xctl::launch {

/// Whether the init opens sources in a mount namespace that its user namespace owns, and we have more privileges than it.
[[nodiscard]] bool needs_source_opener(const Context& context);

/// Returns at once: a source that does not answer holds up its own container only. What cannot be opened is left out, and
/// so is everything if there is no opener; the init tries these itself, and reports what fails.
void offer_sources(const Context& context, pid_t init, int gate);

/// The init's side: fills `context.sources` with what is offered. 0 or a failure.
int receive_sources(Context& context);

/// Whether row `i` is a bind mount whose source is a path of the host that nobody has opened yet.
[[nodiscard]] bool lacks_source(const Context& context, std::size_t i);

}  // namespace xctl::launch
