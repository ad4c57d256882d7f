// SPDX-License-Identifier: LGPL-2.1-or-later
// Descriptors are parked, the process "dies", the next one finds them: all by new Parking objects on one queue.
#include "daemon/run/parking.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <format>
#include <random>

#include "lib/kernel/socket.hpp"

namespace xctl::run {
namespace {

using Texts = std::map<std::string, std::string>;

constexpr unsigned kParkingSeed = 99;

UniqueFd make_memfd(std::string_view content) {
    UniqueFd fd(::memfd_create("parked", MFD_CLOEXEC));
    EXPECT_EQ(::write(fd.get(), content.data(), content.size()), static_cast<ssize_t>(content.size()));
    return fd;
}

std::string read_memfd(const UniqueFd& fd) {
    char buffer[256];
    const auto size = ::pread(fd.get(), buffer, sizeof buffer, 0);
    return size < 0 ? "unreadable" : std::string(buffer, static_cast<std::size_t>(size));
}

std::size_t count_open_fds() {
    const std::filesystem::directory_iterator fds("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(fds), end(fds)));
}

class ParkingTest : public testing::Test {
protected:
    ParkingTest() {
        auto pair = kernel::make_socket_pair(SOCK_STREAM).value();
        send_end_ = std::move(pair.first);
        receive_end_ = std::move(pair.second);
    }

    /// As the next daemon gets it.
    [[nodiscard]] Parking open() const {
        return {UniqueFd(::fcntl(send_end_.get(), F_DUPFD_CLOEXEC, 0)),
                UniqueFd(::fcntl(receive_end_.get(), F_DUPFD_CLOEXEC, 0))};
    }

    static void park(Parking& parking, const std::string& key, const std::string& content) {
        const auto fd = make_memfd(content);
        const int number = fd.get();
        ASSERT_TRUE(parking.park(key, "M " + content, {&number, 1}));
    }

    /// Key to the content of its descriptor, which the text must name too.
    [[nodiscard]] static Texts contents(const std::vector<Parking::Entry>& entries) {
        Texts out;
        for (const auto& entry : entries) {
            EXPECT_EQ(entry.fds.size(), 1u);
            if (entry.fds.empty()) continue;
            const auto content = read_memfd(entry.fds[0]);
            EXPECT_EQ(entry.text, "M " + content);
            EXPECT_TRUE(out.emplace(entry.key, content).second) << entry.key << " is there twice";
        }
        return out;
    }
    [[nodiscard]] Texts recover() const {
        auto parking = open();
        return contents(parking.recover().value());
    }

    /// How many messages the queue holds.
    [[nodiscard]] int queued() const {
        const int begin = 0;
        EXPECT_EQ(::setsockopt(receive_end_.get(), SOL_SOCKET, SO_PEEK_OFF, &begin, sizeof begin), 0);
        int count = 0;
        char buffer[1024];
        // Without room for descriptors none is taken.
        while (::recv(receive_end_.get(), buffer, sizeof buffer, MSG_PEEK | MSG_DONTWAIT) > 0) ++count;
        return count;
    }

    UniqueFd send_end_, receive_end_;
};

TEST_F(ParkingTest, AnEmptyQueueHasNothing) { EXPECT_EQ(recover(), Texts{}); }

TEST_F(ParkingTest, WhatWasParkedIsFoundAgainAndAgain) {
    {
        auto parking = open();
        park(parking, "web", "one");
        park(parking, "db", "two");
    }
    const Texts wanted{{"db", "two"}, {"web", "one"}};
    for (int i = 0; i < 3; ++i) EXPECT_EQ(recover(), wanted);
}

TEST_F(ParkingTest, DescriptorsKeepTheirOrder) {
    std::vector<UniqueFd> fds;
    std::vector<int> numbers;
    for (int i = 0; i < 9; ++i) numbers.push_back(fds.emplace_back(make_memfd(std::to_string(i))).get());
    auto parking = open();
    ASSERT_TRUE(parking.park("web", "12 PKCMTUIOE", numbers));
    const auto entries = parking.recover().value();
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].key, "web");
    EXPECT_EQ(entries[0].text, "12 PKCMTUIOE");
    ASSERT_EQ(entries[0].fds.size(), 9u);
    for (std::size_t i = 0; i < 9; ++i) {
        EXPECT_EQ(read_memfd(entries[0].fds[i]), std::to_string(i));
        EXPECT_EQ(::fcntl(entries[0].fds[i].get(), F_GETFD), FD_CLOEXEC);
    }
}

TEST_F(ParkingTest, TheNewestCounts) {
    auto parking = open();
    for (int i = 0; i < 5; ++i) park(parking, "web", std::to_string(i));
    park(parking, "db", "x");
    const Texts wanted{{"db", "x"}, {"web", "4"}};
    EXPECT_EQ(recover(), wanted);
    // Also over a change of daemons, which must go on counting.
    auto next = open();
    (void)next.recover().value();
    park(next, "web", "5");
    EXPECT_EQ(recover().at("web"), "5");
    EXPECT_TRUE(next.compact());
    EXPECT_EQ(recover().at("web"), "5");
}

TEST_F(ParkingTest, CompactionKeepsExactlyTheLiving) {
    auto parking = open();
    for (int i = 0; i < 4; ++i)
        for (const auto* key : {"a", "b", "c"}) park(parking, key, std::format("{}{}", key, i));
    parking.drop("b");
    ASSERT_TRUE(parking.compact());
    const Texts wanted{{"a", "a3"}, {"c", "c3"}};
    EXPECT_EQ(recover(), wanted);
    EXPECT_EQ(queued(), 2);
    ASSERT_TRUE(parking.compact());
    EXPECT_EQ(recover(), wanted);
    EXPECT_EQ(queued(), 2);
    parking.drop("a");
    parking.drop("c");
    parking.drop("never there");
    ASSERT_TRUE(parking.compact());
    EXPECT_EQ(recover(), Texts{});
    EXPECT_EQ(queued(), 0);
}

TEST_F(ParkingTest, ADroppedEntryIsGoneForTheNextDaemonToo) {
    {
        auto parking = open();
        park(parking, "web", "one");
        park(parking, "db", "two");
        parking.drop("web");
    }
    EXPECT_EQ(queued(), 3) << "so little garbage is not compacted";
    EXPECT_EQ(recover(), (Texts{{"db", "two"}}));
}

TEST_F(ParkingTest, AKeyMayBeParkedAgainAfterItWasDropped) {
    auto parking = open();
    park(parking, "web", "one");
    parking.drop("web");
    park(parking, "web", "two");
    EXPECT_EQ(recover(), (Texts{{"web", "two"}}));
    ASSERT_TRUE(parking.compact());
    EXPECT_EQ(queued(), 1);
    EXPECT_EQ(recover(), (Texts{{"web", "two"}}));
}

/// The front is consumed one by one, and a SIGKILL may come after each.
TEST_F(ParkingTest, NoEntryOutlastsItsTombstone) {
    {
        auto parking = open();
        park(parking, "web", "one");
        park(parking, "web", "two");
        parking.drop("web");
    }
    for (int left = 3; left > 0; --left) {
        EXPECT_EQ(recover(), Texts{}) << left;
        std::byte buffer[1024];
        ASSERT_TRUE(kernel::receive_with_fds(receive_end_.get(), buffer));
    }
    EXPECT_EQ(queued(), 0);
}

TEST_F(ParkingTest, TombstonesAreNotDisposedOf) {
    std::size_t disposed = 0;
    auto parking = open();
    parking.set_disposer([&](const std::vector<UniqueFd>& fds) { disposed += fds.size(); });
    park(parking, "web", "one");
    parking.drop("web");
    ASSERT_TRUE(parking.compact());
    EXPECT_EQ(disposed, 1u);
    EXPECT_EQ(queued(), 0);
}

TEST_F(ParkingTest, WhatIsLetGoIsClosed) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd read_end(ends[0]);
    UniqueFd write_end(ends[1]);
    auto parking = open();
    ASSERT_TRUE(parking.park("web", "M", {&ends[1], 1}));
    write_end.reset();
    char byte = 0;
    ASSERT_EQ(::fcntl(read_end.get(), F_SETFL, O_NONBLOCK), 0);
    EXPECT_EQ(::read(read_end.get(), &byte, 1), -1) << "the parked end keeps the pipe open";
    parking.drop("web");
    ASSERT_TRUE(parking.compact());
    EXPECT_EQ(::read(read_end.get(), &byte, 1), 0);
}

