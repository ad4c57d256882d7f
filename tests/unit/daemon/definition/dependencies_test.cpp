// SPDX-License-Identifier: LGPL-2.1-or-later
// Names of units, and the drop-in of oci@NAME.
#include "daemon/definition/dependencies.hpp"

#include <gtest/gtest.h>

#include "daemon/definition/unit_names.hpp"

namespace xctl::definition {
namespace {

TEST(UnitNames, PathsAreEscapedAsBySystemd) {
    EXPECT_EQ(escaped_path("/"), "-");
    EXPECT_EQ(escaped_path("/srv/web"), "srv-web");
    EXPECT_EQ(escaped_path("//srv///a-b/"), "srv-a\\x2db");
    EXPECT_EQ(escaped_path("/.hidden/.x"), "\\x2ehidden-.x");
    EXPECT_EQ(escaped_path("/a b:c_d"), "a\\x20b:c_d");
}

TEST(UnitNames, MountsAreLookedForFromTheOutside) {
    EXPECT_EQ(mount_units_for("/srv/a-b"), (std::vector<std::string>{"srv.mount", "srv-a\\x2db.mount"}));
    EXPECT_TRUE(mount_units_for("/").empty());
}

TEST(UnitNames, AScopeTellsItsContainer) {
    EXPECT_EQ(container_of_scope(scope_name("web-1.2")), "web-1.2");
    for (const auto* other : {"web.scope", "xctl-web.service", "xctl-up@web.target", "xctl.slice", ".scope", ""})
        EXPECT_EQ(container_of_scope(other), "") << other;
}

TEST(UnitNames, Devices) { EXPECT_EQ(device_unit_of("eth0.5"), "sys-subsystem-net-devices-eth0.5.device"); }

TEST(UnitNames, AWordIsOneWhateverIsInIt) {
    EXPECT_EQ(unit_file_word("/srv/web"), "\"/srv/web\"");
    EXPECT_EQ(unit_file_word("a b\"c\\d%n\n"), "\"a b\\\"c\\\\d%%n\\x0a\"");
}

TEST(UnitDropIn, AnEndByTheStopSignalIsASuccess) {
    const auto says = [](const std::string& signal, const std::string& line) {
        return unit_drop_in({}, {}, signal).contains(line);
    };
    EXPECT_TRUE(says("SIGRTMIN+3", "\nSuccessExitStatus=165 SIGRTMIN+3\n"));
    for (const auto* signal : {"", "SIGTERM", "SIGKILL"}) EXPECT_FALSE(says(signal, "SuccessExitStatus")) << signal;
}

TEST(UnitDropIn, SaysWhatTheDefinitionSays) {
    Definition definition;
    definition.bundle = "/srv/web";
    EXPECT_EQ(unit_drop_in(definition, {}, ""),
              "# Made from the container's definition by xctl-generator.\n[Unit]\nRequiresMountsFor=\"/srv/web\"\n\n"
              "[Service]\nTimeoutStopSec=10000ms\n");
    definition.after = {"cache"};
    definition.required = {"db"};
    definition.interfaces = {"eth0"};
    EXPECT_EQ(unit_drop_in(definition, {"/data"}, "SIGQUIT"),
              "# Made from the container's definition by xctl-generator.\n[Unit]\n"
              "After=oci@db.service xctl-up@cache.target xctl-up@db.target sys-subsystem-net-devices-eth0.device\n"
              "Requires=oci@db.service\n"
              "Wants=xctl-up@cache.target xctl-up@db.target sys-subsystem-net-devices-eth0.device\n"
              "RequiresMountsFor=\"/srv/web\" \"/data\"\n\n"
              "[Service]\nKillSignal=SIGQUIT\nSuccessExitStatus=131 SIGQUIT\nTimeoutStopSec=10000ms\n");
}

}  // namespace
}  // namespace xctl::definition
