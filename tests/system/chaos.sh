#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A minute of chaos; see chaos.py. CHAOS_SECONDS=600 is the long form.
. "$(dirname "$0")/lib.sh"
busybox_root "$work/rootfs"
jq . "$data/runc-spec.json" >"$work/spec.json"
exec python3 "$(dirname "$0")/chaos.py" "$work"
