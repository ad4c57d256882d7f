#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The tests of tests/conformance that need cgroup controllers: limits and what is said of them.
set -eu
command -v xrun >/dev/null || { echo "there is no xrun in this build"; exit 77; }
# An emulated machine is slow, and the other runtimes are judged where it is not: `run --tag vm` tries them as well.
export CONFORMANCE_SLOWNESS=6
exec /src/tests/conformance/run --tag vm --runtime xrun "$@"
