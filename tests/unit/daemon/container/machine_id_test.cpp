// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/container/machine_id.hpp"

#include <gtest/gtest.h>

namespace xctl::container {
namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr sd_id128_t kHost{{0x21, 0x07}};
const Bytes kGiven{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

TEST(MachineId, IsWhatTheEnvironmentSays) {
    EXPECT_EQ(machine_id("web", {"A=1", "container_uuid=0123456789abcdef0123456789abcdef"}, kHost), kGiven);
    EXPECT_EQ(machine_id("web", {"container_uuid=01234567-89ab-cdef-0123-456789abcdef"}, kHost), kGiven);
    // The first of a name counts, as with getenv(3).
    EXPECT_EQ(machine_id("web", {"container_uuid=0123456789abcdef0123456789abcdef",
                                 "container_uuid=ffffffffffffffffffffffffffffffff"}, kHost), kGiven);
}

TEST(MachineId, IsTheNamesOwnWithoutThat) {
    const auto web = machine_id("web", {}, kHost);
    EXPECT_EQ(web.size(), 16u);
    EXPECT_EQ(machine_id("web", {"A=1"}, kHost), web);
    for (const auto* bad : {"container_uuid", "container_uuid=", "container_uuid=web",
                            "container_uuid=00000000000000000000000000000000", "container_uuids=1"})
        EXPECT_EQ(machine_id("web", {bad}, kHost), web) << bad;
    const std::string piece(16, 'a');
    const Bytes ids[]{machine_id("web", {}, sd_id128_t{{1}}), machine_id("web2", {}, kHost),
                      machine_id(piece, {}, kHost), machine_id(piece + "a", {}, kHost),
                      machine_id(piece + piece, {}, kHost)};
    for (const auto& a : ids) {
        EXPECT_EQ(a.size(), 16u);
        EXPECT_NE(a, web);
        for (const auto& b : ids) EXPECT_EQ(a == b, &a == &b);
    }
    EXPECT_EQ(machine_id("web", {}, sd_id128_t{}), Bytes{});
}

}  // namespace
}  // namespace xctl::container
