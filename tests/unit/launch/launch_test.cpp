// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs real containers.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "lib/kernel/pidfd.hpp"
#include "lib/launch/init/steps.hpp"
#include "tests/unit/launch/fixture.hpp"

namespace xctl::test {
namespace {

using kernel::ExitStatus;

TEST_F(Launch, RunsAProgramAndReportsItsExitCode) {
    const BusyboxRoot root;
    const auto outcome = run(make_plan(root, "echo hello; echo error >&2; exit 42"));
    ASSERT_TRUE(outcome) << outcome.error().message;
    ASSERT_FALSE(outcome->failure) << outcome->failure->message;
    EXPECT_EQ(outcome->output, "hello\nerror\n");
    EXPECT_EQ(outcome->status, (ExitStatus{false, 42, false}));
}

TEST_F(Launch, ReportsADeathBySignal) {
    const BusyboxRoot root;
    auto plan = make_plan(root, "kill -KILL $$");
    std::erase_if(plan.namespaces, [](const auto& row) { return row.kind == plan::NamespaceKind::pid; });
    const auto outcome = run(plan);
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->status, (ExitStatus{true, SIGKILL, false}));
}

TEST_F(Launch, KeeperWritesTheExitRecord) {
    const BusyboxRoot root;
    const RunOptions options{.parent = launch::Parent::keeper, .record_directory = root.directory().fd()};
    const auto outcome = run(make_plan(root, "exit 7"), options);
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->status, (ExitStatus{false, 7, false}));
    EXPECT_EQ(root.directory().read("exit"), "exited 7\n");
}

TEST_F(Launch, IsPidOneInItsOwnNamespaces) {
    const BusyboxRoot root;
    EXPECT_EQ(output_of(make_plan(root, "echo $$; hostname; cat /proc/self/cgroup | grep -c 0::/$; "
                                        "ip link show lo | grep -c LOOPBACK,UP")),
              "1\nbox\n1\n1\n");
}

TEST_F(Launch, MakesDevicesAndLinks) {
    const BusyboxRoot root;
    EXPECT_EQ(output_of(make_plan(root, "for d in null zero full urandom; do stat -c '%F %t:%T %a' /dev/$d; done; "
                                        "readlink /dev/fd; readlink /dev/ptmx; echo x >/dev/null")),
              "character special file 1:3 666\ncharacter special file 1:5 666\ncharacter special file 1:7 666\n"
              "character special file 1:9 666\n/proc/self/fd\npts/ptmx\n");
}

TEST_F(Launch, LeavesNoDescriptorsOpen) {
    const BusyboxRoot root;
    // 3 is the shell's own, while it expands the pattern.
    EXPECT_EQ(output_of(make_plan(root, "cd /proc/self/fd; echo [4-9] [0-9][0-9]*")), "[4-9] [0-9][0-9]*\n");
}

