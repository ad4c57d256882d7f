// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/plan/compile.hpp"

#include <gtest/gtest.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>

namespace xctl::plan {
namespace {

constexpr std::string_view kBase = R"({"ociVersion": "1.2.0", "root": {"path": "rootfs"},
    "process": {"cwd": "/", "args": ["true"]}, "linux": {"namespaces": [{"type": "mount"}]}})";

Compiled compiled(std::string_view patch, const Overrides& overrides = {}) {
    auto result = compile_document(kBase, "config.json", patch, "/bundle", "box", overrides);
    EXPECT_TRUE(result) << result.error().message;
    return result ? *result : Compiled{};
}

Mount mount_of(std::string_view json) {
    const auto plan = compiled(R"({"mounts": [)" + std::string(json) + "]}").plan;
    return plan.root.mounts.empty() ? Mount{} : plan.root.mounts[0];
}

std::string file_of(const LaunchPlan& plan, std::string_view file) {
    const auto found = std::ranges::find(plan.cgroup.files, file, &FileWrite::file);
    return found == plan.cgroup.files.end() ? "absent" : found->value;
}

std::string limit(std::string_view resources, std::string_view file, std::string_view version = "1.2.0") {
    return file_of(compiled(std::string(R"({"ociVersion": ")") + std::string(version) +
                            R"(", "linux": {"resources": )" + std::string(resources) + "}}")
                       .plan,
                   file);
}

TEST(Compile, TakesPathsFromTheBundle) {
    EXPECT_EQ(compiled("").plan.root.path, "/bundle/rootfs");
    EXPECT_EQ(compiled(R"({"root": {"path": "/srv/./r"}})").plan.root.path, "/srv/r");
    EXPECT_EQ(mount_of(R"({"destination": "/a", "source": "data/x", "options": ["bind"]})").source,
              "/bundle/data/x");
    EXPECT_EQ(mount_of(R"({"destination": "/a", "source": "/x", "options": ["rbind"]})").source, "/x");
}

TEST(Compile, DecidesByOptionsWhatABindMountIs) {
    const auto bind = mount_of(R"({"destination": "/a", "type": "tmpfs", "source": "/x", "options": ["bind"]})");
    EXPECT_EQ(bind.kind, MountKind::bind);
    EXPECT_FALSE(bind.recursive);
    EXPECT_EQ(bind.fstype, "");
    EXPECT_TRUE(mount_of(R"({"destination": "/a", "source": "/x", "options": ["rbind"]})").recursive);
    EXPECT_EQ(mount_of(R"({"destination": "/a", "type": "bind", "source": "/x"})").kind, MountKind::bind);
    EXPECT_EQ(mount_of(R"({"destination": "/a", "type": "tmpfs", "source": "x"})").kind, MountKind::filesystem);
    EXPECT_EQ(mount_of(R"({"destination": "/a", "type": "cgroup", "source": "x"})").kind, MountKind::cgroup);
}

TEST(Compile, TheLaterOptionWins) {
    auto mount =
        mount_of(R"({"destination": "/a", "source": "/x", "options": ["bind", "rw", "ro", "nosuid", "suid"]})");
    EXPECT_EQ(mount.attr_set, std::uint64_t{MOUNT_ATTR_RDONLY});
    EXPECT_EQ(mount.attr_clear, std::uint64_t{MOUNT_ATTR_NOSUID});
    mount = mount_of(R"({"destination": "/a", "source": "/x", "options": ["bind", "noatime", "strictatime"]})");
    EXPECT_EQ(mount.attr_set, std::uint64_t{MOUNT_ATTR_STRICTATIME});
    EXPECT_EQ(mount.attr_clear, std::uint64_t{MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME});
    mount = mount_of(R"({"destination": "/a", "source": "/x", "options": ["bind", "rnoatime", "rro"]})");
    EXPECT_EQ(mount.attr_clear, 0U);
    EXPECT_EQ(mount.rec_attr_set, std::uint64_t{MOUNT_ATTR_NOATIME | MOUNT_ATTR_RDONLY});
    EXPECT_EQ(mount.rec_attr_clear, std::uint64_t{MOUNT_ATTR__ATIME});
}

