#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of containerd's CRI service, for what a kubelet does; the modules made from cri.proto are in PYTHONPATH."""
import argparse
import os
import sys

import grpc

import cri_pb2 as cri

ADDRESS = "unix:///run/containerd/containerd.sock"
LOGS = "/var/log/pods"
IMAGE = "localhost/bb:1"
SECONDS = 60


def call(method, request):
    """Calls a method; its types are those that cri.proto names."""
    output = cri.DESCRIPTOR.services_by_name["RuntimeService"].methods_by_name[method].output_type
    answer = getattr(cri, output.name)
    with grpc.insecure_channel(ADDRESS) as channel:
        function = channel.unary_unary(f"/runtime.v1.RuntimeService/{method}",
                                       request_serializer=lambda message: message.SerializeToString(),
                                       response_deserializer=answer.FromString)
        return function(request, timeout=SECONDS)


def pod_config(name, node_network):
    mode = cri.NODE if node_network else cri.POD
    context = cri.LinuxSandboxSecurityContext(namespace_options=cri.NamespaceOption(network=mode, pid=cri.CONTAINER))
    return cri.PodSandboxConfig(
        metadata=cri.PodSandboxMetadata(name=name, uid="uid-" + name, namespace="default"),
        hostname="" if node_network else name, log_directory=LOGS,
        linux=cri.LinuxPodSandboxConfig(cgroup_parent="kubepods.slice", security_context=context))


def pod(arguments):
    config = pod_config(arguments.name, arguments.node_network)
    request = cri.RunPodSandboxRequest(config=config, runtime_handler=arguments.handler)
    print(call("RunPodSandbox", request).pod_sandbox_id)


def pod_status(arguments):
    status = call("PodSandboxStatus", cri.PodSandboxRequest(pod_sandbox_id=arguments.id)).status
    print(cri.PodSandboxState.Name(status.state), status.network.ip)


def stop_pod(arguments):
    call("StopPodSandbox", cri.PodSandboxRequest(pod_sandbox_id=arguments.id))


def remove_pod(arguments):
    call("RemovePodSandbox", cri.PodSandboxRequest(pod_sandbox_id=arguments.id))


def create(arguments):
    mode = cri.NODE if arguments.node_network else cri.POD
    resources = cri.LinuxContainerResources(memory_limit_in_bytes=arguments.memory, cpu_quota=arguments.quota,
                                            cpu_period=100000 if arguments.quota else 0)
    options = cri.NamespaceOption(network=mode, pid=cri.CONTAINER)
    config = cri.ContainerConfig(
        metadata=cri.ContainerMetadata(name=arguments.name), image=cri.ImageSpec(image=IMAGE),
        command=arguments.command, envs=[cri.KeyValue(key="GIVEN", value="by the pod")], log_path=arguments.name + ".log",
        linux=cri.LinuxContainerConfig(resources=resources,
                                       security_context=cri.LinuxContainerSecurityContext(namespace_options=options)))
    print(call("CreateContainer", cri.CreateContainerRequest(
        pod_sandbox_id=arguments.pod, config=config,
        sandbox_config=pod_config(arguments.pod_name, arguments.node_network))).container_id)


def start(arguments):
    call("StartContainer", cri.ContainerRequest(container_id=arguments.id))


def status(arguments):
    answer = call("ContainerStatus", cri.ContainerRequest(container_id=arguments.id)).status
    print(cri.ContainerState.Name(answer.state), answer.exit_code, answer.reason)


def stop(arguments):
    call("StopContainer", cri.StopContainerRequest(container_id=arguments.id, timeout=arguments.timeout))


def remove(arguments):
    call("RemoveContainer", cri.ContainerRequest(container_id=arguments.id))


def execute(arguments):
    answer = call("ExecSync", cri.ExecSyncRequest(container_id=arguments.id, cmd=arguments.command, timeout=30))
    sys.stdout.write(answer.stdout.decode())
    sys.stderr.write(answer.stderr.decode())
    sys.exit(answer.exit_code)


def update(arguments):
    resources = cri.LinuxContainerResources(memory_limit_in_bytes=arguments.memory)
    call("UpdateContainerResources", cri.UpdateContainerResourcesRequest(container_id=arguments.id, linux=resources))


def parser():
    top = argparse.ArgumentParser(description=__doc__)
    verbs = top.add_subparsers(required=True)

    def verb(name, function, *positional):
        added = verbs.add_parser(name)
        added.set_defaults(function=function)
        for argument in positional:
            added.add_argument(argument)
        return added

    verb("pod", pod, "handler", "name").add_argument("--node-network", action="store_true")
    for name, function in (("pod-status", pod_status), ("stop-pod", stop_pod), ("rm-pod", remove_pod),
                           ("start", start), ("status", status), ("rm", remove)):
        verb(name, function, "id")
    verb("stop", stop, "id").add_argument("--timeout", type=int, default=10)
    verb("update", update, "id").add_argument("--memory", type=int, required=True)
    verb("exec", execute, "id").add_argument("command", nargs=argparse.REMAINDER)
    added = verb("create", create)
    added.add_argument("--node-network", action="store_true")
    added.add_argument("--memory", type=int, default=0)
    added.add_argument("--quota", type=int, default=0)
    for argument in ("pod", "pod_name", "name"):
        added.add_argument(argument)
    added.add_argument("command", nargs=argparse.REMAINDER)
    return top


def main():
    arguments = parser().parse_args()
    try:
        arguments.function(arguments)
    except grpc.RpcError as failure:
        os.write(2, f"{failure.code().name}: {failure.details()}\n".encode())
        sys.exit(125)


if __name__ == "__main__":
    main()