TEST_F(Launch, LetsTheUserOpenItsStreamsAnew) {
    const BusyboxRoot root;
    auto plan = make_plan(root, "echo anew >/proc/self/fd/1");
    plan.process.uid = 1000;
    EXPECT_EQ(output_of(plan), "anew\n");
    if (const auto why = why_no_user_namespaces()) GTEST_SKIP() << *why;
    add_user_namespace(plan, 100'000);
    EXPECT_EQ(output_of(plan), "anew\n");
}

TEST_F(Launch, GivesATerminal) {
    const BusyboxRoot root;
    auto plan = make_plan(root, "tty; stty size; stat -c %t:%T /dev/console; echo to-console >/dev/console; "
                                "test -t 0 && test -t 2 && echo yes >/dev/tty");
    plan.root.devices.push_back({.path = "/dev/tty", .mode = S_IFCHR | 0666, .major = 5, .minor = 0});
    plan.process.terminal = true;
    plan.process.rows = 33;
    plan.process.columns = 101;
    EXPECT_EQ(output_of(plan), "/dev/pts/0\r\n33 101\r\n88:0\r\nto-console\r\nyes\r\n");
}

TEST_F(Launch, BindsFilesAndDirectoriesAndMakesTheirTargets) {
    const BusyboxRoot root;
    root.directory().write("data/file", "content\n");
    auto plan = make_plan(root, "cat /made/dir/file /etc/one; echo x >/made/dir/new; echo y >/etc/one; true");
    const auto data = (root.directory().path() / "data").string();
    plan.root.mounts.push_back(make_bind(data, "/made/dir", MOUNT_ATTR_RDONLY));
    plan.root.mounts.push_back(make_bind(data + "/file", "/etc/one"));
    EXPECT_NE(output_of(plan).find("content\ncontent\n"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(data + "/new"));
    EXPECT_EQ(root.directory().read("data/file"), "y\n");
}

TEST_F(Launch, DecidesWhatBecomesOfSymbolicLinks) {
    const BusyboxRoot root;
    root.directory().write("data/file", "content\n");
    root.directory().write("root/etc/real", "covered\n");
    const auto link = (root.directory().path() / "data/link").string();
    std::filesystem::create_symlink("file", link);
    std::filesystem::create_symlink("real", root.path() + "/etc/name");
    const auto with = [&](const std::string& command, const std::string& target, auto&& change) {
        auto plan = make_plan(root, command);
        plan.root.mounts.push_back(make_bind(link, target));
        change(plan.root.mounts.back());
        return output_of(plan);
    };
    EXPECT_EQ(with("cat /etc/followed", "/etc/followed", [](auto&) {}), "content\n");
    EXPECT_EQ(with("readlink /etc/itself", "/etc/itself", [](auto& mount) { mount.source_link = true; }), "file\n");
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(with("readlink /new/copy; grep -c /new/copy /proc/mounts; true", "/new/copy",
                       [](auto& mount) { mount.copy_link = true; }).substr(0, 5), "file\n");
    EXPECT_EQ(with("cat /etc/name; cat /etc/real", "/etc/name", [](auto& mount) { mount.target_link = true; }),
              "content\ncovered\n");
}

TEST_F(Launch, ChangesWhatIsMounted) {
    const BusyboxRoot root;
    auto plan = make_plan(root, "touch /mnt/x 2>&1 | grep -o Read-only; grep -o '/mnt .*size=8k' /proc/mounts | wc -l");
    plan.root.mounts.push_back(make_filesystem("tmpfs", "/mnt"));
    auto change = make_filesystem("", "/mnt", MOUNT_ATTR_RDONLY, {{"size", "8k"}});
    change.kind = plan::MountKind::change;
    plan.root.mounts.push_back(change);
    EXPECT_EQ(output_of(plan), "Read-only\n1\n");
    plan.root.mounts.back().target = "/etc";
    EXPECT_NE(failure_of(plan).message.find("mount /etc (remount)"), std::string::npos);
}

TEST_F(Launch, MakesItsRootInTheMountNamespaceThatItIsGiven) {
    const BusyboxRoot root;
    auto holder = kernel::clone_process({.flags = CLONE_NEWNS}).value();
    if (holder.pid == 0)
        while (true) ::pause();
    const auto path = "/proc/" + std::to_string(holder.pid) + "/ns/mnt";
    const auto expected = std::filesystem::read_symlink(path).string();
    auto plan = make_plan(root, "readlink /proc/self/ns/mnt; ls -d /bin/busybox; test -e /src || echo alone");
    for (auto& row : plan.namespaces)
        if (row.kind == plan::NamespaceKind::mount) row.path = path;
    EXPECT_EQ(output_of(plan), expected + "\n/bin/busybox\nalone\n");
    EXPECT_TRUE(kernel::send_signal(holder.pidfd.get(), SIGKILL));
    EXPECT_TRUE(kernel::wait_exit(holder.pidfd.get()));
}

TEST_F(Launch, TmpfsInheritsTheModeAndCopiesUp) {
    const BusyboxRoot root;
    std::filesystem::create_directories(root.path() + "/var/sub");
    root.directory().write("root/var/sub/file", "text\n");
    std::filesystem::create_symlink("sub/file", root.path() + "/var/link");
    std::filesystem::permissions(root.path() + "/var", std::filesystem::perms(0751));
    auto plan = make_plan(root, "stat -c %a /var /new; cat /var/link; rm /var/sub/file");
    plan.root.mounts.push_back(make_filesystem("tmpfs", "/var"));
    plan.root.mounts.back().copy_up = true;
    plan.root.mounts.push_back(make_filesystem("tmpfs", "/new"));
    EXPECT_EQ(output_of(plan), "751\n1777\ntext\n");
    EXPECT_EQ(root.directory().read("root/var/sub/file"), "text\n");
}

TEST_F(Launch, SetsTheProcessUp) {
    const BusyboxRoot root;
    auto plan = make_plan(root, "id -u; id -g; id -G; umask; pwd; ulimit -n; grep -E 'NoNewPrivs|Cap(Eff|Bnd|Amb)' "
                                "/proc/self/status | tr -d '\\t'; cat /proc/self/oom_score_adj");
    auto& process = plan.process;
    process.uid = 1000;
    process.gid = 100;
    process.groups = {5, 6};
    process.umask = 027;
    process.cwd = "/made/here";
    process.rlimits = {{.resource = RLIMIT_NOFILE, .soft = 64, .hard = 128}};
    const std::uint64_t net_bind = 1U << 10;
    process.capabilities = plan::Capabilities{.bounding = net_bind,
                                              .effective = net_bind,
                                              .permitted = net_bind,
                                              .inheritable = net_bind,
                                              .ambient = net_bind};
    process.no_new_privileges = true;
    process.oom_score_adj = 500;
    EXPECT_EQ(output_of(plan),
              "1000\n100\n100 5 6\n0027\n/made/here\n64\nCapEff:0000000000000400\nCapBnd:0000000000000400\n"
              "CapAmb:0000000000000400\nNoNewPrivs:1\n500\n");
}

TEST_F(Launch, AppliesSeccompWithAndWithoutNoNewPrivileges) {
    const BusyboxRoot root;
    // mkdir and mkdirat fail with EPERM: load the call's number, compare, return.
    constexpr auto bpf = [](std::uint64_t code, std::uint64_t jt, std::uint64_t jf, std::uint64_t k) {
        return code | jt << 16 | jf << 24 | k << 32;
    };
    for (const bool no_new_privileges : {false, true}) {
        auto plan = make_plan(root, "mkdir /tmp/x 2>/dev/null || echo refused");
        plan.process.no_new_privileges = no_new_privileges;
        plan.process.seccomp.filter = {bpf(0x20, 0, 0, 0), bpf(0x15, 1, 0, 258), bpf(0x15, 0, 1, 83),
                                       bpf(0x06, 0, 0, 0x00050001), bpf(0x06, 0, 0, 0x7fff0000)};
        EXPECT_EQ(output_of(plan), "refused\n");
    }
}

TEST_F(Launch, WritesSysctlsOfItsOwnNamespaces) {
    const BusyboxRoot root;
    auto plan = make_plan(root, "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax");
    plan.sysctls = {{.file = "net/ipv4/ip_forward", .value = "1", .pointer = {}},
                    {.file = "kernel/msgmax", .value = "9000", .pointer = {}}};
    EXPECT_EQ(output_of(plan), "1\n9000\n");
}

TEST_F(Launch, OffsetsTheClocks) {
    const BusyboxRoot root;
    if (!std::filesystem::exists("/proc/self/timens_offsets")) GTEST_SKIP() << "the kernel has no time namespaces";
    auto plan = make_plan(root, "cut -d. -f1 /proc/uptime");
    plan.namespaces.push_back({.kind = plan::NamespaceKind::time, .path = {}});
    plan.time_offsets = {{.boottime = true, .seconds = 1'000'000'000, .nanoseconds = 0}};
    EXPECT_GT(std::stoll(output_of(plan)), 1'000'000'000);
}

TEST_F(Launch, RunsInAUserNamespace) {
    if (const auto why = why_no_user_namespaces()) GTEST_SKIP() << *why;
    const BusyboxRoot root;
    auto plan =
        make_plan(root, "id -u; cat /proc/self/uid_map | tr -s ' '; cat /proc/self/oom_score_adj; "
                        "stat -c %t:%T /dev/null; echo x >/dev/null && hostname; touch /dev/shm/x && echo made");
    add_user_namespace(plan, 100'000);
    plan.process.oom_score_adj = 300;
    EXPECT_EQ(output_of(plan), "0\n 0 100000 65536\n300\n1:3\nbox\nmade\n");
}

TEST_F(Launch, UserNamespaceHasATerminal) {
    if (const auto why = why_no_user_namespaces()) GTEST_SKIP() << *why;
    const BusyboxRoot root;
    auto plan = make_plan(root, "tty; test -t 1 && echo yes");
    add_user_namespace(plan, 100'000);
    plan.process.terminal = true;
    plan.process.uid = 1000;
    EXPECT_EQ(output_of(plan), "/dev/pts/0\r\nyes\r\n");
}

TEST_F(Launch, JoinsTheNamespacesOfAnother) {
    const BusyboxRoot root;
    auto first = make_plan(root, "true");
    first.hostname = "first";
    std::string output;
    const auto join_and_run = [&](pid_t pid) {
        auto second = make_plan(root, "hostname; echo $(($$ > 1))");
        second.hostname.clear();
        for (auto& row : second.namespaces) {
            if (row.kind == plan::NamespaceKind::uts) row.path = "/proc/" + std::to_string(pid) + "/ns/uts";
            if (row.kind == plan::NamespaceKind::pid) row.path = "/proc/" + std::to_string(pid) + "/ns/pid";
            if (row.kind == plan::NamespaceKind::network) row.path = "/proc/" + std::to_string(pid) + "/ns/net";
        }
        output = output_of(second);
    };
    output_of(first, {.when_ready = join_and_run});
    EXPECT_EQ(output, "first\n1\n");
}

TEST_F(Launch, JoinsAUserNamespaceWithItsOwnersRights) {
    if (const auto why = why_no_user_namespaces()) GTEST_SKIP() << *why;
    const BusyboxRoot root;
    auto first = make_plan(root, "true");
    add_user_namespace(first, 100'000);
    const auto join_and_run = [&](pid_t pid, const RunOptions& options) {
        auto second = make_plan(root, "id -u; hostname; stat -c %t:%T /dev/zero");
        second.namespaces.push_back(
            {.kind = plan::NamespaceKind::user, .path = "/proc/" + std::to_string(pid) + "/ns/user"});
        return output_of(second, options);
    };
    std::string kept, orphaned = "not tried";
    output_of(first, {.when_ready = [&](pid_t pid) {
                  kept = join_and_run(
                      pid, {.parent = launch::Parent::keeper, .record_directory = root.directory().fd()});
                  // Nobody else learns the exit status of an orphan.
                  if (kernel::has_exit_info()) orphaned = join_and_run(pid, {});
              }});
    EXPECT_EQ(kept, "0\nbox\n1:5\n");
    EXPECT_EQ(orphaned, kernel::has_exit_info() ? kept : "not tried");
}

TEST_F(Launch, MapsTheIdsOfAMount) {
    const BusyboxRoot root;
    root.directory().write("data/file", "");
    auto plan = make_plan(root, "stat -c %u /data/file");
    plan.root.mounts.push_back(make_bind((root.directory().path() / "data").string(), "/data"));
    plan.root.mounts.back().uid_map = plan.root.mounts.back().gid_map = {{0, 5000, 10}};
    const auto outcome = run(plan);
    if (!outcome) GTEST_SKIP() << "id maps or idmapped mounts are not possible here: " << outcome.error().message;
    EXPECT_EQ(outcome->output, "5000\n");
}

TEST_F(Launch, NamesTheFailingStepPathAndErrno) {
    const BusyboxRoot root;
    auto plan = make_plan(root, "true");
    plan.root.mounts.push_back(make_bind("/no/such", "/data"));
    const auto error = failure_of(plan);
    EXPECT_EQ(error.message, "mount /data (bind from /no/such): open_tree: No such file or directory");
    EXPECT_EQ(error.step, "mount");
    EXPECT_EQ(error.path, "/data");
    EXPECT_EQ(error.sys_errno, ENOENT);
}

TEST_F(Launch, FindsAMissingProgramBeforeReady) {
    const BusyboxRoot root;
    auto plan = make_plan(root, "");
    plan.process.args = {"nothing"};
    EXPECT_EQ(failure_of(plan).message, "exec: \"nothing\": executable file not found in $PATH");
    plan.process.args = {"/etc"};
    EXPECT_EQ(failure_of(plan).message, "exec: \"/etc\": permission denied");
    const auto outcome = run(plan);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->status, (ExitStatus{false, 126, false}));
}

TEST_F(Launch, RefusesANamespaceOfAnotherType) {
    const BusyboxRoot root;
    auto plan = make_plan(root, "true");
    plan.namespaces[0].path = "/proc/self/ns/net";
    const auto error = failure_of(plan);
    EXPECT_NE(error.message.find("a namespace of another type"), std::string::npos) << error.message;
}

}  // namespace
}  // namespace xctl::test
