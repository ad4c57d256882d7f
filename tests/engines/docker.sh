#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Docker: containers, networks and builds with the runtime under a name in daemon.json.
. /src/tests/engines/lib.sh
engine=docker
image=bb:1

dock() { docker run --runtime "$name" "$@"; }
# answers WHAT TEXT OPTIONS COMMAND...: what a command says in a container with these options of `docker run`, by a file.
# dockerd gives the output that it forwards two seconds after the end of a container, which a busy machine may not have.
answers() {
    local what=$1 text=$2 options=$3
    shift 3
    rm -rf "$work/answer"
    mkdir -m 777 "$work/answer"
    ends "$what" 0 dock --rm --network none -v "$work/answer:/answer" $options $image sh -c '"$@" >/answer/text' sh "$@"
    equal "$what: what it says" "$text" "$(cat "$work/answer/text")"
}
main_pid() { docker inspect "$1" --format '{{.State.Pid}}'; }
state() { [ "$(docker inspect "$1" --format '{{.State.Status}}' 2>&1)" = "$2" ]; } # CONTAINER STATE

# Docker always sends an empty blockIO, for which crun wants an io controller: without one, crun gets a config.json that
# has none. Our own runtime must do with what Docker sends.
path_for_docker() { # RUNTIME
    if [ "$1" = xrun ] || has_controller io; then path_of "$1"; return; fi
    if [ ! -e $stage/crun-for-docker ]; then
        cat >$stage/crun-for-docker <<EOF
#!/bin/bash
for bundle; do
    [ ! -f "\$bundle/config.json" ] || sed -i 's/,"blockIO":{}//; s/"blockIO":{},//' "\$bundle/config.json"
done
exec $(path_of crun) "\$@"
EOF
        chmod +x $stage/crun-for-docker
    fi
    echo $stage/crun-for-docker
}

configure_docker() { # DEFAULT-RUNTIME
    mkdir -p /etc/docker
    cat >/etc/docker/daemon.json <<EOF
{
    "runtimes": {"xrun": {"path": "$(path_for_docker xrun)"}, "crun": {"path": "$(path_for_docker crun)"}},
    "default-runtime": "$1"
}
EOF
}

prepare() {
    make_image_root
    configure_docker runc
    # What BuildKit runs is no runtime of daemon.json: it is taken from the environment.
    mkdir -p /run/systemd/system/docker.service.d
    printf '[Service]\nEnvironment=DOCKER_BUILDKIT_RUNC_COMMAND=%s\n' $stage/buildkit-runtime >/run/systemd/system/docker.service.d/runtime.conf
    ln -sf /usr/bin/runc $stage/buildkit-runtime
    systemctl daemon-reload
    systemctl start docker
    docker import $stage/rootfs.tar $image
}

clean() {
    local left
    left=$(docker ps --all --quiet)
    [ -z "$left" ] || docker rm --force $left
} >/dev/null

test_run() {
    prints 'what it prints' hello dock --rm --network none $image echo hello
    ends 'its exit status' 7 dock --rm --network none $image sh -c 'exit 7'
    prints 'its input' 'through a pipe' dock -i --rm --network none $image cat <<<'through a pipe'
    dock -d --name c1 --network none $image sleep 1000
    prints 'it is recorded' "$name" docker inspect c1 --format '{{.HostConfig.Runtime}}'
    contains 'it is in a scope' "$(cgroup_of "$(main_pid c1)")" '^/system.slice/docker-[0-9a-f]+\.scope'
    prints 'nothing is left' '' sh -c 'docker rm -f c1 >/dev/null; docker ps --all --quiet'
}

test_default_runtime() {
    configure_docker "$name"
    systemctl reload docker
    eventually 'docker info knows it' eval '[ "$(docker info --format "{{.DefaultRuntime}}")" = "$name" ]'
    docker run -d --name c1 --network none $image sleep 1000
    prints 'it is used' "$name" docker inspect c1 --format '{{.HostConfig.Runtime}}'
}

test_network() {
    dock -d --name c1 -p 8080:80 $image sh -c 'mkdir /w; echo served >/w/index.html; exec httpd -f -p 80 -h /w'
    eventually 'a published port answers' busybox wget -qO "$work/page" http://127.0.0.1:8080/
    equal 'what it serves' served "$(cat "$work/page")"
    contains 'its address' "$(docker exec c1 ip -4 address show eth0)" 'inet 172\.'
    docker network create n1 >/dev/null
    ends 'connected while it runs' 0 docker network connect n1 c1
    contains 'a second address' "$(docker exec c1 ip -4 address show eth1)" 'inet 172\.'
    dock -d --name c2 --network n1 $image sleep 1000
    ends 'they find each other by name' 0 docker exec c2 wget -qO- http://c1/
    equal 'what the other serves' served "$out"
    docker rm -f c1 c2 >/dev/null
    docker network rm n1 >/dev/null
    prints "the host's network" "$(readlink /proc/1/ns/net)" dock --rm --network host $image readlink /proc/self/ns/net
}

