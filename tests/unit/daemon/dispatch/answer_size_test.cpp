// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/dispatch/answer_size.hpp"

#include <gtest/gtest.h>

#include "api/limits.hpp"

namespace xctl::dispatch {
namespace {

using api::Verb;

TEST(AnswerSize, AnAnswerThatIsTooLargeIsRefused) {
    const auto& cat = api::verb_row(Verb::cat);
    api::Reply reply;
    EXPECT_TRUE(check_size(cat, reply));
    reply.settings.resize(17);
    for (auto& setting : reply.settings) setting.value.assign(1U << 20, 'x');
    const auto refused = check_size(cat, reply);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unsupported);
    EXPECT_TRUE(refused.error().message.starts_with("cannot send the answer: it has 178")) << refused.error().message;
    // What the verb does not answer does not count.
    EXPECT_TRUE(check_size(api::verb_row(Verb::ps), reply));
}

/// The longest list is much smaller than what is refused, so that a container cannot make its own answers fail.
TEST(AnswerSize, ListsWithinTheirLimitsFit) {
    api::Reply reply;
    reply.interfaces.resize(api::kMaxInterfaces);
    for (auto& interface : reply.interfaces) interface.addresses.assign(api::kMaxAddresses, std::string(64, 'f'));
    EXPECT_TRUE(check_size(api::verb_row(Verb::stats), reply));
    reply.processes.resize(api::kMaxProcesses);
    for (auto& process : reply.processes) process.command.assign(api::kMaxListBytes / api::kMaxProcesses, 'x');
    EXPECT_TRUE(check_size(api::verb_row(Verb::ps), reply));
}

}  // namespace
}  // namespace xctl::dispatch
