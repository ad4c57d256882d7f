#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What engines ask for that needs a kernel with all controllers, AppArmor and CRIU: limits of memory, processes and CPU,
# their change while a container runs, the end by the OOM killer, a profile, a checkpoint.
prepare_seconds=180
. /src/tests/engines/podman_lib.sh
engine=vm

# Everything takes ten times as long here, so a container is asked for several things.
prepare() {
    has_controller memory || { echo 'this system has no memory controller'; exit 1; }
    make_image_root
    configure_podman
    podman import --quiet $stage/rootfs.tar $image
}

# A file of the cgroup that has the limits: the one of the process, or that above it.
limit() { # PID FILE
    local at
    at=/sys/fs/cgroup$(cgroup_of "$1")
    case $at in */container) at=${at%/container} ;; esac
    cat "$at/$2"
}

test_podman_limits() {
    local pid
    ends 'run' 0 pod run -d --name t --network none --memory 64m --pids-limit 33 --cpus 0.5 $image sleep 1000
    pid=$(main_pid t)
    equal 'memory.max' 67108864 "$(limit "$pid" memory.max)"
    equal 'pids.max' 33 "$(limit "$pid" pids.max)"
    equal 'cpu.max' '50000 100000' "$(limit "$pid" cpu.max)"
    ends 'update' 0 pod update --memory 96m --cpus 0.25 t
    equal 'memory.max is changed' 100663296 "$(limit "$pid" memory.max)"
    equal 'cpu.max is changed' '25000 100000' "$(limit "$pid" cpu.max)"
    contains 'podman stats' "$(podman stats --no-stream --format '{{.PIDs}} {{.MemUsage}}' t)" '^1 .*/ 100'
}

test_podman_oom() {
    # conmon reads the cgroup's counters after the process has died, by when systemd may have removed the cgroup.
    for _ in 1 2 3; do
        podman rm --force --ignore t
        ends 'run' 137 pod run --name t --network none --memory 24m --memory-swap 24m $image tail /dev/zero
        [ "$(podman inspect t --format '{{.State.OOMKilled}}')" != true ] || break
    done
    prints 'podman knows why' true podman inspect t --format '{{.State.OOMKilled}}'
}

test_podman_checkpoint() {
    ends 'run' 0 pod run -d --name t --network none $image sh -c 'i=0; while :; do i=$((i + 1)); echo $i; sleep 1; done'
    eventually 'it counts' said '^2$' podman logs t
    ends 'checkpoint' 0 pod container checkpoint t
    check 'it is not running' state t exited
    ends 'restore' 0 pod container restore t
    check 'it runs again' state t running
}

test_docker() {
    local pid
    printf '{"runtimes": {"xrun": {"path": "/usr/bin/xrun"}, "crun": {"path": "/usr/bin/crun"}}}\n' >/etc/docker/daemon.json
    systemctl start docker
    docker image inspect bb:1 >/dev/null 2>&1 || docker import $stage/rootfs.tar bb:1
    docker rm -f d1 >/dev/null 2>&1 || true
    ends 'run' 0 docker run -d --runtime "$name" --name d1 --network none --memory 64m --pids-limit 33 bb:1 sleep 1000
    pid=$(docker inspect d1 --format '{{.State.Pid}}')
    equal 'memory.max and pids.max' '67108864 33' "$(limit "$pid" memory.max) $(limit "$pid" pids.max)"
    contains 'the AppArmor profile' "$(cat "/proc/$pid/attr/apparmor/current")" '^docker-default \(enforce\)'
    ends 'update' 0 docker update --memory 96m --memory-swap 96m d1
    equal 'memory.max is changed' 100663296 "$(limit "$pid" memory.max)"
    ends 'rm' 0 docker rm -f d1
}

features "$@"