test_terminal() {
    ends 'run -it' 5 in_terminal -- docker run --runtime "$name" -it --rm --network none $image \
        sh -c 'until [ "$(stty size)" = "37 101" ]; do sleep 0.1; done; echo "on $(tty)"; exit 5'
    contains 'it has a terminal of its size' "$out" 'on /dev/pts/0'
    ends 'typing and resizing' 6 in_terminal see:ready size:20x40 'send:a line' 'see:got a line' see:resized -- \
        docker run --runtime "$name" -it --rm --network none $image sh -c 'echo ready; read -r line; echo "got $line"
            until [ "$(stty size)" = "20 40" ]; do sleep 0.1; done; echo resized; exit 6'
    dock -d --name c1 --network none $image sleep 1000
    ends 'exec -it' 4 in_terminal 'see:on /dev/pts' 'send:exit 4' -- docker exec -it c1 sh -c 'echo "on $(tty)"; exec sh'
}

test_exec() {
    dock -d --name c1 --network none $image sleep 1000
    prints 'what it prints' hello docker exec c1 echo hello
    ends 'its exit status' 5 docker exec c1 sh -c 'exit 5'
    prints 'user, directory, environment' '3:4 /tmp b' \
        docker exec --user 3:4 --workdir /tmp --env A=b c1 sh -c 'echo $(id -u):$(id -g) $(pwd) $A'
    prints 'its input' 'through a pipe' docker exec -i c1 cat <<<'through a pipe'
    ends 'detached' 0 docker exec -d c1 touch /tmp/detached
    eventually 'it ran' docker exec c1 test -e /tmp/detached
    ends 'a program that is not there' 126 docker exec c1 missing
    contains 'why' "$out$err" 'executable file not found'
    contains 'top' "$(docker top c1)" 'sleep 1000'
}

test_logs() {
    dock --name c1 --network none $image sh -c 'echo to stdout; echo to stderr >&2' >/dev/null 2>&1
    prints 'output' 'to stdout' docker logs c1
    equal 'errors' 'to stderr' "$err"
}

test_created() {
    ends 'create' 0 docker create --runtime "$name" --name c1 --network none $image sh -c 'echo ran; exit 4'
    ends 'start --attach' 4 docker start --attach c1
    equal 'what it printed' ran "$out"
    ends 'a second time' 4 docker start --attach c1
    prints 'wait' 4 docker wait c1
}

test_stop() {
    dock -d --name c1 --network none $image sh -c 'trap "exit 3" TERM; echo ready; while :; do sleep 0.1; done'
    eventually 'it runs' said ready docker logs c1
    ends 'stop' 0 docker stop -t 20 c1
    prints 'TERM ended it' 'exited 3' docker inspect c1 --format '{{.State.Status}} {{.State.ExitCode}}'
    dock -d --name c2 --network none $image sleep 1000
    ends 'stop of one that ignores TERM' 0 docker stop -t 1 c2
    prints 'KILL ended it' 'exited 137' docker inspect c2 --format '{{.State.Status}} {{.State.ExitCode}}'
}

test_kill() {
    dock -d --name c1 --network none $image sh -c 'trap "echo usr1" USR1; echo ready; while :; do sleep 0.1; done'
    eventually 'it runs' said ready docker logs c1
    ends 'kill -s USR1' 0 docker kill -s USR1 c1
    eventually 'it got the signal' said usr1 docker logs c1
    ends 'kill' 0 docker kill c1
    prints 'wait' 137 docker wait c1
    ends 'kill of one that ended' 1 docker kill c1
}

test_pause() {
    dock -d --name c1 --network none $image sh -c 'while :; do sleep 0.1; done'
    ends 'pause' 0 docker pause c1
    check 'docker says so' state c1 paused
    contains 'the kernel says so' "$(cgroup_file "$(main_pid c1)" cgroup.events)" 'frozen 1'
    ends 'exec is refused' 1 docker exec c1 true
    ends 'the end of it' 0 docker $resume c1
    prints 'exec' back docker exec c1 echo back
}

test_restart() {
    dock -d --name c1 --restart on-failure:2 --network none $image sh -c 'exit 2'
    eventually 'it was restarted twice' eval '[ "$(docker inspect c1 --format "{{.RestartCount}} {{.State.Status}}")" = "2 exited" ]'
    dock -d --name c2 --network none $image sleep 1000
    local before
    before=$(main_pid c2)
    ends 'docker restart' 0 docker restart -t 0 c2
    [ "$(main_pid c2)" != "$before" ] || fail 'it is the same process'
}