TEST(Compile, ABindMountWithOptionsHasThoseOnly) {
    const auto with = [](const std::string& options) {
        return mount_of(R"({"destination": "/a", "source": "/x", "options": ["bind")" + options + "]}");
    };
    EXPECT_EQ(with("").attr_default, 0U);
    EXPECT_EQ(with(R"(, "rprivate", "rro")").attr_default, 0U);
    EXPECT_EQ(with(R"(, "ro", "exec")").attr_default,
              std::uint64_t{MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSYMFOLLOW});
    EXPECT_EQ(with(R"(, "dev")").attr_default, std::uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                                             MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW});
    EXPECT_EQ(mount_of(R"({"destination": "/a", "type": "tmpfs", "options": ["ro"]})").attr_default, 0U);
}

TEST(Compile, ABindMountKeepsItsAccessTimesUnlessOneIsAskedFor) {
    const auto clears = [](const std::string& word) {
        return mount_of(R"({"destination": "/a", "source": "/x", "options": ["bind", ")" + word + R"("]})").attr_clear;
    };
    constexpr std::uint64_t kAccessTime = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
    for (const auto* word : {"relatime", "noatime", "strictatime"}) EXPECT_EQ(clears(word), kAccessTime) << word;
    EXPECT_EQ(clears("nodiratime"), std::uint64_t{MOUNT_ATTR__ATIME});
    for (const auto* word : {"ro", "atime", "diratime", "norelatime", "nostrictatime"}) EXPECT_EQ(clears(word), 0U) << word;
}

TEST(Compile, SeparatesPropagationFromItsRecursion) {
    const auto mount = mount_of(R"({"destination": "/a", "source": "/x", "options": ["bind", "rslave"]})");
    EXPECT_EQ(mount.propagation, std::uint64_t{MS_SLAVE});
    EXPECT_TRUE(mount.recursive_propagation);
    EXPECT_EQ(compiled(R"({"linux": {"rootfsPropagation": "shared"}})").plan.root.propagation,
              std::uint64_t{MS_SHARED});
    EXPECT_EQ(compiled("").plan.root.propagation, 0U);
}

TEST(Compile, HandsUnknownOptionsToTheFileSystem) {
    const auto mount = mount_of(R"({"destination": "/a", "type": "overlay", "source": "o",
        "options": ["lowerdir=/a:/b,index=off", "context=\"u:r:t:s0:c1,c2\"", "volatile", "sync"]})");
    ASSERT_EQ(mount.parameters.size(), 5U);
    EXPECT_EQ(mount.parameters[0].key, "lowerdir");
    EXPECT_EQ(mount.parameters[0].value, "/a:/b");
    EXPECT_EQ(mount.parameters[1].value, "off");
    EXPECT_EQ(mount.parameters[2].value, "u:r:t:s0:c1,c2");
    EXPECT_EQ(mount.parameters[3].value, std::nullopt);
    EXPECT_EQ(mount.parameters[4].key, "sync");
}

TEST(Compile, WarnsOfWhatItIgnores) {
    const auto bind =
        compiled(R"({"mounts": [{"destination": "a", "source": "/x", "options": ["bind", "size=1"]}]})");
    ASSERT_EQ(bind.warnings.size(), 2U);
    EXPECT_EQ(bind.warnings[0], "/mounts/0/destination: is relative; it is taken from the container's root");
    EXPECT_EQ(bind.warnings[1],
              "/mounts/0/options: a bind mount has no options of a file system: ignored \"size=1\"");
    EXPECT_EQ(bind.plan.root.mounts.at(0).target, "/a");
    const auto capability = compiled(R"({"process": {"capabilities": {"bounding": ["CAP_FLY", "CAP_KILL"]}}})");
    ASSERT_EQ(capability.warnings.size(), 1U);
    EXPECT_EQ(capability.warnings[0], "/process/capabilities/bounding: this kernel has no \"CAP_FLY\"");
    EXPECT_EQ(capability.plan.process.capabilities->bounding, 1U << 5);
}

