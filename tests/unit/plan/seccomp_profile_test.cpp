// SPDX-License-Identifier: LGPL-2.1-or-later
// The default profile as it is shipped, and who gets which part of it.
#include "lib/plan/seccomp_profile.hpp"

#include <errno.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <fstream>
#include <set>
#include <sstream>

#include "lib/kernel/capabilities.hpp"
#include "lib/kernel/seccomp.hpp"
#include "lib/plan/compile.hpp"
#include "tests/unit/plan/filter_run.hpp"

namespace xctl::plan {
namespace {

using kernel::call;

constexpr auto kRefused = SECCOMP_RET_ERRNO | EPERM;
constexpr auto kAbsent = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint64_t kNewUser = 0x10000000;
constexpr std::uint64_t kNewTime = 0x80;

Result<std::string> read_shipped(const std::string& file) {
    EXPECT_EQ(file, kProfileFile);
    std::ifstream stream(XCTL_POLICY "/seccomp.json");
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

Result<std::string> read_nothing(const std::string&) { return fail_errno(ENOENT, "open"); }
Result<std::string> read_broken(const std::string&) {
    return R"({"default": "EPERM", "architectures": {"x86_64": [], "aarch64": []},
               "rules": [{"name": "a", "calls": ["read"], "capabilities": ["CAP_FLY"]}]})";
}

oci::SeccompProfile shipped() {
    return oci::parse_seccomp_profile(read_shipped(kProfileFile).value(), kProfileFile).value();
}

std::string config(const std::string& annotation, const std::string& capabilities,
                   const std::string& linux_members = "") {
    return R"({"ociVersion": "1.2.0", "root": {"path": "r"}, "annotations": {)" + annotation + R"(},
        "process": {"cwd": "/", "args": ["a"], "capabilities": {"bounding": [)" +
           capabilities + R"(]}},
        "linux": {"namespaces": [{"type": "mount"}])" +
           linux_members + "}}";
}

Result<Compiled> compiled(const std::string& text, bool definition_asks, ProfileReader read) {
    Overrides overrides;
    overrides.default_seccomp = definition_asks;
    overrides.read_profile = read;
    return compile_document(text, "config.json", {}, "/bundle", "box", overrides);
}

constexpr const char* kAnnotation = R"("org.xctl.seccomp": "default")";

std::string error_of(const std::string& text, bool definition_asks, ProfileReader read) {
    const auto result = compiled(text, definition_asks, read);
    EXPECT_FALSE(result);
    return result ? std::string() : result.error().message;
}

class DefaultProfile : public ::testing::Test {
protected:
    void SetUp() override {
        if (kernel::native_architecture().empty()) GTEST_SKIP() << "the profile does not know this architecture";
    }

    static std::vector<std::uint64_t> filter(const std::string& capabilities) {
        auto result = compiled(config(kAnnotation, capabilities), false, read_shipped);
        EXPECT_TRUE(result) << result.error().message;
        EXPECT_EQ(result->warnings, Warnings{});
        return result->plan.process.seccomp.filter;
    }
};

TEST(SeccompProfileFile, NamesOnlyWhatIsKnownAndNothingTwice) {
    const auto profile = shipped();
    std::set<std::string> names, unconditional;
    for (const auto& rule : profile.rules) {
        EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
        for (const auto& name : rule.calls) EXPECT_TRUE(kernel::is_known_call(name)) << rule.name << ": " << name;
        for (const auto& name : rule.capabilities) EXPECT_TRUE(kernel::capability_number(name)) << name;
        for (const auto& name : rule.without_capabilities) EXPECT_TRUE(kernel::capability_number(name)) << name;
        const bool always = rule.capabilities.empty() && rule.without_capabilities.empty() && !rule.when;
        for (const auto& name : rule.calls)
            if (always && !unconditional.insert(name).second) ADD_FAILURE() << name << " is allowed twice";
    }
    // What everyone may call without conditions needs no condition elsewhere: it would have no effect.
    for (const auto& rule : profile.rules) {
        const bool always = rule.capabilities.empty() && rule.without_capabilities.empty() && !rule.when;
        for (const auto& name : rule.calls)
            if (!always && unconditional.contains(name)) ADD_FAILURE() << rule.name << ": " << name;
    }
}

TEST(SeccompProfileFile, SomeCallsAreForNobody) {
    std::set<std::string> all;
    for (const auto& rule : shipped().rules) all.insert(rule.calls.begin(), rule.calls.end());
    for (const auto* name : {"add_key", "keyctl", "request_key", "io_uring_setup", "io_uring_enter",
                             "io_uring_register", "userfaultfd", "kexec_load", "kexec_file_load", "nfsservctl",
                             "swapon", "swapoff", "vmsplice", "uselib", "vm86", "vm86old", "_sysctl", "lookup_dcookie"})
        EXPECT_FALSE(all.contains(name)) << name;
}

TEST_F(DefaultProfile, AllowsWhatProgramsDo) {
    const auto program = filter("");
    for (const long number :
         {SYS_read, SYS_openat, SYS_execve, SYS_mmap, SYS_futex, SYS_rt_sigaction, SYS_clock_gettime, SYS_ptrace,
          SYS_connect, SYS_prctl, SYS_seccomp, SYS_statx, SYS_close_range, SYS_rseq})
        EXPECT_EQ(call(program, number), SECCOMP_RET_ALLOW) << number;
    EXPECT_EQ(call(program, SYS_clone, 0x11), SECCOMP_RET_ALLOW);
    EXPECT_EQ(call(program, SYS_clone, 0x3d0f00), SECCOMP_RET_ALLOW);  // a thread
}

TEST_F(DefaultProfile, RefusesTheRest) {
    const auto program = filter("");
    for (const long number : {SYS_mount,
                              SYS_umount2,
                              SYS_setns,
                              SYS_bpf,
                              SYS_keyctl,
                              SYS_add_key,
                              SYS_io_uring_setup,
                              SYS_userfaultfd,
                              SYS_perf_event_open,
                              SYS_init_module,
                              SYS_reboot,
                              SYS_swapon,
                              SYS_chroot,
                              SYS_kexec_load,
                              SYS_syslog,
                              SYS_settimeofday,
                              SYS_pivot_root,
                              SYS_open_by_handle_at,
                              SYS_fsopen,
                              SYS_move_mount,
                              SYS_mount_setattr,
                              SYS_kcmp,
                              SYS_acct,
                              SYS_sethostname})
        EXPECT_EQ(call(program, number), kRefused) << number;
    EXPECT_EQ(call(program, 9999), kAbsent);
}

TEST_F(DefaultProfile, LooksAtArguments) {
    const auto program = filter("");
    for (const auto flag : {0x20000UL, 0x2000000UL, 0x4000000UL, 0x8000000UL, kNewUser, 0x20000000UL, 0x40000000UL}) {
        EXPECT_EQ(call(program, SYS_clone, flag | 0x11), kRefused) << flag;
        EXPECT_EQ(call(program, SYS_unshare, flag), kRefused) << flag;
    }
    EXPECT_EQ(call(program, SYS_clone3), kAbsent);
    EXPECT_EQ(call(program, SYS_unshare, kNewTime), kRefused);
    EXPECT_EQ(call(program, SYS_unshare, 0x200), SECCOMP_RET_ALLOW);  // CLONE_FS
    EXPECT_EQ(call(program, SYS_personality, 0xffffffff), SECCOMP_RET_ALLOW);
    EXPECT_EQ(call(program, SYS_personality, 8), SECCOMP_RET_ALLOW);
    EXPECT_EQ(call(program, SYS_personality, 0x40000), kRefused);  // ADDR_NO_RANDOMIZE
    for (const std::uint64_t family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET})
        EXPECT_EQ(call(program, SYS_socket, family), SECCOMP_RET_ALLOW) << family;
    for (const std::uint64_t family : {AF_ALG, AF_VSOCK, AF_CAN, AF_X25}) {
        EXPECT_EQ(call(program, SYS_socket, family), kRefused) << family;
        EXPECT_EQ(call(program, SYS_socket, family | 1UL << 32), kRefused) << "the kernel takes 32 bits";
    }
}

TEST_F(DefaultProfile, GoesByCapabilities) {
    const auto admin = filter(R"("CAP_SYS_ADMIN")");
    for (const long number :
         {SYS_mount, SYS_setns, SYS_bpf, SYS_clone3, SYS_fsopen, SYS_perf_event_open, SYS_sethostname})
        EXPECT_EQ(call(admin, number), SECCOMP_RET_ALLOW) << number;
    EXPECT_EQ(call(admin, SYS_unshare, kNewUser), SECCOMP_RET_ALLOW);
    EXPECT_EQ(call(admin, SYS_clone, kNewUser), SECCOMP_RET_ALLOW);
    for (const long number : {SYS_keyctl, SYS_io_uring_setup, SYS_reboot, SYS_chroot, SYS_init_module})
        EXPECT_EQ(call(admin, number), kRefused) << number;
    EXPECT_EQ(call(admin, SYS_socket, AF_VSOCK), kRefused);
    const auto alone = [](const char* name, long number, std::uint64_t argument = 0) {
        EXPECT_EQ(call(filter(std::string("\"") + name + "\""), number, argument), SECCOMP_RET_ALLOW) << name;
        EXPECT_EQ(call(filter(R"("CAP_CHOWN")"), number, argument), kRefused) << name;
    };
    alone("CAP_BPF", SYS_bpf);
    alone("CAP_PERFMON", SYS_perf_event_open);
    alone("CAP_DAC_READ_SEARCH", SYS_open_by_handle_at);
    alone("CAP_NET_ADMIN", SYS_socket, AF_CAN);
    alone("CAP_SYS_BOOT", SYS_reboot);
    alone("CAP_SYS_CHROOT", SYS_chroot);
    alone("CAP_SYS_MODULE", SYS_finit_module);
    alone("CAP_SYS_NICE", SYS_move_pages);
    alone("CAP_SYS_PACCT", SYS_acct);
    alone("CAP_SYS_PTRACE", SYS_kcmp);
    alone("CAP_SYS_TIME", SYS_clock_settime);
    alone("CAP_SYS_TTY_CONFIG", SYS_vhangup);
    alone("CAP_SYSLOG", SYS_syslog);
#if defined(__x86_64__)
    alone("CAP_SYS_RAWIO", SYS_iopl);
#endif
}

#if defined(__x86_64__)
TEST_F(DefaultProfile, OtherArchitectures) {
    const auto program = filter("");
    EXPECT_EQ(call(program, 3, 0, AUDIT_ARCH_I386), SECCOMP_RET_ALLOW);    // read
    EXPECT_EQ(call(program, 407, 0, AUDIT_ARCH_I386), SECCOMP_RET_ALLOW);  // clock_nanosleep_time64
    EXPECT_EQ(call(program, 21, 0, AUDIT_ARCH_I386), kRefused);            // mount
    EXPECT_EQ(call(program, 359, AF_ALG, AUDIT_ARCH_I386), kRefused);      // socket
    EXPECT_EQ(call(program, 359, AF_INET, AUDIT_ARCH_I386), SECCOMP_RET_ALLOW);
    EXPECT_EQ(call(program, 102, 1, AUDIT_ARCH_I386), SECCOMP_RET_ALLOW);  // socketcall(SYS_SOCKET)
    EXPECT_EQ(call(program, 0x40000000 + SYS_read), SECCOMP_RET_ALLOW);    // x32
    EXPECT_EQ(call(program, 0x40000000 + SYS_mount), kRefused);
}
#endif

TEST_F(DefaultProfile, IsAskedForByTheDefinitionOrTheAnnotation) {
    const auto is_confined = [](const Result<Compiled>& result) {
        return !result.value().plan.process.seccomp.filter.empty();
    };
    EXPECT_FALSE(is_confined(compiled(config("", ""), false, read_nothing)));
    EXPECT_TRUE(is_confined(compiled(config("", ""), true, read_shipped)));
    EXPECT_TRUE(is_confined(compiled(config(kAnnotation, ""), true, read_shipped)));
    EXPECT_EQ(error_of(config(R"("org.xctl.seccomp": "strict")", ""), false, read_shipped),
              "config.json: /annotations/org.xctl.seccomp: must be \"default\"");
    const auto own = config(kAnnotation, "", R"(, "seccomp": {"defaultAction": "SCMP_ACT_ALLOW"})");
    EXPECT_EQ(error_of(own, false, read_shipped),
              "config.json: /linux/seccomp: contradicts "
              "/annotations/org.xctl.seccomp, which asks for the profile \"default\"");
    EXPECT_EQ(error_of(own, true, read_shipped), "config.json: /linux/seccomp: contradicts "
                                                 "/seccomp of the definition, which asks for the profile \"default\"");
}

TEST_F(DefaultProfile, AProfileThatCannotBeUsed) {
    const std::string place = "config.json: /annotations/org.xctl.seccomp: /usr/share/xctl/seccomp.json: ";
    EXPECT_EQ(error_of(config(kAnnotation, ""), false, read_nothing), place + "open: No such file or directory");
    EXPECT_EQ(error_of(config(kAnnotation, ""), false, read_broken),
              place + "/rules/0/capabilities/0: \"CAP_FLY\" is not a capability");
    oci::SeccompProfile two{.comment = {}, .answer = EPERM, .architectures = {{"aarch64", {}}}, .rules = {}};
    two.rules.resize(2);
    two.rules[0].calls = {"read", "write"};
    two.rules[1].calls = {"write"};
    two.rules[1].answer = ENOSYS;
    two.rules[1].capabilities = {"CAP_CHOWN"};
    EXPECT_TRUE(resolve_profile(two, "aarch64", {}));
    const auto torn = resolve_profile(two, "aarch64", {"CAP_CHOWN"});
    ASSERT_FALSE(torn);
    EXPECT_EQ(torn.error().message, "/rules/1/calls/0: \"write\" has another answer in a rule that applies, too");
    const auto elsewhere = resolve_profile(shipped(), "s390x", {});
    ASSERT_FALSE(elsewhere);
    EXPECT_EQ(elsewhere.error().message, "/architectures: has no row for this machine, \"s390x\"");
}

}  // namespace
}  // namespace xctl::plan
