#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# podman: networks, pods, images, health checks, users, and its service.
. /src/tests/engines/podman_lib.sh
engine=podman

clean() {
    podman pod rm --all --force --time 0 >/dev/null
    podman rm --all --force --time 0 >/dev/null
    [ "$1" != rootless ] || user_podman rm --all --force --time 0 >/dev/null
}

test_network_bridge() {
    pod run -d --name t -p 8080:80 $image sh -c 'mkdir /w; echo served >/w/index.html; exec httpd -f -p 80 -h /w'
    eventually 'a published port answers' busybox wget -qO "$work/page" http://127.0.0.1:8080/
    equal 'what it serves' served "$(cat "$work/page")"
    podman network create n1 >/dev/null
    pod run -d --name s1 --network n1 $image sleep 1000
    contains 'a network of its own' "$(podman exec s1 ip -4 address show eth0)" 'inet 10\.'
    ends 'disconnected while it runs' 0 podman network disconnect n1 s1
    ends 'it has left' 1 podman exec s1 ip address show eth0
    ends 'rm' 0 pod rm -f -t 0 t s1
    podman network rm n1 >/dev/null
}

test_pod() {
    podman pod create --runtime "$name" --name p1 --network none --hostname in-pod >/dev/null 2>&1 ||
        pod pod create --name p1 --network none --hostname in-pod >/dev/null
    ends 'one container' 0 pod run -d --pod p1 --name t $image sleep 1000
    prints 'another shares the name' in-pod pod run --rm --pod p1 $image hostname
    prints 'and the network' "$(readlink "/proc/$(main_pid t)/ns/net")" pod run --rm --pod p1 $image readlink /proc/self/ns/net
    prints 'the pod runs' Running podman pod inspect p1 --format '{{.State}}'
    ends 'pause' 0 pod pod pause p1
    check 'its containers are paused' state t paused
    ends 'the end of it' 0 pod pod $resume p1
    ends 'stop' 0 pod pod stop -t 0 p1
    check 'its containers are stopped' state t exited
    ends 'rm' 0 pod pod rm p1
}

test_kube_play() {
    cat >"$work/pod.yaml" <<EOF
apiVersion: v1
kind: Pod
metadata: {name: k}
spec:
  hostNetwork: true
  restartPolicy: Never
  containers:
  - {name: c, image: $image, imagePullPolicy: Never, command: [sh, -c, "echo played; exit 3"]}
EOF
    ends 'kube play' 0 pod kube play "$work/pod.yaml"
    eventually 'what it prints' said '^played$' podman logs k-c
    eventually 'its exit status' eval '[ "$(podman inspect k-c --format "{{.State.ExitCode}} {{.OCIRuntime}}")" = "3 '"$name"'" ]'
    ends 'kube down' 0 pod kube down "$work/pod.yaml"
}

test_build() {
    mkdir "$work/context"
    printf 'FROM %s\nRUN echo built by $(id -u) >/made\nRUN cat /made && test ! -e /missing\nCMD ["cat", "/made"]\n' $image \
        >"$work/context/Containerfile"
    ends 'build' 0 pod build --network none --tag built "$work/context"
    prints 'the image' 'built by 0' pod run --rm --network none localhost/built
    podman rmi --force localhost/built >/dev/null
    printf 'FROM %s\nRUN exit 4\n' $image >"$work/context/Containerfile"
    ends 'a build that fails' 4 pod build --network none "$work/context"
}

test_healthcheck() {
    pod run -d --name t --network none --health-cmd 'test -e /healthy' --health-retries 1 --health-interval disable $image sleep 1000
    ends 'a check that fails' 1 podman healthcheck run t
    prints 'its state' unhealthy podman inspect t --format '{{.State.Health.Status}}'
    podman exec t touch /healthy
    ends 'a check that passes' 0 podman healthcheck run t
    prints 'its state' healthy podman inspect t --format '{{.State.Health.Status}}'
    ends 'one that is repeated' 0 pod run -d --name r --network none --health-cmd true --health-interval 1s $image sleep 1000
    eventually 'is healthy by itself' eval '[ "$(podman inspect r --format "{{.State.Health.Status}}")" = healthy ]'
}

test_copy() {
    pod run -d --name t --network none $image sh -c 'echo original >/file; echo ready; exec sleep 1000'
    eventually 'it runs' said ready podman logs t
    ends 'out of it' 0 podman cp t:/file "$work/file"
    equal 'what came' original "$(cat "$work/file")"
    echo replaced >"$work/file"
    ends 'into it' 0 podman cp "$work/file" t:/file
    prints 'what came' replaced podman exec t cat /file
}

test_top() {
    pod run -d --name t --network none $image sleep 1000
    contains 'top' "$(podman top t pid comm)" '^1 +sleep'
    contains "top with options of the container's ps" "$(podman top t -o pid,args)" 'sleep 1000'
    contains 'ps' "$(podman ps --format '{{.Names}} {{.Status}}')" '^t Up'
}