TEST(Compile, GrantsOnlyWhatTheKernelWould) {
    const auto result = compiled(R"({"process": {"capabilities": {"permitted": ["CAP_KILL", "CAP_CHOWN"],
        "inheritable": ["CAP_KILL"], "effective": ["CAP_KILL", "CAP_FOWNER"], "ambient": ["CAP_KILL", "CAP_CHOWN"]}}})");
    EXPECT_EQ(result.warnings,
              (std::vector<std::string>{
                  "/process/capabilities/effective: not permitted too, so not granted: CAP_FOWNER",
                  "/process/capabilities/ambient: not permitted and inheritable too, so not granted: CAP_CHOWN"}));
    EXPECT_EQ(result.plan.process.capabilities->effective, 1U << 5);
    EXPECT_EQ(result.plan.process.capabilities->ambient, 1U << 5);
}

TEST(Compile, DefaultDevicesComeFirstUnlessReplaced) {
    const auto plan = compiled("").plan;
    EXPECT_EQ(plan.root.devices.size(), 6U);
    EXPECT_EQ(plan.root.links.size(), 6U);
    EXPECT_EQ(plan.root.devices[0].mode, std::uint32_t{S_IFCHR | 0666});
    const auto own = compiled(R"({"linux": {"devices": [
        {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 384},
        {"path": "/run/fifo", "type": "p"}]}})")
                         .plan;
    EXPECT_EQ(own.root.devices.size(), 7U);
    EXPECT_EQ(own.root.devices[5].mode, std::uint32_t{S_IFCHR | 0600});
    EXPECT_EQ(own.root.devices[6].mode, std::uint32_t{S_IFIFO | 0666});
    const auto host =
        compiled(R"({"mounts": [{"destination": "/dev", "source": "/dev", "options": ["rbind"]}]})").plan;
    EXPECT_TRUE(host.root.devices.empty());
    EXPECT_TRUE(host.root.links.empty());
}

TEST(Compile, ConvertsMemory) {
    EXPECT_EQ(limit(R"({"memory": {"limit": 1000}})", "memory.max"), "1000");
    EXPECT_EQ(limit(R"({"memory": {"limit": -1}})", "memory.max"), "max");
    EXPECT_EQ(limit(R"({"memory": {"limit": 0}})", "memory.max"), "absent");
    EXPECT_EQ(limit(R"({"memory": {"reservation": 500}})", "memory.low"), "500");
    EXPECT_EQ(limit(R"({"memory": {"limit": 1000, "swap": 1500}})", "memory.swap.max"), "500");
    EXPECT_EQ(limit(R"({"memory": {"limit": 1000, "swap": 1000}})", "memory.swap.max"), "0");
    EXPECT_EQ(limit(R"({"memory": {"swap": -1}})", "memory.swap.max"), "max");
}

TEST(Compile, ConvertsCpu) {
    EXPECT_EQ(limit(R"({"cpu": {"shares": 2}})", "cpu.weight"), "1");
    EXPECT_EQ(limit(R"({"cpu": {"shares": 1024}})", "cpu.weight"), "100");
    EXPECT_EQ(limit(R"({"cpu": {"shares": 262144}})", "cpu.weight"), "10000");
    EXPECT_EQ(limit(R"({"cpu": {"shares": 18446744073709551615}})", "cpu.weight"), "10000");
    EXPECT_EQ(limit(R"({"cpu": {"shares": 0}})", "cpu.weight"), "absent");
    EXPECT_EQ(limit(R"({"cpu": {"quota": 50000}})", "cpu.max"), "50000 100000");
    EXPECT_EQ(limit(R"({"cpu": {"quota": -1, "period": 5000}})", "cpu.max"), "max 5000");
    EXPECT_EQ(limit(R"({"cpu": {"idle": 1}})", "cpu.idle"), "1");
    EXPECT_EQ(limit(R"({"cpu": {"cpus": "0-1"}})", "cpuset.cpus"), "0-1");
}

