// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/dispatch/dispatcher.hpp"

#include <gtest/gtest.h>

#include <array>
#include <format>

#include "api/limits.hpp"

namespace xctl::dispatch {
namespace {

using namespace std::chrono_literals;
using api::Answers;
using api::Output;
using api::Reply;
using api::Verb;

constexpr std::array kOutcomesOut{Output::outcomes};
/// Verbs that there are not.
constexpr api::VerbRow kJob{Verb::start, "job", "Job", "manage", api::rows::kOne, api::rows::kTextOut, "Work",
                            "", Answers::progress};
constexpr api::VerbRow kMany{Verb::start, "many", "Many", "manage", api::rows::kOne, kOutcomesOut, "Work on many",
                             "", Answers::once, true};
constexpr api::VerbRow kManyLate{Verb::start, "late", "Late", "manage", api::rows::kOne, kOutcomesOut, "Wait for many",
                                 "", Answers::late, true};

class FakeHandlers final : public Handlers {
public:
    void call(const api::VerbRow&, api::Request request, Progress progress, Done done) override {
        names.push_back(api::name_in(std::as_const(request)));
        handle(request, progress, done);
    }
    void forget_departed() override { ++forgotten; }

    std::function<void(const api::Request&, const Progress&, const Done&)> handle =
        [](const api::Request& request, const Progress&, const Done& done) {
            Reply reply;
            reply.container.name = api::name_in(request);
            done(std::move(reply));
        };
    std::vector<std::string> names;  // of the calls
    int forgotten = 0;
};

class FakeAuthority final : public Authority {
public:
    void ask(const Caller&, const std::string& action, const Details& details, Done done) override {
        asked.push_back(std::format("{} {} {}", action, details.at("verb"), details.at("container")));
        if (holds)
            waiting.push_back(std::move(done));
        else if (details.at("container") == denied)
            done(fail(Errc::denied, "not authorized"));
        else
            done({});
    }

    bool holds = false;
    std::string denied;
    std::vector<std::string> asked;
    std::vector<Done> waiting;
};

/// The answers that a caller got.
struct Heard {
    std::vector<Reply> answers, parts;
    std::vector<Error> errors;
    bool has_begun = false;
    Callers::Ticket ticket;
    std::size_t patience = 1000;  // parts that the caller listens to
    bool can_be_sent = true;
};

class FakeSink final : public ReplySink {
public:
    FakeSink(const api::VerbRow& verb, std::shared_ptr<Heard> heard) : ReplySink(verb), heard_(std::move(heard)) {}
    Presence attend(Callers& callers) override {
        heard_->ticket = callers.welcome();
        return Presence(heard_->ticket);
    }

private:
    Result<> send_answer(Reply& reply) override {
        if (!heard_->can_be_sent) return fail(Errc::system, "the wire is cut");
        heard_->answers.push_back(std::move(reply));
        return {};
    }
    Result<> send_part(Reply& reply) override {
        if (heard_->parts.size() == heard_->patience) return fail(Errc::system, "nobody listens");
        auto& part = heard_->parts.emplace_back();
        part.event = reply.event;
        part.text = reply.text;
        part.containers = reply.containers;
        return {};
    }
    Result<> send_beginning() override {
        heard_->has_begun = true;
        return {};
    }
    void send_error(const Error& error) override { heard_->errors.push_back(error); }