test_userns() {
    prints 'ids are mapped' '0 100000 1000' pod run --rm --network none --uidmap 0:100000:1000 --gidmap 0:100000:1000 $image \
        awk '{ print $1, $2, $3 }' /proc/self/uid_map
    pod run -d --name t --network none --uidmap 0:100000:1000 --gidmap 0:100000:1000 $image sleep 1000
    prints 'the host sees another user' 100000 stat -c %u "/proc/$(main_pid t)"
    prints 'exec' '0 /' podman exec t sh -c 'echo $(id -u) $(pwd)'
    ends 'files can be made' 0 podman exec t touch /made
    prints 'with a terminal' 0 sh -c "/src/tests/engines/terminal -- podman exec -it t id -u | tr -d '\r'"
    mkdir -p "$work/home/data" "$work/locked"
    echo mine >"$work/home/data/file"
    chown -R 1234 "$work/home"
    chmod 700 "$work/home"
    prints "a volume in another user's home" mine pod run --rm --network none --uidmap 0:100000:1000 --gidmap 0:100000:1000 \
        -v "$work/home/data:/mnt" $image cat /mnt/file
    mount -t tmpfs -o nosuid,nodev tmpfs "$work/locked"
    echo fixed >"$work/locked/file"
    mount -o remount,bind,ro,nosuid,nodev "$work/locked"
    prints 'a volume that the host has read-only' fixed pod run --rm --network none --uidmap 0:100000:1000 \
        --gidmap 0:100000:1000 -v "$work/locked:/mnt" $image cat /mnt/file
    umount "$work/locked"
    ends 'the network of the host, with its sysfs' 0 pod run --rm --network host --uidmap 0:100000:1000 --gidmap 0:100000:1000 \
        $image ls /sys/class/net
}

test_shared_cgroups() {
    prints 'its own cgroup, by its path' 1 pod run --rm --network none --cgroupns host $image \
        sh -c 'head -n 1 /sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/cgroup.procs'
}

# A user with a session of its own and with ids for containers.
make_user() {
    id guest >/dev/null 2>&1 && return
    useradd --create-home --shell /bin/bash guest
    echo guest:200000:65536 | tee /etc/subuid >/etc/subgid
    loginctl enable-linger guest
    until_true test -S "/run/user/$(id -u guest)/bus" || true
    mkdir -p ~guest/.local/share/containers
    mount -t tmpfs -o mode=700,uid="$(id -u guest)",gid="$(id -g guest)" tmpfs ~guest/.local/share/containers
    chown -R guest: ~guest/.local
    user_podman import --quiet $stage/rootfs.tar $image
}

user_podman() { (cd ~guest && runuser -u guest -- env HOME="$(echo ~guest)" XDG_RUNTIME_DIR="/run/user/$(id -u guest)" podman "$@"); }

test_rootless() {
    make_user
    prints 'run' '0 200000' user_podman --runtime "$name" run --rm --network none $image \
        sh -c 'echo $(id -u) $(awk "NR == 2 { print \$2 }" /proc/self/uid_map)'
    user_podman --runtime "$name" run -d --name t --network none $image sleep 1000
    prints 'exec' hello user_podman exec t echo hello
    ends 'its exit status' 5 user_podman exec t sh -c 'exit 5'
    prints 'whose it is' "$(id -u guest)" stat -c %u "/proc/$(user_podman inspect t --format '{{.State.Pid}}')"
    ends 'pause' 0 user_podman pause t
    ends 'the end of it' 0 user_podman $resume t
    ends 'stop' 0 user_podman stop -t 0 t
    ends 'rm' 0 user_podman rm t
}

test_service() {
    systemctl start podman.socket
    prints 'a remote run' remote podman --url unix:///run/podman/podman.sock run --rm --network none $image echo remote
    systemctl stop podman.socket podman.service
}

test_notify() {
    cat >"$work/notify.py" <<'EOF'
import os, socket
address = os.environ["NOTIFY_SOCKET"]
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", address)
EOF
    # A static program in the container speaks to systemd through the runtime: busybox has none, so a copy of ours.
    ends 'a service of Type=notify' 0 systemd-run --quiet --unit="notify-$name" --property=Delegate=yes --service-type=notify \
        --property=NotifyAccess=all --property=KillMode=mixed --property=ExecStop='podman rm -f -t 0 t' \
        podman --runtime "$name" run --name t --cgroups=split --sdnotify=container --network none \
        -v /usr:/usr:ro -v /usr/lib:/lib:ro -v /usr/lib64:/lib64:ro -v "$work/notify.py:/notify.py:ro" $image \
        sh -c '/usr/bin/python3 /notify.py && exec sleep 1000'
    prints 'is active' active systemctl is-active "notify-$name"
    systemctl stop "notify-$name"
}

features "$@"