TEST_F(ParkingTest, GarbageDoesNotPileUp) {
    auto parking = open();
    const auto before = count_open_fds();
    for (int i = 0; i < 500; ++i) {
        park(parking, "web", std::to_string(i));
        park(parking, std::format("short-{}", i), "x");
        parking.drop(std::format("short-{}", i));
        ASSERT_LT(queued(), 30);
    }
    EXPECT_EQ(count_open_fds(), before);
    EXPECT_EQ(recover().at("web"), "499");
}

/// Killed while it compacted: some of the living are there twice, at the end and at the front.
TEST_F(ParkingTest, AHalfDoneCompactionIsGoneOver) {
    const Texts wanted{{"a", "a2"}, {"b", "b2"}, {"c", "c2"}};
    auto parking = open();
    for (int i = 0; i < 3; ++i)
        for (const auto* key : {"a", "b", "c"}) park(parking, key, std::format("{}{}", key, i));
    const int front = queued();
    // What compact() does first, by hand and only in part: the living go behind the others, in their order.
    const auto resend = [&](const char* key, int serial) {
        const auto fd = make_memfd(wanted.at(key));
        const int number = fd.get();
        const auto line = std::format("{} {} M {}\n", key, serial, wanted.at(key));
        ASSERT_TRUE(kernel::send_with_fds(send_end_.get(), std::as_bytes(std::span(line)), {&number, 1}));
        EXPECT_EQ(recover(), wanted);
    };
    resend("a", 7);
    resend("b", 8);
    resend("c", 9);
    // Then the front is consumed, one by one.
    for (int i = 0; i < front; ++i) {
        std::byte buffer[1024];
        ASSERT_TRUE(kernel::receive_with_fds(receive_end_.get(), buffer));
        EXPECT_EQ(recover(), wanted) << i;
        if (i != front / 2) continue;
        auto next = open();
        (void)next.recover().value();
        ASSERT_TRUE(next.compact());
        EXPECT_EQ(recover(), wanted);
        EXPECT_EQ(queued(), 3) << "copies that were there twice are there once";
        break;
    }
}

