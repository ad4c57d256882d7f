// SPDX-License-Identifier: LGPL-2.1-or-later
// What becomes of each property. What is refused, and how, is in tests/data/bad, read by the plan's tests.
#include "lib/oci/spec_json.hpp"

#include <gtest/gtest.h>

#include "lib/oci/spec_check.hpp"

namespace xctl::oci {
namespace {

constexpr std::string_view kMinimal = R"({"ociVersion": "1.2.0", "root": {"path": "rootfs"}})";

Spec parsed(std::string_view patch) { return parse_spec(kMinimal, "config.json", patch).value(); }

TEST(ParseSpec, LeavesAbsentPropertiesAtTheirDefaults) {
    const auto spec = parse_spec(kMinimal, "config.json").value();
    EXPECT_EQ(spec.oci_version, "1.2.0");
    EXPECT_EQ(spec.root.path, "rootfs");
    EXPECT_FALSE(spec.root.read_only);
    EXPECT_FALSE(spec.process);
    EXPECT_TRUE(spec.mounts.empty());
    EXPECT_FALSE(spec.linux_config.seccomp);
}

TEST(ParseSpec, ReadsTheProcess) {
    const auto spec = parsed(R"({"process": {"terminal": true, "consoleSize": {"height": 24, "width": 80},
        "user": {"uid": 1, "gid": 2, "umask": 63, "additionalGids": [3, 4]}, "args": ["a", "b"], "env": ["A=1"],
        "cwd": "/x", "capabilities": {"bounding": ["CAP_KILL"], "ambient": ["CAP_CHOWN"]},
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 18446744073709551615}], "noNewPrivileges": true,
        "oomScoreAdj": -17, "apparmorProfile": "p", "selinuxLabel": "l",
        "scheduler": {"policy": "SCHED_FIFO", "nice": -5, "priority": 9, "flags": ["F"], "runtime": 1, "deadline": 2,
        "period": 3}, "ioPriority": {"class": "IOPRIO_CLASS_RT", "priority": 4},
        "execCPUAffinity": {"initial": "0", "final": "1-2"}}})");
    const auto& process = spec.process.value();
    EXPECT_TRUE(process.terminal);
    EXPECT_EQ(process.console_size->height, 24);
    EXPECT_EQ(process.console_size->width, 80);
    EXPECT_EQ(process.user.uid, 1U);
    EXPECT_EQ(process.user.gid, 2U);
    EXPECT_EQ(process.user.umask, 63U);
    EXPECT_EQ(process.user.additional_gids, (std::vector<std::uint32_t>{3, 4}));
    EXPECT_EQ(process.args, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(process.cwd, "/x");
    EXPECT_EQ(process.capabilities->bounding, std::vector<std::string>{"CAP_KILL"});
    EXPECT_EQ(process.capabilities->ambient, std::vector<std::string>{"CAP_CHOWN"});
    EXPECT_EQ(process.rlimits.at(0).type, RLIMIT_NOFILE);
    EXPECT_EQ(process.rlimits.at(0).hard, UINT64_MAX);
    EXPECT_TRUE(process.no_new_privileges);
    EXPECT_EQ(process.oom_score_adj, -17);
    EXPECT_EQ(process.apparmor_profile, "p");
    EXPECT_EQ(process.selinux_label, "l");
    EXPECT_EQ(process.scheduler->nice, -5);
    EXPECT_EQ(process.scheduler->period, 3U);
    EXPECT_EQ(process.io_priority->io_class, "IOPRIO_CLASS_RT");
    EXPECT_EQ(process.exec_cpu_affinity->final, "1-2");
}

