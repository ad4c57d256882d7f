// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/cgroup/unit_property.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace xctl::runtime {
namespace {

TEST(PropertyText, ReadsEveryType) {
    EXPECT_EQ(parse_property_value("true").value(), PropertyValue(true));
    EXPECT_EQ(parse_property_value("7").value(), PropertyValue(std::int32_t{7}));
    EXPECT_EQ(parse_property_value("uint64 7").value(), PropertyValue(std::uint64_t{7}));
    EXPECT_EQ(parse_property_value("int64 -7").value(), PropertyValue(std::int64_t{-7}));
    EXPECT_EQ(parse_property_value("@u 7").value(), PropertyValue(std::uint32_t{7}));
    EXPECT_EQ(parse_property_value("double 1.5").value(), PropertyValue(1.5));
    EXPECT_EQ(parse_property_value("'it\\'s'").value(), PropertyValue(std::string("it's")));
    EXPECT_EQ(parse_property_value("\"a b\"").value(), PropertyValue(std::string("a b")));
    EXPECT_EQ(parse_property_value("['a', \"b\"]").value(), PropertyValue(std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(parse_property_value("[byte 1, 2]").value(), PropertyValue(std::vector<std::uint8_t>{1, 2}));
    EXPECT_EQ(parse_property_value("[byte 1, byte 2]").value(), PropertyValue(std::vector<std::uint8_t>{1, 2}));
    EXPECT_EQ(parse_property_value("@as []").value(), PropertyValue(std::vector<std::string>{}));
}

TEST(PropertyText, RefusesEverythingElse) {
    for (const char* text : {"", "seven", "uint64 -1", "uint16 70000", "'open", "['a'", "['a' 'b']", "[1, 2]", "7 8",
                             "byte 256", "uint64", "[byte 1, 'a']", "uint64 int64 7", "[['a']]", "[[]]"})
        EXPECT_FALSE(parse_property_value(text)) << text;
}

// However long, nothing is nested.
TEST(PropertyText, NeedsNoStack) {
    std::string words;
    for (int i = 0; i < 1'000'000; ++i) words += "string ";
    EXPECT_FALSE(parse_property_value(words + "'a'"));
    EXPECT_FALSE(parse_property_value(std::string(1'000'000, '[')));
}

TEST(Annotations, BecomeProperties) {
    const auto properties = annotated_properties({{"org.systemd.property.CollectMode", "'inactive'"},
                                                  {"org.systemd.property.TimeoutStopSec", "uint64 5"},
                                                  {"org.systemd.property.TimeoutStartUSec", "uint64 5"},
                                                  {"other", "7"}});
    const std::vector<UnitProperty> expected{{"CollectMode", std::string("inactive")},
                                             {"TimeoutStartUSec", std::uint64_t{5}},
                                             {"TimeoutStopUSec", std::uint64_t{5'000'000}}};
    EXPECT_EQ(properties.value(), expected);
    EXPECT_FALSE(annotated_properties({{"org.systemd.property.TimeoutStopSec", "'soon'"}}));
    EXPECT_FALSE(annotated_properties({{"org.systemd.property.Bad-Name", "7"}}));
    for (const char* text : {"uint64 18446744073709551615", "double 1e300", "double inf", "double nan", "-1"})
        EXPECT_FALSE(annotated_properties({{"org.systemd.property.TimeoutStopSec", text}})) << text;
}

TEST(Limits, BecomeProperties) {
    plan::Cgroup limits;
    limits.files = {{"memory.max", "1048576", ""}, {"pids.max", "max", ""},   {"cpu.max", "50000 100000", ""},
                    {"cpuset.cpus", "0-1,9", ""},  {"hugetlb.2MB.max", "0", ""}};
    const std::vector<UnitProperty> expected{{"MemoryMax", std::uint64_t{1048576}},
                                             {"TasksMax", std::numeric_limits<std::uint64_t>::max()},
                                             {"CPUQuotaPerSecUSec", std::uint64_t{500'000}},
                                             {"CPUQuotaPeriodUSec", std::uint64_t{100'000}},
                                             {"AllowedCPUs", std::vector<std::uint8_t>{3, 2}}};
    EXPECT_EQ(limit_properties(limits), expected);
}

TEST(Limits, AQuotaIsWhatSystemdCanKeep) {
    plan::Cgroup limits;
    limits.files = {{"cpu.max", "500000 900000", ""}};
    EXPECT_EQ(limit_properties(limits).at(0).value, PropertyValue(std::uint64_t{555'600}));
}

TEST(Limits, AQuotaDoesNotOverflow) {
    plan::Cgroup limits;
    limits.files = {{"cpu.max", "18446744073710 100000", ""}};
    EXPECT_EQ(limit_properties(limits).at(0).value, PropertyValue(std::numeric_limits<std::uint64_t>::max()));
}

TEST(CpuMask, RefusesWhatIsNoList) {
    for (const char* text : {"", "1-", "3-1", "a", "99999999"}) EXPECT_FALSE(parse_cpu_mask(text)) << text;
}

}  // namespace
}  // namespace xctl::runtime
