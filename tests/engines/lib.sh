# SPDX-License-Identifier: LGPL-2.1-or-later
# What the tests of container engines share; sourced, never run.
#
# A script names its engine, defines a function test_FEATURE for each feature, and ends with `features "$@"`. It may
# define `prepare`, which starts the engine, and `clean`, which removes what a feature left behind. Every feature is run
# with crun and then with xrun, in the same system, so that a failure of ours differs from one of the machine.
#
#   SCRIPT [--with RUNTIME]... [--in-doubt] [--trace] [FEATURE...]
#
# With --in-doubt crun is tried only where xrun fails.
# With --trace the runtimes are wrapped, and the log of a feature has the command lines that the engine used.
. /src/tests/system/lib.sh

script=/src/tests/engines/${0#*tests/engines/}
stage=/srv/engines
# The engines' own word for resuming, which the lint of words keeps out of the tree.
resume='un''pause'
feature_seconds=${feature_seconds:-300}

# What prepare does may be much in a virtual machine.
prepare() { :; }
clean() { :; }

skip() { echo "skipped: $*"; exit 77; }

# ends WHAT STATUS COMMAND...: how the command ends. What it printed is left in $out, and its errors in $err.
ends() {
    local what=$1 expected=$2 status=0
    shift 2
    "$@" >"$work/out" 2>"$work/err" || status=$?
    out=$(cat "$work/out") err=$(cat "$work/err")
    [ "$status" = "$expected" ] || fail "$what: status $status instead of $expected of $*; it printed '$out'; '$err'"
    note "$what"
}

# prints WHAT TEXT COMMAND...: the command succeeds, and prints just that.
prints() {
    local what=$1 text=$2
    shift 2
    ends "$what" 0 "$@"
    [ "$out" = "$text" ] || fail "$what: '$out' instead of '$text' from $*; errors: '$err'"
}

# eventually WHAT COMMAND...: it succeeds after some time.
eventually() { check "$1" until_true "${@:2}"; }

has_line() { grep -q -- "$2" "$1" 2>/dev/null; } # FILE PATTERN
said() { "${@:2}" 2>&1 | grep -q -- "$1"; }      # PATTERN COMMAND...
gone() { [ ! -e "$1" ]; }

# In a terminal of 37 rows and 101 columns; see tests/engines/terminal.
in_terminal() { /src/tests/engines/terminal "$@"; }

# The cgroup v2 path of a process, and a file of it.
cgroup_of() { sed -n 's/^0:://p' "/proc/$1/cgroup"; }
cgroup_file() { cat "/sys/fs/cgroup$(cgroup_of "$1")/$2"; } # PID FILE
has_controller() { grep -qw "$1" /sys/fs/cgroup/cgroup.controllers; }

# Where a runtime of this name is.
path_of() { if [ -d $stage/trace ]; then echo "$stage/trace/$1"; else echo "/usr/bin/$1"; fi; }

# What all engines start from: the root file system of an image, as a directory and as an archive.
make_image_root() {
    [ -d $stage/rootfs ] || busybox_root $stage/rootfs
    [ -e $stage/rootfs.tar ] || tar -C $stage/rootfs -cf $stage/rootfs.tar .
}

# The same as an image in containerd's format; its command sleeps, since CRI uses it for pods as well.
make_image_archive() { # ARCHIVE
    local layout
    layout=$(mktemp -d $stage/layout.XXXXXX)
    (
        cd "$layout"
        umoci init --layout image
        umoci new --image image:bb
        umoci unpack --image image:bb bundle
        cp -a $stage/rootfs/. bundle/rootfs
        umoci repack --image image:bb bundle
        umoci config --image image:bb --config.cmd /bin/sleep --config.cmd 1000000 --config.env PATH=/bin
        skopeo copy --quiet oci:image:bb "oci-archive:$1:localhost/bb:1"
    )
    rm -r "$layout"
}

# Wrappers that write the command line of each call and how it ended into a log.
make_trace() {
    local name
    mkdir -p $stage/trace
    for name in crun xrun; do
        cat >"$stage/trace/$name" <<EOF
#!/bin/bash
echo "\$\$ from \$(cat /proc/\$PPID/comm): $name \${*@Q}" >>$stage/trace.log
case " \$* " in *' run '*|*' restore '*) exec /usr/bin/$name "\$@" ;; esac
/usr/bin/$name "\$@"
status=\$?
echo "\$\$ status \$status" >>$stage/trace.log
exit \$status
EOF
        chmod +x "$stage/trace/$name"
    done
}

