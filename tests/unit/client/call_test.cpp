// SPDX-License-Identifier: LGPL-2.1-or-later
// Verbs over a real varlink socket, served by a played daemon, and what they look like as JSON.
#include "client/call.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <systemd/sd-varlink.h>
#include <unistd.h>

#include <format>
#include <filesystem>

#include "client/call_json.hpp"

namespace xctl::client {
namespace {

using api::Verb;

std::string text_of(sd_json_variant* json) {
    char* text = nullptr;
    EXPECT_GE(sd_json_variant_format(json, {}, &text), 0);
    std::string out(text ? text : "");
    std::free(text);
    return out;
}

Json parsed(const char* text) {
    sd_json_variant* json = nullptr;
    EXPECT_GE(sd_json_parse(text, {}, &json, nullptr, nullptr), 0);
    return Json(json);
}

TEST(CallJson, OnlyWhatWasGivenIsSent) {
    auto run = api::request_of(Verb::run);
    auto& arguments = run.as<api::RunRequest>();
    arguments.name = "web";
    arguments.bundle = "/srv/web";
    arguments.args = {"sh", "-c", ""};
    arguments.scrollback = 4096;
    EXPECT_EQ(text_of(json_of(api::verb_row(Verb::run), run, true)->get()),
              R"({"allowInteractiveAuthentication":true,"name":"web","bundle":"/srv/web","args":["sh","-c",""],)"
              R"("scrollback":4096})");
    auto state = api::request_of(Verb::state);
    state.as<api::ContainerRequest>().name = "web";
    EXPECT_EQ(text_of(json_of(api::verb_row(Verb::state), state, false)->get()), R"({"name":"web"})");
}

TEST(CallJson, RepliesByTheTables) {
    const auto json = parsed(R"({"container":{"name":"web","pid":12,"exitStatus":-1,"autostart":true,"new":[1]},)"
                             R"("ociState":"{}"})");
    const auto reply = reply_of(api::verb_row(Verb::state), json.get()).value();
    EXPECT_EQ(reply.container.name, "web");
    EXPECT_EQ(reply.container.pid, 12u);
    EXPECT_EQ(reply.container.exit_status, -1);
    EXPECT_TRUE(reply.container.autostart);
    EXPECT_EQ(reply.oci_state, "{}");
    EXPECT_EQ(reply_of(api::verb_row(Verb::list), json.get()).error().message, "xctld's answer lacks \"containers\"");
}

TEST(CallJson, ErrorsByTheTables) {
    const auto json = parsed(R"({"message":"mount /proc: no","step":"mount","path":"/proc","errno":1})");
    const auto error = error_of("org.xctl.Containers.LaunchFailed", json.get());
    EXPECT_EQ(error.code, Errc::launch_failed);
    EXPECT_EQ(error.message, "mount /proc: no");
    EXPECT_EQ(error.step, "mount");
    EXPECT_EQ(error.path, "/proc");
    EXPECT_EQ(error.sys_errno, 1);
    EXPECT_EQ(error_of("org.varlink.service.InvalidParameter", parsed(R"({"parameter":"lines"})").get()).message,
              "An argument is malformed: lines");
    EXPECT_EQ(error_of("com.example.Odd", nullptr).message, "xctld answers com.example.Odd");
    EXPECT_EQ(error_of("org.xctl.Containers.NotFound", nullptr).code, Errc::not_found);
}

/// The played daemon's methods.
int serve_run(sd_varlink* link, sd_json_variant*, sd_varlink_method_flags_t, void*) {
    int ends[2];
    if (::pipe(ends) != 0 || ::write(ends[1], "hi", 2) != 2) return -EIO;
    ::close(ends[1]);
    const Json reply = [&] {
        sd_json_variant* json = nullptr;
        sd_json_variant_set_field_integer(&json, "fd", sd_varlink_push_fd(link, ends[0]));
        return Json(json);
    }();
    return sd_varlink_reply(link, reply.get());
}

int serve_wait(sd_varlink* link, sd_json_variant*, sd_varlink_method_flags_t, void*) {
    return sd_varlink_reply(link, parsed(R"({"container":{"exitReason":"exited","exitStatus":3}})").get());
}

int serve_events(sd_varlink* link, sd_json_variant*, sd_varlink_method_flags_t flags, void*) {
    if (!(flags & SD_VARLINK_METHOD_MORE)) return -EINVAL;
    for (const char* event : {R"({"event":{"sequence":1}})", R"({"event":{"sequence":2}})"})
        sd_varlink_notify(link, parsed(event).get());
    return 1;
}

int serve_list(sd_varlink* link, sd_json_variant*, sd_varlink_method_flags_t flags, void*) {
    if (!(flags & SD_VARLINK_METHOD_MORE)) return -EINVAL;
    sd_varlink_notify(link, parsed(R"({"containers":[{"name":"a"},{"name":"b"}]})").get());
    return sd_varlink_reply(link, parsed(R"({"containers":[{"name":"c"}]})").get());
}

/// As xctld does when it is restarted in the middle of a call.
int serve_death(sd_varlink*, sd_json_variant*, sd_varlink_method_flags_t, void*) { ::_exit(0); }

/// As an xctld that crashes in each call and is started again each time.
int serve_crash(sd_varlink* link, sd_json_variant*, sd_varlink_method_flags_t, void*) { return sd_varlink_close(link); }

class Daemon : public testing::Test {
protected:
    Daemon() {
        char pattern[] = "/tmp/xctl-call-XXXXXX";
        folder_ = ::mkdtemp(pattern);
        socket_ = folder_ + "/socket";
    }
    ~Daemon() override {
        for (const pid_t pid : children_) {
            ::kill(pid, SIGKILL);
            ::waitpid(pid, nullptr, 0);
        }
        std::filesystem::remove_all(folder_);
    }

