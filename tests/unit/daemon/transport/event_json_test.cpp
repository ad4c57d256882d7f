// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/event_json.hpp"

#include <gtest/gtest.h>

namespace xctl::transport {
namespace {

TEST(EventJson, IsOneLineInTheOrderOfTheTable) {
    const api::Event event{7, 1'000'000, "stopped", "web", "signal", -9, "it was \"killed\"\n"};
    EXPECT_EQ(to_json_line(event),
              R"({"sequence":7,"time":1000000,"event":"stopped","name":"web","exitReason":"signal","exitStatus":-9,)"
              R"("message":"it was \"killed\"\n"})"
              "\n");
}

TEST(EventJson, BytesThatAreNoTextAreReplaced) {
    api::Event event;
    event.message = "\xff";
    EXPECT_NE(to_json_line(event).find("\"message\":\"\xef\xbf\xbd\"}\n"), std::string::npos);
}

}  // namespace
}  // namespace xctl::transport
