// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/exit_record.hpp"

#include <gtest/gtest.h>

namespace xctl::launch {
namespace {

using kernel::ExitStatus;

TEST(ExitRecord, IsReadAsItWasWritten) {
    for (const auto status : {ExitStatus{false, 42, false}, ExitStatus{true, 9, false}, ExitStatus{true, 6, true}})
        EXPECT_EQ(parse_exit_record(format_exit_record(status)).value(), status);
    EXPECT_EQ(format_exit_record({false, 42, false}), "exited 42\n");
    EXPECT_EQ(format_exit_record({true, 6, true}), "dumped 6\n");
}

TEST(ExitRecord, RefusesAnythingElse) {
    for (const auto* text : {"", "\n", "exited\n", "exited 42", "exited x\n", "exited 256\n", "ended 4\n", "killed \n"})
        EXPECT_FALSE(parse_exit_record(text)) << text;
}

}  // namespace
}  // namespace xctl::launch
