#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Each installed program is built such that a fault of its memory is hard to use: it lies at another address each time,
# no memory can be both written and executed, the tables of the linker become read-only before main(), and functions with
# buffers look whether their stack was overwritten. Read from the ELF files: elf(5).
. /src/tests/system/lib.sh

programs=(/usr/bin/xctl /usr/bin/xrun /usr/libexec/xctl/xctld /usr/libexec/xctl/xctl-launch
    /usr/lib/systemd/system-generators/xctl-generator)

segments_of() { readelf --segments --wide "$1"; }

# Our functions that compare the canary, which is at %fs:0x28 on x86-64.
protected_functions() { # PROGRAM
    objdump --disassemble --no-show-raw-insn "$1" |
        awk '/^[0-9a-f]+ </ { name = $2 } /%fs:0x28/ && name ~ /xctl/ && !seen[name]++ { print name }'
}

check_layout() { # PROGRAM
    local segments dynamic
    segments=$(segments_of "$1")
    dynamic=$(readelf --dynamic --wide "$1")
    contains "$1: its stack is not executable" "$segments" 'GNU_STACK .* RW +0x'
    equal "$1: nothing is both written and executed" '' "$(grep -E '[R ]WE +0x' <<<"$segments" || true)"
    contains "$1: position independent" "$(readelf --file-header "$1")" 'Type: +DYN '
    contains "$1: said to be a program" "$dynamic" 'FLAGS_1.* PIE'
    contains "$1: read-only after relocation" "$segments" 'GNU_RELRO'
    contains "$1: everything is bound at start" "$dynamic" 'BIND_NOW|FLAGS_1.* NOW'
    equal "$1: code is not relocated" '' "$(grep TEXTREL <<<"$dynamic" || true)"
}

check_protector() { # PROGRAM
    local functions
    functions=$(protected_functions "$1")
    [ "$(wc -l <<<"$functions")" -ge 5 ] || fail "$1: the stack is protected in: $functions"
    note "$1: $(wc -l <<<"$functions") functions protect their stack"
    # It runs before there is a canary.
    equal "$1: its first code needs no canary" '' "$(grep xctl_enter <<<"$functions" || true)"
}

for program in "${programs[@]}"; do
    check_layout "$program"
    [ "$(uname -m)" != x86_64 ] || check_protector "$program"
done
