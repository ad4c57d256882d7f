#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The same on a kernel that cannot tell the exit status of a process that somebody else reaped. An emulated processor
# starts a daemon in seconds.
export CHAOS_CONTAINERS=${CHAOS_CONTAINERS:-8} CHAOS_SECONDS=${CHAOS_SECONDS:-20} CHAOS_KILLS=${CHAOS_KILLS:-3}
export CHAOS_EXECS=${CHAOS_EXECS:-2} CHAOS_PACE=${CHAOS_PACE:-5}
exec "$(dirname "$0")/../system/chaos.sh"