TEST(Compile, ZeroProcessesAreALimitOfTheFirstSinceVersion13) {
    EXPECT_EQ(limit(R"({"pids": {"limit": 0}})", "pids.max", "1.2.0"), "absent");
    EXPECT_EQ(limit(R"({"pids": {"limit": 0}})", "pids.max", "1.3.0"), "1");
    EXPECT_EQ(limit(R"({"pids": {"limit": -1}})", "pids.max"), "max");
}

TEST(Compile, NamesTheControllersThatItNeeds) {
    const auto plan =
        compiled(R"({"linux": {"resources": {"cpu": {"shares": 5, "cpus": "0"}, "memory": {"limit": 5},
        "unified": {"io.max": "8:0 rbps=1\n8:1 rbps=2", "cgroup.max.depth": "1", "memory.high": "4"}}}})")
            .plan;
    EXPECT_EQ(plan.cgroup.controllers, (std::vector<std::string>{"memory", "cpu", "cpuset", "io"}));
    EXPECT_EQ(std::ranges::count(plan.cgroup.files, "io.max", &FileWrite::file), 2);
    EXPECT_TRUE(std::ranges::contains(plan.cgroup.files, "/linux/resources/unified/memory.high", &FileWrite::pointer));
}

TEST(Compile, GivesAWritableCgroupToTheRootOfItsUsers) {
    const auto owner = [](std::string_view option, std::string_view namespaces) {
        return compiled(std::format(R"({{"mounts": [{{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "c",
            "options": ["{}"]}}], "linux": {{"namespaces": [{{"type": "mount"}}{}],
            "uidMappings": [{{"containerID": 1, "hostID": 5, "size": 9}}, {{"containerID": 0, "hostID": 4, "size": 1}}],
            "gidMappings": [{{"containerID": 0, "hostID": 3, "size": 1}}]}}}})", option, namespaces)).plan.cgroup.owner;
    };
    constexpr std::string_view kBoth = R"(, {"type": "user"}, {"type": "cgroup"})";
    EXPECT_EQ(owner("rw", kBoth), 4U);
    EXPECT_EQ(owner("ro", kBoth), std::nullopt);
    EXPECT_EQ(owner("rw", R"(, {"type": "user"})"), std::nullopt);
    EXPECT_EQ(compiled("").plan.cgroup.owner, std::nullopt);
}

TEST(Compile, LimitsTheTreeOfWhoCanMakeCgroups) {
    const auto limits = [](std::string_view resources, std::string_view users) {
        std::vector<std::string> out;
        const auto ids = users.empty() ? std::string() : std::format(
            R"(, {{"type": "user"}}], "uidMappings": [{{"containerID": 0, "hostID": {}, "size": 1}}],
            "gidMappings": [{{"containerID": 0, "hostID": 3, "size": 1}})", users);
        const auto plan = compiled(std::format(R"({{"linux": {{"namespaces": [{{"type": "mount"}}{}],
            "resources": {{{}}}}}}})", ids, resources)).plan;
        for (const auto& row : plan.cgroup.files) out.push_back(row.file + "=" + row.value);
        return out;
    };
    using Words = std::vector<std::string>;
    const Words both{"cgroup.max.depth=32", "cgroup.max.descendants=4096"};
    EXPECT_EQ(limits("", ""), both);
    EXPECT_EQ(limits("", "0"), both) << "the host's root is in the namespace";
    EXPECT_EQ(limits("", "7"), Words{}) << "no file of a cgroup belongs to anybody in it";
    EXPECT_EQ(limits(R"("unified": {"cgroup.max.depth": "max"})", ""),
              (Words{"cgroup.max.depth=max", "cgroup.max.descendants=4096"}));
}

