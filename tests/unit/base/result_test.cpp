// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/base/result.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>

#include "lib/base/unique_fd.hpp"

namespace xctl {
namespace {

Result<int> half(int number) {
    if (number % 2 != 0) return fail(Errc::invalid_argument, "odd");
    return number / 2;
}

Result<int> quarter(int number) {
    const int first = TRY(half(number), "first half");
    return TRY(half(first), "second half");
}

Result<> check(int number) {
    TRY(quarter(number), "check");
    return {};
}

Result<std::unique_ptr<int>> boxed(int number) { return std::make_unique<int>(TRY(half(number))); }

TEST(Result, TryYieldsTheValueOrReturnsTheError) {
    EXPECT_EQ(quarter(8).value(), 2);
    EXPECT_EQ(quarter(7).error().message, "first half: odd");
    EXPECT_EQ(check(6).error().message, "check: second half: odd");
    EXPECT_TRUE(check(4));
}

TEST(Result, CarriesWhatCanOnlyBeMoved) { EXPECT_EQ(*boxed(4).value(), 2); }

TEST(Result, ErrnoHasItsText) {
    const Result<> result = fail_errno(ENOENT, "open /x");
    EXPECT_EQ(result.error().message, "open /x: No such file or directory");
    EXPECT_EQ(result.error().sys_errno, ENOENT);
    EXPECT_EQ(result.error().code, Errc::system);
}

TEST(UniqueFd, ClosesOnceAndMoves) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    UniqueFd read_end(ends[0]);
    {
        UniqueFd write_end(ends[1]);
        UniqueFd taken = std::move(write_end);
        EXPECT_FALSE(write_end);  // NOLINT: a moved-from owner is empty
        EXPECT_EQ(taken.get(), ends[1]);
    }
    char byte = 0;
    EXPECT_EQ(read(read_end.get(), &byte, 1), 0);  // the writer is gone
}

}  // namespace
}  // namespace xctl
