// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/oci/id_list.hpp"

#include <gtest/gtest.h>

namespace xctl::oci {
namespace {

using Words = std::vector<std::uint64_t>;

TEST(IdList, IsASetOfBits) {
    EXPECT_EQ(parse_id_list("").value(), Words{});
    EXPECT_EQ(parse_id_list("0").value(), Words{1});
    EXPECT_EQ(parse_id_list("1-3,0").value(), Words{15});
    EXPECT_EQ(parse_id_list("63-64,130").value(), (Words{std::uint64_t{1} << 63, 1, 4}));
    EXPECT_EQ(parse_id_list("8191").value().size(), 128U);
}

TEST(IdList, RefusesWhatIsNone) {
    for (const auto* text : {",", "1,", "-1", "1-", "3-1", "1-2-3", "a", " 1", "8192", "99999999999999999999"})
        EXPECT_FALSE(parse_id_list(text)) << text;
}

}  // namespace
}  // namespace xctl::oci