test_errors() {
    ends 'a program that is not in PATH' 127 dock --rm --network none $image missing
    contains 'why' "$err" 'exec: "missing": executable file not found in \$PATH'
    ends 'a program that is not there' 127 dock --rm --network none $image /missing
    contains 'why' "$err" 'no such file or directory'
    ends 'a program that cannot be run' 126 dock --rm --network none $image /etc/passwd
    contains 'why' "$err" 'permission denied'
    prints 'nothing is left' '' docker ps --all --quiet
}

test_security() {
    answers 'no capabilities' 'CapBnd: 0000000000000000' '--cap-drop all' awk '/CapBnd/ { print $1, $2 }' /proc/self/status
    answers 'no new privileges, seccomp' 'NoNewPrivs: 1 Seccomp: 2' '--security-opt no-new-privileges' \
        awk '/NoNewPrivs|Seccomp:/ { printf "%s%s %s", d, $1, $2; d = " " }' /proc/self/status
    answers 'user and groups' '5 6 6 7' '--user 5:6 --group-add 7' sh -c 'echo $(id -u) $(id -g) $(id -G)'
    ends 'what is masked' 0 dock --rm --network none $image sh -c '[ ! -s /proc/kcore ] && ! touch /proc/sys/kernel/x 2>/dev/null'
    ends 'privileged' 0 dock --rm --network none --privileged $image sh -c 'mount -t tmpfs tmpfs /tmp && [ -c /dev/full ]'
}

test_properties() {
    mkdir "$work/volume"
    echo content >"$work/volume/file"
    answers 'a volume' content "-v $work/volume:/mnt:ro" cat /mnt/file
    ends 'a read-only root with a tmpfs' 0 dock --rm --network none --read-only --tmpfs /scratch $image \
        sh -c 'touch /scratch/x && ! touch /x 2>/dev/null'
    answers 'hostname' box9 '--hostname box9' hostname
    answers 'a sysctl' 9000 '--sysctl kernel.msgmax=9000' cat /proc/sys/kernel/msgmax
    answers 'rlimits' '100 200' '--ulimit nofile=100:200' sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)'
    answers 'a device' '0x1 0x3' '--device /dev/null:/dev/hole' stat -c '0x%t 0x%T' /dev/hole
    answers 'the init of Docker' docker-init --init cat /proc/1/comm
    answers "the host's processes" "$(readlink /proc/1/ns/pid)" '--pid host' readlink /proc/self/ns/pid
    answers 'a cgroup of ours' mine.slice '--cgroupns host --cgroup-parent mine.slice' \
        sed -n 's,^0::/\(mine.slice\)/docker-[0-9a-f]*[.]scope.*,\1,p' /proc/self/cgroup
}

test_build_legacy() {
    configure_docker "$name"
    systemctl reload docker
    mkdir "$work/context"
    printf 'FROM %s\nRUN echo built by $(id -u) >/made\nRUN test ! -e /missing\nCMD ["cat", "/made"]\n' $image >"$work/context/Dockerfile"
    ends 'build' 0 env DOCKER_BUILDKIT=0 docker build --network none --no-cache --tag built "$work/context"
    prints 'the image' 'built by 0' dock --rm --network none built
    docker rmi --force built >/dev/null
}

test_build_buildx() {
    ln -sf "$runtime" $stage/buildkit-runtime
    mkdir "$work/context"
    printf 'FROM %s\nRUN echo built by $(id -u) >/made\nRUN test ! -e /missing\nCMD ["cat", "/made"]\n' $image >"$work/context/Dockerfile"
    ends 'build' 0 docker buildx build --network none --no-cache --tag built "$work/context"
    prints 'the image' 'built by 0' dock --rm --network none built
    docker rmi --force built >/dev/null
    printf 'FROM %s\nRUN exit 4\n' $image >"$work/context/Dockerfile"
    ends 'a build that fails' 1 docker buildx build --network none --no-cache "$work/context"
    contains 'why' "$err" 'exit code: 4'
}

test_daemon_restart() {
    dock -d --name c1 --restart always --network none $image sleep 1000
    ends 'the daemon restarts' 0 systemctl restart docker
    eventually 'the container is back' state c1 running
    prints 'exec' hello docker exec c1 echo hello
}

test_many() {
    local i
    for i in 1 2 3 4 5 6; do
        { dock --rm --network none $image sh -c "echo number $i" >"$work/many.$i" 2>&1 || echo "failed: $?" >>"$work/many.$i"; } &
    done
    wait
    equal 'six at the same time' "$(seq -f 'number %g' 6 | xargs)" "$(cat "$work"/many.* | sort | xargs)"
}

features "$@"
