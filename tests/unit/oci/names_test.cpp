// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/oci/names.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include "lib/oci/state.hpp"

namespace xctl::oci {
namespace {

TEST(ParseSignal, TakesNamesAndNumbers) {
    EXPECT_EQ(parse_signal("TERM"), SIGTERM);
    EXPECT_EQ(parse_signal("SIGTERM"), SIGTERM);
    EXPECT_EQ(parse_signal("9"), SIGKILL);
    EXPECT_EQ(parse_signal("RTMIN"), SIGRTMIN);
    EXPECT_EQ(parse_signal("SIGRTMIN+3"), SIGRTMIN + 3);
    EXPECT_EQ(parse_signal("RTMAX-1"), SIGRTMAX - 1);
    EXPECT_EQ(parse_signal("RTMIN+30"), SIGRTMAX);
}

TEST(ParseSignal, RefusesWhatIsNone) {
    for (const auto* text : {"", "0", "-1", "65", "99999999999", "SIG", "term", "RTMIN+", "RTMIN-1", "RTMIN++1",
                             "RTMIN+31", "RTMAX+1", "RTMIN3", "TERM ", "9 "})
        EXPECT_EQ(parse_signal(text), std::nullopt) << text;
}

TEST(SignalName, IsParsedBack) {
    for (int signal = 1; signal <= SIGRTMAX; ++signal)
        EXPECT_EQ(parse_signal(signal_name(signal)), signal) << signal;
    EXPECT_EQ(signal_name(SIGTERM), "SIGTERM");
    EXPECT_EQ(signal_name(SIGRTMIN + 3), "SIGRTMIN+3");
    EXPECT_EQ(signal_name(33), "33");
}

TEST(Names, EveryNamespaceHasARow) {
    for (int i = 0; i <= static_cast<int>(NamespaceType::time); ++i)
        EXPECT_NE(name_of(kNamespaceNames, static_cast<NamespaceType>(i)), "");
}

TEST(Names, EveryActionAndOperatorHasARow) {
    for (int i = 0; i <= static_cast<int>(SeccompAction::notify); ++i)
        EXPECT_NE(name_of(kSeccompActionNames, static_cast<SeccompAction>(i)), "");
    for (int i = 0; i <= static_cast<int>(SeccompOperator::masked_equal); ++i)
        EXPECT_NE(name_of(kSeccompOperatorNames, static_cast<SeccompOperator>(i)), "");
}

TEST(Names, EveryStatusHasARow) {
    for (int i = 0; i <= static_cast<int>(Status::stopped); ++i) EXPECT_NE(to_string(static_cast<Status>(i)), "");
}

}  // namespace
}  // namespace xctl::oci