TEST_F(ParkingTest, AnOlderCopyOfAHalfDoneCompactionLosesToWhatWasParkedLater) {
    {
        auto parking = open();
        park(parking, "a", "old");
        const auto fd = make_memfd("old");
        const int number = fd.get();
        const std::string_view copy = "a 1 M old\n";
        ASSERT_TRUE(kernel::send_with_fds(send_end_.get(), std::as_bytes(std::span(copy)), {&number, 1}));
    }
    auto next = open();
    (void)next.recover().value();
    park(next, "a", "new");
    EXPECT_EQ(recover().at("a"), "new");
    ASSERT_TRUE(next.compact());
    EXPECT_EQ(recover().at("a"), "new");
    EXPECT_EQ(queued(), 1);
}

TEST_F(ParkingTest, TooMuchIsRefused) {
    auto parking = open();
    const auto fd = make_memfd("x");
    const std::vector<int> many(17, fd.get());
    EXPECT_FALSE(parking.park("web", "text", many));
    EXPECT_FALSE(parking.park("web", std::string(1024, 'x'), {many.data(), 1}));
    EXPECT_EQ(recover(), Texts{});
}

TEST_F(ParkingTest, AMessageOfAnotherVersionIsAnError) {
    const auto fd = make_memfd("x");
    const int number = fd.get();
    const std::string_view line = "what?";
    ASSERT_TRUE(kernel::send_with_fds(send_end_.get(), std::as_bytes(std::span(line)), {&number, 1}));
    auto parking = open();
    EXPECT_EQ(parking.recover().error().message, "the parking lot holds a message of another version");
}

TEST(ParkedLine, IsReadAsItWasWritten) {
    const auto line = parse_parked(format_parked({"web", 7, "12 pfs"})).value();
    EXPECT_EQ(line.key, "web");
    EXPECT_EQ(line.serial, 7U);
    EXPECT_EQ(line.text, "12 pfs");
}

