// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/oci/unsupported.hpp"

#include <gtest/gtest.h>

namespace xctl::oci {
namespace {

Spec with_mount_namespace() {
    Spec spec;
    spec.linux_config.namespaces = {{NamespaceType::mount, ""}};
    return spec;
}

TEST(CheckSupported, PassesWhatAsksForNothing) {
    auto spec = with_mount_namespace();
    spec.linux_config.personality = Personality{"LINUX", {}};
    spec.linux_config.resources.cpu.realtime_period = 0;
    spec.process.emplace().exec_cpu_affinity = ExecCpuAffinity{"0", ""};
    EXPECT_TRUE(check_supported(spec));
}

TEST(CheckSupported, IsItsOwnKindOfError) {
    auto spec = with_mount_namespace();
    spec.linux_config.resources.cpu.realtime_runtime = 1000;
    const auto result = check_supported(spec);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::unsupported);
    EXPECT_EQ(result.error().message, "/linux/resources/cpu/realtimeRuntime: cgroup v2 has no such limit");
}

}  // namespace
}  // namespace xctl::oci