TEST(ParseSpec, ReadsLinux) {
    const auto spec = parsed(R"({"linux": {"namespaces": [{"type": "pid"}, {"type": "network", "path": "/n"}],
        "uidMappings": [{"containerID": 0, "hostID": 1, "size": 2}], "timeOffsets": {"boottime": {"secs": -1}},
        "devices": [{"path": "/d", "type": "b", "major": 1, "minor": 2, "fileMode": 384, "uid": 3, "gid": 4}],
        "netDevices": {"eth0": {"name": "e"}}, "cgroupsPath": "/c", "sysctl": {"net.a": "1"},
        "rootfsPropagation": "rslave", "maskedPaths": ["/m"], "readonlyPaths": ["/r"], "mountLabel": "l",
        "intelRdt": {"closID": "c", "l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=1"},
        "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0"}, "personality": {"domain": "LINUX32"}}})");
    const auto& config = spec.linux_config;
    EXPECT_EQ(config.namespaces.at(1).type, NamespaceType::network);
    EXPECT_EQ(config.namespaces.at(1).path, "/n");
    EXPECT_EQ(config.uid_mappings.at(0).size, 2U);
    EXPECT_EQ(config.time_offsets.at("boottime").secs, -1);
    EXPECT_EQ(config.devices.at(0).file_mode, 384U);
    EXPECT_EQ(config.net_devices.at("eth0").name, "e");
    EXPECT_EQ(config.cgroups_path, "/c");
    EXPECT_EQ(config.sysctl.at("net.a"), "1");
    EXPECT_EQ(config.rootfs_propagation, Propagation::rslave);
    EXPECT_EQ(config.masked_paths.at(0), "/m");
    EXPECT_EQ(config.mount_label, "l");
    EXPECT_EQ(config.intel_rdt->l3_cache_schema, "L3:0=f");
    EXPECT_EQ(config.memory_policy->nodes, "0");
    EXPECT_EQ(config.personality->domain, "LINUX32");
}

TEST(ParseSpec, ReadsResources) {
    const auto resources =
        parse_resources(R"({"devices": [{"allow": true, "type": "c", "major": 1, "access": "r"}],
        "memory": {"limit": -1, "swap": 5, "swappiness": 60, "disableOOMKiller": false},
        "cpu": {"shares": 2, "quota": -1, "idle": 1, "cpus": "0-3"}, "pids": {"limit": 0},
        "blockIO": {"weight": 10, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 600}]},
        "hugepageLimits": [{"pageSize": "2MB", "limit": 9}], "network": {"classID": 1,
        "priorities": [{"name": "e", "priority": 2}]}, "rdma": {"m": {"hcaHandles": 3}},
        "unified": {"memory.high": "1"}})",
                        "r")
            .value();
    EXPECT_EQ(resources.devices.at(0).major, 1);
    EXPECT_FALSE(resources.devices.at(0).minor);
    EXPECT_EQ(resources.memory.limit, -1);
    EXPECT_EQ(resources.memory.swappiness, 60U);
    EXPECT_EQ(resources.memory.disable_oom_killer, false);
    EXPECT_FALSE(resources.memory.use_hierarchy);
    EXPECT_EQ(resources.cpu.quota, -1);
    EXPECT_EQ(resources.pids.limit, 0);
    EXPECT_EQ(resources.block_io.throttle_read_bps.at(0).rate, 600U);
    EXPECT_EQ(resources.hugepage_limits.at(0).page_size, "2MB");
    EXPECT_EQ(resources.network.priorities.at(0).priority, 2U);
    EXPECT_EQ(resources.rdma.at("m").hca_handles, 3U);
    EXPECT_EQ(resources.unified.at("memory.high"), "1");
}