TEST(ParkedLine, IsOneLineWithASerial) {
    for (const auto* text : {"", "\n", "web\n", "web 7\n", "web 7 x", "web x y\n", "web -1 y\n", "web 0 y\n",
                             "web 18446744073709551615 y\n", "web 18446744073709551616 y\n", "a 1 x\nb 2 y\n"})
        EXPECT_FALSE(parse_parked(text)) << text;
}

/// A process with no room for the descriptors must not take an entry for complete, nor let go of the only copy.
TEST_F(ParkingTest, WithoutRoomForDescriptorsNothingIsLost) {
    auto parking = open();
    for (int i = 0; i < 30; ++i) park(parking, std::format("c{}", i), std::to_string(i));
    park(parking, "c0", "new");
    rlimit old{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
    auto next = open();
    const auto none_left = [&] {
        const UniqueFd lowest_free(::dup(0));
        return static_cast<rlim_t>(lowest_free.get());
    }();
    const rlimit tight{none_left, old.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
    const auto recovered = next.recover();
    const auto compacted = parking.compact();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
    ASSERT_FALSE(recovered);
    EXPECT_EQ(recovered.error().sys_errno, EMFILE);
    EXPECT_FALSE(compacted);
    const auto found = recover();
    EXPECT_EQ(found.size(), 30u);
    EXPECT_EQ(found.at("c0"), "new");
    EXPECT_EQ(found.at("c29"), "29");
}

class ManyParked : public ParkingTest {
protected:
    static constexpr int kEntries = 3000;

    void SetUp() override {
        ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old_), 0);
        if (old_.rlim_max < 2 * kEntries) GTEST_SKIP() << "needs more descriptors than this system allows";
        const rlimit wide{old_.rlim_max, old_.rlim_max};
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &wide), 0);
        // Without the privilege for the queue's size, parking so many would wait for ever.
        const int size = 64 << 20;
        if (::setsockopt(send_end_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
            GTEST_SKIP() << "needs CAP_NET_ADMIN";
    }
    void TearDown() override { (void)::setrlimit(RLIMIT_NOFILE, &old_); }

    rlimit old_{};
};

TEST_F(ManyParked, AllAreFoundReplacedAndCompacted) {
    Texts wanted;
    {
        auto parking = open();
        for (int i = 0; i < kEntries; ++i) {
            wanted[std::format("c{}", i)] = std::to_string(i);
            park(parking, std::format("c{}", i), std::to_string(i));
            ASSERT_FALSE(HasFailure());
        }
    }
    EXPECT_EQ(recover(), wanted);
    auto next = open();
    (void)next.recover().value();
    for (int i = 0; i < kEntries; i += 3) {
        wanted[std::format("c{}", i)] = "new";
        park(next, std::format("c{}", i), "new");
    }
    for (int i = 1; i < kEntries; i += 3) {
        wanted.erase(std::format("c{}", i));
        next.drop(std::format("c{}", i));
    }
    ASSERT_TRUE(next.compact());
    EXPECT_EQ(recover(), wanted);
    EXPECT_EQ(queued(), static_cast<int>(wanted.size()));
}

/// The child dies at a random moment of parking and compacting; whatever it parked before the last word is there.
TEST_F(ParkingTest, KilledAtAnyMomentNothingIsLost) {
    SCOPED_TRACE(std::format("seed {}", kParkingSeed));
    std::mt19937 random(kParkingSeed);
    {
        auto parking = open();
        for (int i = 0; i < 20; ++i) park(parking, std::format("c{}", i), "0");
    }
    const auto fd = make_memfd("0");
    for (int round = 0; round < 200; ++round) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            auto parking = open();
            (void)parking.recover();
            const int number = fd.get();
            for (int i = 0;; ++i) (void)parking.park(std::format("c{}", i % 20), "M 0", {&number, 1});
        }
        ::usleep(static_cast<useconds_t>(random() % 2000));
        ASSERT_EQ(::kill(child, SIGKILL), 0);
        ASSERT_EQ(::waitpid(child, nullptr, 0), child);
        const auto found = recover();
        ASSERT_EQ(found.size(), 20u);
        ASSERT_TRUE(std::ranges::all_of(found, [](const auto& entry) { return entry.second == "0"; }));
    }
    auto last = open();
    (void)last.recover().value();
    ASSERT_TRUE(last.compact());
    EXPECT_EQ(queued(), 20);
}

}  // namespace
}  // namespace xctl::run