TEST(Compile, GivesEveryProcessAHome) {
    EXPECT_EQ(compiled("").plan.process.env, std::vector<std::string>{"HOME=/root"});
    EXPECT_EQ(compiled(R"({"process": {"user": {"uid": 5, "gid": 5}}})").plan.process.env,
              std::vector<std::string>{"HOME=/"});
    EXPECT_EQ(compiled(R"({"process": {"env": ["A=1", "HOME=/h", "A=2"]}})").plan.process.env,
              (std::vector<std::string>{"HOME=/h", "A=2"}));
}

TEST(Compile, WithoutCapabilitiesThereAreNone) {
    const auto capabilities = compiled("").plan.process.capabilities;
    ASSERT_TRUE(capabilities);
    EXPECT_EQ(capabilities->bounding | capabilities->effective | capabilities->permitted, 0U);
}

TEST(CompileExec, HasTheFilterOfItsContainer) {
    const auto container = compiled(R"({"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdirat"], "action": "SCMP_ACT_ERRNO"}]}}})");
    oci::Process process;
    process.args = {"sh"};
    process.cwd = "/x/..";
    const auto plan = compile_exec(container.spec, process, {}).value().process;
    EXPECT_EQ(plan.args, std::vector<std::string>{"sh"});
    EXPECT_EQ(plan.cwd, "/");
    EXPECT_FALSE(plan.seccomp.filter.empty());
    EXPECT_EQ(plan.seccomp.filter, container.plan.process.seccomp.filter);
}

// The filters are cached: profiles that differ in one number must not be taken for each other.
TEST(CompileCgroup, LooksAtWhatIsInUseOnlyWhenAsked) {
    const auto most = [](std::string_view memory) {
        return compiled(R"({"linux": {"resources": {"memory": )" + std::string(memory) + "}}}").plan.cgroup.most_memory;
    };
    EXPECT_EQ(most(R"({"limit": 4096, "checkBeforeUpdate": true})"), 4096U);
    EXPECT_EQ(most(R"({"limit": 4096})"), 0U);
    EXPECT_EQ(most(R"({"limit": -1, "checkBeforeUpdate": true})"), 0U);
}

TEST(CompileCgroup, ConvertsBlockIo) {
    const auto weight = [](std::string_view value, std::string_view file) {
        return limit(R"({"blockIO": {"weight": )" + std::string(value) + "}}", file);
    };
    EXPECT_EQ(weight("10", "io.weight"), "1");
    EXPECT_EQ(weight("500", "io.weight"), "4950");
    EXPECT_EQ(weight("1000", "io.weight"), "10000");
    EXPECT_EQ(weight("500", "io.bfq.weight"), "500");
    EXPECT_EQ(weight("0", "io.weight"), "absent");
    const auto plan = compiled(R"({"linux": {"resources": {"blockIO": {
        "weightDevice": [{"major": 8, "minor": 0, "weight": 1000}, {"major": 8, "minor": 1, "leafWeight": 10}],
        "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1}],
        "throttleWriteBpsDevice": [{"major": 8, "minor": 0, "rate": 2}],
        "throttleReadIOPSDevice": [{"major": 8, "minor": 0, "rate": 3}],
        "throttleWriteIOPSDevice": [{"major": 8, "minor": 0, "rate": 0}]}}}})")
                          .plan.cgroup;
    std::string text;
    for (const auto& row : plan.files)
        if (row.presence != Presence::unasked) text += row.file + " " + row.value + "\n";
    EXPECT_EQ(text, "io.bfq.weight 8:0 1000\nio.weight 8:0 10000\nio.max 8:0 rbps=1\nio.max 8:0 wbps=2\n"
                    "io.max 8:0 riops=3\nio.max 8:0 wiops=max\n");
    EXPECT_EQ(plan.files[0].presence, Presence::preferred);
    EXPECT_EQ(plan.files[1].presence, Presence::required);
    EXPECT_EQ(plan.controllers, std::vector<std::string>{"io"});
}