# Runs one feature with one runtime in a process of its own, and leaves a word for it in $outcome.
run_feature() { # RUNTIME FEATURE
    local status=0
    echo "== $2 with $1"
    : >$stage/trace.log
    if [ -x "/usr/bin/$1" ]; then
        # A service of its own: a runtime that kills the cgroup of its caller may not end the tests.
        systemd-run --quiet --wait --pipe --collect --property=KillSignal=SIGKILL \
            --setenv=HOME=/root --setenv=LANG=C.UTF-8 --setenv=PATH="$PATH" \
            "$script" --tidy "$feature_seconds" "$1" "$2" </dev/null 2>&1 || status=$?
    else
        echo "there is no /usr/bin/$1"
        status=1
    fi
    case $status in
    0) outcome=pass ;;
    77) outcome=skip ;;
    124 | 137) outcome=hangs ;;
    *) outcome=fails ;;
    esac
    [ "$status" = 0 ] || [ ! -s $stage/trace.log ] || sed 's/^/trace: /' $stage/trace.log
    case $status in
    0 | 1 | 77 | 124 | 137) ;;
    *) timeout --kill-after=5 30 "$script" --clean "$1" "$2" </dev/null 2>&1 || echo "cleaning up after $2 with $1 failed" ;;
    esac
}

# Whether the machine, or the engine, is to blame for how xrun did.
ask_crun() { # FEATURE
    local ours=$outcome
    [ "$ours" != pass ] || return 0
    run_feature crun "$1"
    row+=" crun=$outcome"
    outcome=$ours
}

# The stream of cases for box-test: a case is as xrun did, and has a row for the table. Alone, crun is judged instead.
run_features() { # RUNTIMES FEATURE...
    local feature with outcome start row status failures=0
    for feature in "${@:2}"; do
        start=$EPOCHREALTIME row=
        echo "@begin $engine/$feature"
        for with in $1; do
            run_feature "$with" "$feature"
            row+=" $with=$outcome"
        done
        [ "$in_doubt" = "" ] || ask_crun "$feature"
        echo "@row $engine $feature$row"
        case $outcome in pass) status=0 ;; skip) status=77 ;; *) status=1 failures=$((failures + 1)) ;; esac
        echo "@end $status $(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')"
    done
    [ $failures = 0 ]
}

features() {
    local runtimes= in_doubt= trace= status=0 start
    case ${1-} in
    --one | --clean)
        runtime=$(path_of "$2") name=$2
        if [ "$1" = --clean ]; then clean "$3"; exit; fi
        set -E
        trap 'echo "line $LINENO ended with $?: $BASH_COMMAND"' ERR
        "test_$3"
        exit
        ;;
    --tidy)
        # The engine's own processes, such as conmon, are there for the cleaning up.
        timeout --foreground --kill-after=5 "$2" "$script" --one "$3" "$4" || status=$?
        timeout --foreground --kill-after=5 30 "$script" --clean "$3" "$4" || echo "cleaning up after $4 with $3 failed"
        exit "$status"
        ;;
    --prepare) prepare; exit ;;
    esac
    while [ $# -gt 0 ]; do
        case $1 in
        --with) runtimes+=" $2"; shift ;;
        --in-doubt) runtimes=xrun in_doubt=yes ;;
        --trace) trace=yes ;;
        *) break ;;
        esac
        shift
    done
    [ $# -gt 0 ] || set -- $(sed -n 's/^test_\([a-z0-9_]*\)().*/\1/p' "$script")
    mkdir -p $stage
    [ ! "$trace" ] || make_trace
    echo "@begin $engine/prepare"
    start=$EPOCHREALTIME
    timeout --kill-after=5 "${prepare_seconds:-120}" "$script" --prepare </dev/null 2>&1 || status=$?
    echo "@end $status $(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')"
    [ "$status" = 0 ] || exit 1
    run_features "${runtimes:-crun xrun}" "$@"
}
