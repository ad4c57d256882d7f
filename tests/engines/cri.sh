#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# containerd as kubelets use it, by a small client of its CRI service.
. /src/tests/engines/cri_lib.sh
engine=cri

test_pod() {
    local pod container
    pod=$(cri pod "$name" pod1)
    contains 'the pod has an address' "$(cri pod-status "$pod")" '^READY 10\.77\.'
    container=$(cri create "$pod" pod1 first sh -c 'echo to stdout; echo to stderr >&2; sleep 1000')
    contains 'it is created' "$(cri status "$container")" '^CREATED'
    ends 'start' 0 cri start "$container"
    contains 'it runs' "$(cri status "$container")" '^RUNNING'
    eventually 'its log has its output' has_line /var/log/pods/first.log '^20[0-9-]*T[^ ]* stdout F to stdout$'
    eventually 'and its errors' has_line /var/log/pods/first.log ' stderr F to stderr$'
    ends 'stop' 0 cri stop --timeout 1 "$container"
    contains 'KILL ended it' "$(cri status "$container")" '^EXITED 137'
    ends 'rm' 0 cri rm "$container"
    ends 'the pod stops' 0 cri stop-pod "$pod"
    contains 'it is not ready' "$(cri pod-status "$pod")" '^NOTREADY'
    ends 'the pod is removed' 0 cri rm-pod "$pod"
    equal 'nothing is left' '' "$(ctr --namespace k8s.io container ls --quiet)"
}

test_exec() {
    local pod container
    pod=$(cri pod "$name" pod2)
    container=$(cri create "$pod" pod2 c sleep 1000)
    cri start "$container"
    ends 'its exit status' 3 cri exec "$container" sh -c 'echo to stdout; echo to stderr >&2; exit 3'
    equal 'its output' 'to stdout' "$out"
    equal 'its errors' 'to stderr' "$err"
    prints 'environment and name' 'by the pod pod2' cri exec "$container" sh -c 'echo $GIVEN $(hostname)'
    ends 'a program that is not there' 125 cri exec "$container" missing
    contains 'why' "$err" 'executable file.* not found in \$PATH'
}

test_status() {
    local pod container
    pod=$(cri pod "$name" pod3)
    container=$(cri create "$pod" pod3 c sh -c 'exit 9')
    cri start "$container"
    eventually 'it ends' status_is "$container" EXITED
    equal 'with its status' 'EXITED 9 Error' "$(cri status "$container")"
    container=$(cri create "$pod" pod3 d sh -c 'trap "exit 4" TERM; touch /ready; while :; do sleep 0.1; done')
    cri start "$container"
    eventually 'it runs' cri exec "$container" test -e /ready
    ends 'stop' 0 cri stop --timeout 20 "$container"
    contains 'TERM ended it' "$(cri status "$container")" '^EXITED 4'
}

test_two_containers() {
    local pod first second
    pod=$(cri pod "$name" pod4)
    first=$(cri create "$pod" pod4 a sh -c 'mkdir /w; echo served >/w/index.html; exec httpd -f -p 80 -h /w')
    second=$(cri create "$pod" pod4 b sleep 1000)
    cri start "$first"
    cri start "$second"
    eventually 'they share the network' cri exec "$second" wget -qO- http://127.0.0.1/
    prints 'but not the processes' 1 cri exec "$second" sh -c 'ps | grep -c "[s]leep 1000"'
    prints 'nor the files' absent cri exec "$second" sh -c '[ -e /w ] || echo absent'
}

test_node_network() {
    local pod container
    pod=$(cri pod --node-network "$name" pod5)
    container=$(cri create --node-network "$pod" pod5 c sleep 1000)
    cri start "$container"
    prints 'it is that of the node' "$(readlink /proc/1/ns/net)" cri exec "$container" readlink /proc/self/ns/net
}

test_errors() {
    local pod container
    pod=$(cri pod "$name" pod6)
    container=$(cri create "$pod" pod6 c missing)
    ends 'a program that is not there' 125 cri start "$container"
    contains 'why' "$err" 'executable file.* not found in \$PATH'
    equal 'its status' 'EXITED 128 StartError' "$(cri status "$container")"
}

features "$@"