TEST(ParseSpec, ReadsSeccompAndHooks) {
    const auto spec = parsed(R"({"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
        "architectures": ["SCMP_ARCH_X86"], "flags": ["SECCOMP_FILTER_FLAG_LOG"], "listenerPath": "/l",
        "listenerMetadata": "m", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_KILL", "errnoRet": 1,
        "args": [{"index": 1, "value": 2, "valueTwo": 3, "op": "SCMP_CMP_GE"}]}]}},
        "hooks": {"poststop": [{"path": "/h", "args": ["h", "x"], "env": ["A=1"], "timeout": 5}]}})");
    const auto& seccomp = spec.linux_config.seccomp.value();
    EXPECT_EQ(seccomp.default_action, SeccompAction::errno_);
    EXPECT_EQ(seccomp.default_errno_ret, 38U);
    EXPECT_EQ(seccomp.flags.at(0), SeccompFlag::log);
    EXPECT_EQ(seccomp.listener_metadata, "m");
    EXPECT_EQ(seccomp.syscalls.at(0).action, SeccompAction::kill_thread);
    EXPECT_EQ(seccomp.syscalls.at(0).args.at(0).op, SeccompOperator::greater_or_equal);
    EXPECT_EQ(seccomp.syscalls.at(0).args.at(0).value_two, 3U);
    EXPECT_EQ(spec.hooks.poststop.at(0).args.at(1), "x");
    EXPECT_EQ(spec.hooks.poststop.at(0).timeout, 5);
}

TEST(ParseSpec, AppliesAMergePatchFirst) {
    const auto spec = parsed(R"({"hostname": "a", "root": {"readonly": true}, "annotations": {"k": "v"}})");
    EXPECT_EQ(spec.hostname, "a");
    EXPECT_EQ(spec.root.path, "rootfs");
    EXPECT_TRUE(spec.root.read_only);
    EXPECT_EQ(parse_spec(kMinimal, "f", R"({"root": null})").error().message, "f: /root: is required");
    EXPECT_TRUE(parse_spec(kMinimal, "f", "{").error().message.starts_with("merge patch:1:"));
}

TEST(UnknownMembers, AreThoseThatNothingIsDoneWith) {
    const auto unknown = list_unknown_members(
        R"({"hostnaem": "a", "process": {"argz": [], "args": ["x"], "user": {"uid": 1, "gdi": 2}},
            "mounts": [{"destination": "/x"}, {"destination": "/y", "optoins": []}],
            "annotations": {"any.thing": "x"}, "linux": {"resources": {"memory": {"limit": 1, "~/": 2}}}})",
        "f", R"({"linux": {"patched": 1}})");
    EXPECT_EQ(unknown.value(), (std::vector<std::string>{"/hostnaem", "/linux/patched", "/linux/resources/memory/~0~1",
                                                         "/mounts/1/optoins", "/process/argz", "/process/user/gdi"}));
}

TEST(ParseProcess, StandsAlone) {
    EXPECT_EQ(parse_process(R"({"cwd": "/", "args": ["x"]})", "p.json").value().args.at(0), "x");
    EXPECT_EQ(parse_process("{}", "p.json").error().message, "p.json: /cwd: is required");
}

TEST(CheckSpec, LimitsTheSizeOfAProfile) {
    auto spec = parse_spec(kMinimal, "config.json").value();
    auto& seccomp = spec.linux_config.seccomp.emplace();
    seccomp.syscalls.push_back({std::vector<std::string>(10'000, "read"), SeccompAction::allow, {}, {}});
    EXPECT_TRUE(check_spec(spec));
    seccomp.syscalls.push_back({{"write"}, SeccompAction::allow, {}, {}});
    EXPECT_EQ(check_spec(spec).error().message, "/linux/seccomp/syscalls: must not name more than 10000 calls");
}

TEST(SysctlFile, FollowsTheFirstSeparator) {
    EXPECT_EQ(sysctl_file("net.ipv4.ip_forward"), "net/ipv4/ip_forward");
    EXPECT_EQ(sysctl_file("net.ipv4.conf.eth0/1.forwarding"), "net/ipv4/conf/eth0.1/forwarding");
    EXPECT_EQ(sysctl_file("net/ipv4/conf/eth0.1/forwarding"), "net/ipv4/conf/eth0.1/forwarding");
    EXPECT_EQ(sysctl_file("plain"), "plain");
}

}  // namespace
}  // namespace xctl::oci