TEST(CompileCgroup, LimitsHugePagesAndRdma) {
    constexpr std::string_view kPages = R"({"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]})";
    EXPECT_EQ(limit(kPages, "hugetlb.2MB.rsvd.max"), "4194304");
    EXPECT_EQ(limit(kPages, "hugetlb.2MB.max"), "4194304");
    EXPECT_EQ(limit(R"({"rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}}})", "rdma.max"),
              "mlx5_1 hca_handle=3 hca_object=10000");
    EXPECT_EQ(limit(R"({"rdma": {"mlx5_1": {"hcaObjects": 1}}})", "rdma.max"), "mlx5_1 hca_object=1");
    EXPECT_EQ(limit(R"({"rdma": {"mlx5_1": {}}})", "rdma.max"), "absent");
}

TEST(CompileCgroup, WarnsOfWhatOnlyVersionOneHas) {
    const auto result = compiled(R"({"linux": {"resources": {"memory": {"kernel": 1, "kernelTCP": -1, "swappiness": 60,
        "disableOOMKiller": true}, "blockIO": {"leafWeight": 100}, "network": {"classID": 1}}}})");
    EXPECT_TRUE(result.plan.cgroup.controllers.empty());
    ASSERT_EQ(result.warnings.size(), 5U);
    EXPECT_EQ(result.warnings[0], "/linux/resources/memory/kernel: cgroup v2 has no such limit: ignored");
}

TEST(CompileProcess, TurnsWordsIntoNumbers) {
    const auto process = compiled(R"({"process": {
        "scheduler": {"policy": "SCHED_DEADLINE", "runtime": 1024, "deadline": 2000, "period": 3000,
            "flags": ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_DL_OVERRUN"]},
        "ioPriority": {"class": "IOPRIO_CLASS_IDLE", "priority": 7},
        "execCPUAffinity": {"initial": "0", "final": "1"}},
        "linux": {"personality": {"domain": "LINUX32"},
            "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0,2-3,64", "flags": ["MPOL_F_STATIC_NODES"]}}})")
                             .plan.process;
    EXPECT_EQ(process.scheduler->policy, 6U);
    EXPECT_EQ(process.scheduler->flags, 5U);
    EXPECT_EQ(process.scheduler->period, 3000U);
    EXPECT_EQ(process.io_priority, 3U << 13 | 7U);
    EXPECT_EQ(process.personality, 8U);
    EXPECT_EQ(process.memory_policy->mode, 2U | 1U << 15);
    EXPECT_EQ(process.memory_policy->nodes, (std::vector<std::uint64_t>{13, 1}));
    EXPECT_TRUE(process.first_cpus.empty() && process.cpus.empty());
    EXPECT_FALSE(compiled("").plan.process.personality);
    const auto local = compiled(R"({"linux": {"memoryPolicy": {"mode": "MPOL_LOCAL", "nodes": ""}}})").plan.process;
    EXPECT_TRUE(local.memory_policy->nodes.empty());
}

TEST(CompileExec, ChoosesItsCpus) {
    const auto spec = compiled("").spec;
    auto process = *spec.process;
    process.exec_cpu_affinity = oci::ExecCpuAffinity{"0-1", "3"};
    const auto plan = compile_exec(spec, process, {}).value().process;
    EXPECT_EQ(plan.first_cpus, std::vector<std::uint64_t>{3});
    EXPECT_EQ(plan.cpus, std::vector<std::uint64_t>{8});
}

constexpr std::string_view kNotify = R"({"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW",
    "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], "listenerPath": "/run/agent.sock",
    "listenerMetadata": "a \"pid\":0 b", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}}})";

TEST(CompileSeccomp, TellsTheHandlerOfNotificationsWhoTheProcessIs) {
    const auto seccomp = compiled(kNotify).plan.process.seccomp;
    EXPECT_EQ(seccomp.listener, "/run/agent.sock");
    EXPECT_EQ(seccomp.flags, 32U);
    ASSERT_EQ(seccomp.message.size(), 3U);
    EXPECT_EQ(seccomp.message[0] + "7" + seccomp.message[1] + "7" + seccomp.message[2],
              R"({"ociVersion":"0.2.0","fds":["seccompFd"],"pid":7,"metadata":"a \"pid\":0 b",)"
              R"("state":{"ociVersion":"1.2.0","id":"box","pid":7,"status":"creating","bundle":"/bundle"}})");
}

