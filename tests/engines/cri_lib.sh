# SPDX-License-Identifier: LGPL-2.1-or-later
# What the tests of containerd's CRI service share; sourced, never run.
. /src/tests/engines/lib.sh

cri() { PYTHONPATH=$stage/cri python3 -B /src/tests/engines/cri_client.py "$@"; }
status_is() { cri status "$1" | grep -q "^$2"; } # CONTAINER STATUS

# A handler of CRI for each runtime. Pods of CRI have CPU shares, so without controllers it must leave cgroups alone.
configure_containerd() {
    local handler
    mkdir -p /etc/containerd /etc/cni/net.d
    cat >/etc/containerd/config.toml <<EOF
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/bb:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  disable_cgroup = $(if has_controller cpu; then echo false; else echo true; fi)
[plugins."io.containerd.grpc.v1.cri".containerd]
  default_runtime_name = "xrun"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "/etc/cni/net.d"
EOF
    for handler in crun xrun; do
        cat >>/etc/containerd/config.toml <<EOF
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.$handler]
  runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.$handler.options]
    BinaryName = "$(path_of $handler)"
    SystemdCgroup = true
EOF
    done
    cat >/etc/cni/net.d/10-box.conflist <<'EOF'
{"cniVersion": "1.0.0", "name": "box", "plugins": [
    {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
     "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.77.0.0/16"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
    {"type": "portmap", "capabilities": {"portMappings": true}}]}
EOF
}

prepare() {
    make_image_root
    make_image_archive $stage/image.tar
    mkdir -p $stage/cri
    protoc --proto_path=/src/tests/engines --python_out=$stage/cri cri.proto
    configure_containerd
    systemctl start containerd
    until_true eval 'ctr plugin ls | grep -q "cri  *.*ok"' || { journalctl --quiet --unit=containerd | grep -i cri; exit 1; }
    ctr --namespace k8s.io image import $stage/image.tar
}

# What a feature left behind, told by containerd's other client.
clean() {
    local left
    for left in $(ctr --namespace k8s.io container ls 'labels."io.cri-containerd.kind"==sandbox' --quiet); do
        cri stop-pod "$left"
        cri rm-pod "$left"
    done
    [ -z "$(ctr --namespace k8s.io container ls --quiet)" ]
}