    std::shared_ptr<Heard> heard_;
};

class DispatcherTest : public testing::Test {
protected:
    std::shared_ptr<Heard> dispatch(Call call, std::shared_ptr<Heard> heard = std::make_shared<Heard>()) {
        const auto sink = std::make_shared<FakeSink>(call.verb, heard);
        dispatcher_.dispatch(std::move(call), sink);
        return heard;
    }
    static Call call_of(const api::VerbRow& verb, uid_t uid = 0, Manner manner = Manner::once) {
        Call call{.verb = verb, .request = api::request_of(verb), .names = {}, .caller = {}, .manner = manner};
        if (auto* name = api::name_in(call.request)) *name = "web";
        call.caller.uid = uid;
        if (uid != 0) call.caller.bus_name = ":1.7";
        return call;
    }
    void run_for(std::chrono::milliseconds time) {
        const auto end = std::chrono::steady_clock::now() + time;
        while (std::chrono::steady_clock::now() < end) ASSERT_GE(sd_event_run(loop_.get(), 10'000), 0);
    }

    kernel::EventLoop loop_ = kernel::EventLoop::open().value();
    FakeHandlers handlers_;
    FakeAuthority authority_;
    Dispatcher dispatcher_{loop_, handlers_, authority_};
};

const api::VerbRow& start_row() { return api::verb_row(Verb::start); }

TEST_F(DispatcherTest, RootIsNotAskedFor) {
    const auto heard = dispatch(call_of(start_row()));
    EXPECT_TRUE(authority_.asked.empty());
    ASSERT_EQ(heard->answers.size(), 1U);
    EXPECT_EQ(heard->answers.front().container.name, "web");
}

TEST_F(DispatcherTest, OthersAreAskedForWithVerbAndName) {
    const auto heard = dispatch(call_of(start_row(), 1000));
    EXPECT_EQ(authority_.asked, (std::vector<std::string>{"org.xctl1.manage start web"}));
    EXPECT_EQ(heard->answers.size(), 1U);
}

TEST_F(DispatcherTest, WhoIsDeniedReachesNoHandler) {
    authority_.denied = "web";
    const auto heard = dispatch(call_of(start_row(), 1000));
    ASSERT_EQ(heard->errors.size(), 1U);
    EXPECT_EQ(heard->errors.front().code, Errc::denied);
    EXPECT_EQ(heard->errors.front().message, "not authorized");
    EXPECT_TRUE(handlers_.names.empty());
}

TEST_F(DispatcherTest, WhoCannotBeIdentifiedIsDenied) {
    auto call = call_of(start_row(), 1000);
    call.caller.bus_name.clear();
    const auto heard = dispatch(std::move(call));
    ASSERT_EQ(heard->errors.size(), 1U);
    EXPECT_EQ(heard->errors.front().message, "the caller cannot be identified");
    EXPECT_TRUE(authority_.asked.empty());
}

TEST_F(DispatcherTest, OneUserHasSoManyQuestions) {
    authority_.holds = true;
    for (int i = 0; i < 64; ++i) EXPECT_TRUE(dispatch(call_of(start_row(), 1000))->errors.empty());
    EXPECT_EQ(dispatch(call_of(start_row(), 1000))->errors.size(), 1U);
    EXPECT_TRUE(dispatch(call_of(start_row(), 1001))->errors.empty());
    authority_.waiting.front()({});
    authority_.waiting.erase(authority_.waiting.begin());
    EXPECT_TRUE(dispatch(call_of(start_row(), 1000))->errors.empty());
}

TEST_F(DispatcherTest, WhoLeavesWhilePolkitIsAskedIsNotServed) {
    authority_.holds = true;
    const auto heard = dispatch(call_of(api::verb_row(Verb::wait), 1000));
    ASSERT_TRUE(heard->ticket);
    heard->ticket.reset();
    authority_.waiting.front()({});
    EXPECT_TRUE(handlers_.names.empty());
    EXPECT_TRUE(heard->answers.empty() && heard->errors.empty());
}

TEST_F(DispatcherTest, OnlyWhoMayWaitLongHasATicket) {
    EXPECT_FALSE(dispatch(call_of(start_row()))->ticket);
    EXPECT_FALSE(dispatch(call_of(api::verb_row(Verb::stats)))->ticket);
    EXPECT_FALSE(dispatch(call_of(api::verb_row(Verb::list), 0, Manner::repeated))->ticket);
    EXPECT_TRUE(dispatch(call_of(api::verb_row(Verb::wait)))->ticket);
    EXPECT_TRUE(dispatch(call_of(api::verb_row(Verb::stats), 0, Manner::repeated))->ticket);
    EXPECT_TRUE(dispatch(call_of(api::verb_row(Verb::events)))->ticket);
    EXPECT_TRUE(dispatch(call_of(kJob))->ticket);
}

TEST_F(DispatcherTest, AnErrorIsTextOfBoundedLength) {
    handlers_.handle = [](const auto&, const auto&, const auto& done) {
        done(fail(Errc::not_found, "\xff" + std::string(api::kMaxMessageBytes, 'x')));
    };
    const auto heard = dispatch(call_of(start_row()));
    ASSERT_EQ(heard->errors.size(), 1U);
    EXPECT_EQ(heard->errors.front().code, Errc::not_found);
    EXPECT_TRUE(heard->errors.front().message.starts_with("\xef\xbf\xbdxxx"));
    EXPECT_TRUE(heard->errors.front().message.ends_with("x..."));
    EXPECT_LE(heard->errors.front().message.size(), api::kMaxMessageBytes);
}

TEST_F(DispatcherTest, AnAnswerThatIsTooLargeIsAnError) {
    handlers_.handle = [](const auto&, const auto&, const auto& done) {
        Reply reply;
        reply.container.message.assign(api::kMaxAnswerBytes, 'x');
        done(std::move(reply));
    };
    const auto heard = dispatch(call_of(start_row()));
    EXPECT_TRUE(heard->answers.empty());
    ASSERT_EQ(heard->errors.size(), 1U);
    EXPECT_EQ(heard->errors.front().code, Errc::unsupported);
}

TEST_F(DispatcherTest, AnAnswerThatCannotBeSentIsAnError) {
    auto heard = std::make_shared<Heard>();
    heard->can_be_sent = false;
    dispatch(call_of(start_row()), heard);
    ASSERT_EQ(heard->errors.size(), 1U);
    EXPECT_EQ(heard->errors.front().message, "cannot send the answer: the wire is cut");
}

TEST_F(DispatcherTest, ARepeatedCallEndsWithItsError) {
    handlers_.handle = [this](const auto&, const auto&, const auto& done) {
        if (handlers_.names.size() < 3) return done(Reply{});
        done(fail(Errc::not_found, "gone"));
    };
    auto call = call_of(api::verb_row(Verb::stats), 0, Manner::repeated);
    call.request.as<api::StatsRequest>().interval_usec = 1;
    const auto heard = dispatch(std::move(call));
    EXPECT_EQ(heard->parts.size(), 1U);
    run_for(500ms);
    EXPECT_EQ(heard->parts.size(), 2U);
    EXPECT_EQ(heard->errors.size(), 1U);
    EXPECT_TRUE(heard->answers.empty());
    EXPECT_EQ(handlers_.names.size(), 3U);
}

TEST_F(DispatcherTest, ARepeatedCallEndsWhenNobodyListens) {
    auto call = call_of(api::verb_row(Verb::stats), 0, Manner::repeated);
    call.request.as<api::StatsRequest>().interval_usec = 1;
    auto heard = std::make_shared<Heard>();
    heard->patience = 2;
    dispatch(std::move(call), heard);
    run_for(600ms);
    EXPECT_EQ(heard->parts.size(), 2U);
    EXPECT_EQ(handlers_.names.size(), 3U);
}

TEST_F(DispatcherTest, WhoHasLeftIsForgotten) {
    auto call = call_of(api::verb_row(Verb::stats), 0, Manner::repeated);
    call.request.as<api::StatsRequest>().interval_usec = 300'000;
    const auto heard = dispatch(std::move(call));
    const auto listener = dispatch(call_of(api::verb_row(Verb::events)));
    heard->ticket.reset();
    listener->ticket.reset();
    EXPECT_EQ(heard.use_count(), 2);
    run_for(700ms);
    EXPECT_EQ(handlers_.forgotten, 1);
    EXPECT_EQ(handlers_.names.size(), 1U);
    EXPECT_EQ(heard.use_count(), 1);
    EXPECT_EQ(listener.use_count(), 1);
}

TEST_F(DispatcherTest, AListComesInPartsToWhoTakesSeveral) {
    handlers_.handle = [](const auto&, const auto&, const auto& done) {
        Reply reply;
        reply.containers.resize(2 * Parts::kRows + 1);
        for (std::size_t i = 0; i < reply.containers.size(); ++i) reply.containers[i].runs = i;
        done(std::move(reply));
    };
    const auto whole = dispatch(call_of(api::verb_row(Verb::list)));
    ASSERT_EQ(whole->answers.size(), 1U);
    EXPECT_EQ(whole->answers.front().containers.size(), 2 * Parts::kRows + 1);

    const auto parts = dispatch(call_of(api::verb_row(Verb::list), 0, Manner::repeated));
    EXPECT_EQ(parts->parts.size(), 1U);
    run_for(100ms);
    ASSERT_EQ(parts->parts.size(), 2U);
    ASSERT_EQ(parts->answers.size(), 1U);
    ASSERT_EQ(parts->answers.front().containers.size(), 1U);
    EXPECT_EQ(parts->parts[1].containers.front().runs, Parts::kRows);
    EXPECT_EQ(parts->answers.front().containers.front().runs, 2 * Parts::kRows);

    auto bored = std::make_shared<Heard>();
    bored->patience = 1;
    dispatch(call_of(api::verb_row(Verb::list), 0, Manner::repeated), bored);
    run_for(100ms);
    EXPECT_TRUE(bored->answers.empty());
    EXPECT_EQ(bored.use_count(), 1);
}

TEST_F(DispatcherTest, EventsGoToSubscribersUntilTheyDoNotListen) {
    const auto one = dispatch(call_of(api::verb_row(Verb::events)));
    auto other = std::make_shared<Heard>();
    other->patience = 1;
    dispatch(call_of(api::verb_row(Verb::events)), other);
    EXPECT_TRUE(one->has_begun);
    for (std::uint64_t i = 1; i <= 3; ++i) {
        api::Event event;
        event.sequence = i;
        dispatcher_.publish(event);
    }
    ASSERT_EQ(one->parts.size(), 3U);
    EXPECT_EQ(one->parts.back().event.sequence, 3U);
    EXPECT_EQ(other->parts.size(), 1U);
    EXPECT_EQ(other.use_count(), 1);
    one->ticket.reset();
    dispatcher_.publish({});
    EXPECT_EQ(one->parts.size(), 3U);
    EXPECT_TRUE(handlers_.names.empty());
}

TEST_F(DispatcherTest, OfSeveralNamesEachHasItsOutcome) {
    authority_.denied = "db";
    std::vector<Handlers::Done> waiting;
    handlers_.handle = [&](const auto& request, const auto&, const auto& done) {
        if (api::name_in(request) == "gone") return done(fail(Errc::not_found, "no such container"));
        waiting.push_back(done);
    };
    auto call = call_of(kMany, 1000);
    call.names = {"web", "gone", "db", "last"};
    const auto heard = dispatch(std::move(call));
    EXPECT_EQ(handlers_.names, (std::vector<std::string>{"web", "gone", "last"}));
    EXPECT_EQ(authority_.asked.back(), "org.xctl1.manage many last");
    ASSERT_EQ(waiting.size(), 2U);
    waiting.back()(Reply{});
    EXPECT_TRUE(heard->answers.empty());
    waiting.front()(Reply{});
    ASSERT_EQ(heard->answers.size(), 1U);
    std::vector<std::string> outcomes;
    for (const auto& row : heard->answers.front().outcomes)
        outcomes.push_back(std::format("{} {} {}", row.name, row.error, row.message));
    EXPECT_EQ(outcomes, (std::vector<std::string>{"web  ", "gone NotFound no such container", "db Denied not authorized",
                                                  "last  "}));
    EXPECT_TRUE(heard->errors.empty());
}

TEST_F(DispatcherTest, WhoLeavesWhilePolkitIsAskedAboutSeveralIsNotServed) {
    authority_.holds = true;
    auto call = call_of(kManyLate, 1000);
    call.names = {"web", "db"};
    const auto heard = dispatch(std::move(call));
    heard->ticket.reset();
    for (const auto& done : authority_.waiting) done({});
    EXPECT_TRUE(handlers_.names.empty());
}

TEST_F(DispatcherTest, NamesThatMakeNoCallAreRefused) {
    auto one = call_of(start_row());
    one.names = {"web"};
    EXPECT_EQ(dispatch(std::move(one))->errors.front().message, "Start takes one name");
    auto twice = call_of(kMany);
    twice.names = {"web", "db", "web"};
    EXPECT_EQ(dispatch(std::move(twice))->errors.front().message, "\"web\" is named twice");
    auto many = call_of(kMany);
    for (std::size_t i = 0; i <= api::kMaxNames; ++i) many.names.push_back(std::format("c{}", i));
    EXPECT_EQ(dispatch(std::move(many))->errors.front().message, "a call has at most 512 names");
    EXPECT_TRUE(handlers_.names.empty());
}

TEST_F(DispatcherTest, AJobReportsToWhoTakesSeveralAnswers) {
    std::vector<bool> listened;
    handlers_.handle = [&](const auto&, const auto& progress, const auto& done) {
        for (const char* text : {"one", "two"}) {
            Reply report;
            report.text = text;
            if (progress) listened.push_back(progress(std::move(report)));
        }
        Reply last;
        last.text = "done";
        done(std::move(last));
    };
    const auto plain = dispatch(call_of(kJob));
    EXPECT_TRUE(plain->parts.empty());
    ASSERT_EQ(plain->answers.size(), 1U);
    EXPECT_EQ(plain->answers.front().text, "done");
    EXPECT_TRUE(listened.empty());

    auto more = std::make_shared<Heard>();
    more->patience = 1;
    dispatch(call_of(kJob, 0, Manner::repeated), more);
    ASSERT_EQ(more->parts.size(), 1U);
    EXPECT_EQ(more->parts.front().text, "one");
    EXPECT_EQ(listened, (std::vector<bool>{true, false}));
    ASSERT_EQ(more->answers.size(), 1U);
    EXPECT_EQ(more->answers.front().text, "done");
}

}  // namespace
}  // namespace xctl::dispatch