    /// Returns when the socket is there, unless that is to come later.
    void serve(sd_varlink_method_t wait, unsigned delay_usec = 0) {
        const pid_t pid = ::fork();
        if (pid != 0) {
            children_.push_back(pid);
            while (delay_usec == 0 && !accepts()) ::usleep(1000);
            return;
        }
        ::usleep(delay_usec);
        std::filesystem::remove(socket_);
        sd_event* event = nullptr;
        sd_varlink_server* server = nullptr;
        sd_event_new(&event);
        sd_varlink_server_new(&server, {});
        sd_varlink_server_bind_method(server, "org.xctl.Containers.Run", serve_run);
        sd_varlink_server_bind_method(server, "org.xctl.Containers.Wait", wait);
        sd_varlink_server_bind_method(server, "org.xctl.Containers.Events", serve_events);
        sd_varlink_server_bind_method(server, "org.xctl.Containers.List", serve_list);
        sd_varlink_server_bind_method(server, "org.xctl.Containers.Describe", serve_crash);
        sd_varlink_server_bind_connect(server, [](sd_varlink_server*, sd_varlink* link, void*) {
            return sd_varlink_set_allow_fd_passing_output(link, 1);
        });
        sd_varlink_server_listen_address(server, socket_.c_str(), 0600);
        sd_varlink_server_attach_event(server, event, 0);
        ::_exit(sd_event_loop(event));
    }

    [[nodiscard]] bool accepts() const {
        sd_varlink* link = nullptr;
        const int error = sd_varlink_connect_address(&link, socket_.c_str());
        sd_varlink_close_unref(link);
        return error >= 0;
    }

    std::string folder_, socket_;
    std::vector<pid_t> children_;
};

TEST_F(Daemon, DescriptorsComeWithTheReply) {
    serve(serve_wait);
    Client client(socket_, "", false);
    const auto reply = client.call(api::verb_row(Verb::run), api::request_of(Verb::run));
    ASSERT_TRUE(reply) << reply.error().message;
    char text[8];
    EXPECT_EQ(::read(reply->fd.get(), text, sizeof(text)), 2);
}

TEST_F(Daemon, ItsAbsenceIsExplainedAtOnce) {
    Client client(socket_, "", false);
    for (const bool patient : {false, true}) {
        const auto reply = patient ? client.call_patiently(api::verb_row(Verb::list), api::request_of(Verb::list))
                                   : client.call(api::verb_row(Verb::list), api::request_of(Verb::list));
        ASSERT_FALSE(reply);
        EXPECT_EQ(reply.error().message,
                  std::format("no xctld listens at {}, which XCTL_SOCKET names: No such file or directory", socket_));
        EXPECT_TRUE(client.disconnected());
    }
}

TEST_F(Daemon, APatientCallOutlivesARestart) {
    serve(serve_death);
    serve(serve_wait, 300'000);
    Client client(socket_, "", false);
    const auto reply = client.call_patiently(api::verb_row(Verb::wait), api::request_of(Verb::wait));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->container.exit_status, 3);
}

TEST_F(Daemon, ACallThatIsCutOffAgainAndAgainIsGivenUp) {
    serve(serve_wait);
    Client client(socket_, "", false);
    const auto reply = client.call_patiently(api::verb_row(Verb::state), api::request_of(Verb::state));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().message,
              "xctld has ended 5 times during this call; its journal says why: journalctl -u xctld");
}

TEST_F(Daemon, AnImpatientCallReportsTheLoss) {
    serve(serve_death);
    Client client(socket_, "", false);
    const auto reply = client.call(api::verb_row(Verb::wait), api::request_of(Verb::wait));
    EXPECT_EQ(reply.error().message, "the connection to xctld was lost");
    EXPECT_TRUE(client.disconnected());
}

/// A call that takes its time is waited for as the caller says, and given up when that has enough.
TEST_F(Daemon, TheCallerMayWaitByItself) {
    serve([](sd_varlink*, sd_json_variant*, sd_varlink_method_flags_t, void*) { return 1; });
    Client client(socket_, "", false);
    int waits = 0;
    client.set_wait([&](int fd, short events) {
        pollfd state{fd, events, 0};
        EXPECT_GE(::poll(&state, 1, 50), 0);
        return ++waits < 5;
    });
    const auto reply = client.call(api::verb_row(Verb::wait), api::request_of(Verb::wait));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, Errc::cancelled);
    EXPECT_EQ(waits, 5);
    client.set_wait([](int fd, short events) {
        pollfd state{fd, events, 0};
        return ::poll(&state, 1, -1) > 0;
    });
    const auto run = client.call(api::verb_row(Verb::run), api::request_of(Verb::run));
    ASSERT_TRUE(run) << run.error().message;
    EXPECT_TRUE(run->fd);
}

TEST_F(Daemon, EventsComeOneByOneUntilEnough) {
    serve(serve_wait);
    Client client(socket_, "", false);
    std::vector<std::uint64_t> seen;
    const auto done = client.observe(api::verb_row(Verb::events), api::request_of(Verb::events), [&](const api::Reply& reply) {
        seen.push_back(reply.event.sequence);
        return seen.size() < 2;
    });
    EXPECT_TRUE(done) << done.error().message;
    EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(Daemon, PartsOfAListAreOneList) {
    serve(serve_wait);
    Client client(socket_, "", false);
    const auto reply = client.call(api::verb_row(Verb::list), api::request_of(Verb::list));
    ASSERT_TRUE(reply) << reply.error().message;
    std::string names;
    for (const auto& container : reply->containers) names += container.name;
    EXPECT_EQ(names, "abc");
}

}  // namespace
}  // namespace xctl::client