TEST(CompileSeccomp, TellsItOfAProcessThatJoinsAContainer) {
    const auto spec = compiled(kNotify).spec;
    const oci::State state{
        .oci_version = "1.2.0", .id = "box", .status = oci::Status::running, .pid = 42, .bundle = "/b",
        .annotations = {}, .rootfs = {}, .created = {}, .owner = {}};
    const auto message = compile_exec(spec, *spec.process, state).value().process.seccomp.message;
    ASSERT_EQ(message.size(), 2U);
    EXPECT_NE(message[1].find(R"("pid":42,"status":"running")"), std::string::npos);
}

TEST(CompileSeccomp, AListenerWithoutNotificationsMayBeAbsent) {
    const auto seccomp = compiled(R"({"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW",
        "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], "listenerPath": "/run/agent.sock"}}})")
                             .plan.process.seccomp;
    EXPECT_EQ(seccomp.listener, "/run/agent.sock");
    EXPECT_TRUE(seccomp.listener_optional);
    EXPECT_EQ(seccomp.flags, 0U);
}

TEST(CompileSeccomp, WarnsOfCallsThatNobodyKnows) {
    const auto warnings = compiled(R"({"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["fly", "read", "swim"], "action": "SCMP_ACT_KILL"}]}}})")
                              .warnings;
    EXPECT_EQ(warnings, Warnings{R"(/linux/seccomp/syscalls: not known here, so ignored: "fly" "swim")"});
}

TEST(CompileSeccomp, DoesNotConfuseProfiles) {
    const auto filter = [](int number) {
        return compiled(R"({"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": )" +
                        std::to_string(number) + "}]}}}")
            .plan.process.seccomp.filter;
    };
    std::vector<std::vector<std::uint64_t>> filters;
    for (int number = 1; number <= 12; ++number) filters.push_back(filter(number));
    for (int number = 12; number >= 1; --number)
        EXPECT_EQ(filter(number), filters[static_cast<std::size_t>(number - 1)]);
    EXPECT_NE(filters[0], filters[1]);
}

TEST(Overrides, ReplaceWhatTheySay) {
    const Overrides overrides{{"sh", "-i"}, {"A=2", "B=3"}, "/tmp", "night", true};
    const auto result = compiled(R"({"hostname": "day", "process": {"env": ["A=1"]},
        "linux": {"namespaces": [{"type": "mount"}, {"type": "uts"}]}})",
                                 overrides);
    EXPECT_EQ(result.plan.process.args, (std::vector<std::string>{"sh", "-i"}));
    EXPECT_EQ(result.plan.process.env, (std::vector<std::string>{"A=2", "B=3", "HOME=/root"}));
    EXPECT_EQ(result.plan.process.cwd, "/tmp");
    EXPECT_EQ(result.plan.hostname, "night");
    EXPECT_TRUE(result.plan.process.terminal);
    EXPECT_EQ(result.spec.hostname, "night");
    EXPECT_EQ(compiled("").plan.process.args, std::vector<std::string>{"true"});
}

TEST(Overrides, StandInForAnAbsentProcess) {
    EXPECT_EQ(
        compiled(R"({"process": null})", {.args = {"sh"}, .env = {}, .cwd = {}, .hostname = {}, .terminal = {}})
            .plan.process.cwd,
        "/");
}

TEST(Overrides, AreCheckedLikeTheDocument) {
    const Overrides overrides{{}, {}, "relative", {}, {}};
    EXPECT_EQ(compile_document(kBase, "c.json", {}, "/b", "x", overrides).error().message,
              "c.json: /process/cwd: must be an absolute path");
}

}  // namespace
}  // namespace xctl::plan
