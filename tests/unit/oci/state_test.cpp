// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/oci/state.hpp"

#include <gtest/gtest.h>

namespace xctl::oci {
namespace {

TEST(State, HasTheSpecificationsProperties) {
    State state{"1.2.0", "web", Status::running, 4422, "/containers/web", {{"key", "value"}}, {}, {}, {}};
    EXPECT_EQ(to_json(state), R"({"ociVersion":"1.2.0","id":"web","pid":4422,"status":"running",)"
                              R"("bundle":"/containers/web","annotations":{"key":"value"}})");
}

TEST(State, AddsWhatEnginesRead) {
    State state{"1.2.0", "web", Status::stopped, 0, "/b", {}, "/b/rootfs", "2026-01-02T03:04:05Z", "root"};
    EXPECT_EQ(to_json(state), R"({"ociVersion":"1.2.0","id":"web","pid":0,"status":"stopped","bundle":"/b",)"
                              R"("rootfs":"/b/rootfs","created":"2026-01-02T03:04:05Z","owner":"root"})");
}

TEST(State, SurvivesAPathThatIsNoUtf8) {
    State state{"1.2.0", "web", Status::created, 1, "/b\xff\"", {}, {}, {}, {}};
    EXPECT_NE(to_json(state).find("/b\xef\xbf\xbd\\\""), std::string::npos);
}

}  // namespace
}  // namespace xctl::oci
