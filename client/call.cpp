// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/call.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <systemd/sd-varlink.h>
#include <unistd.h>

#include <algorithm>
#include <format>
#include <iterator>
#include <memory>

#include "client/call_json.hpp"
#include "client/patience.hpp"
#include "client/polkit_agent.hpp"
#include "client/remote.hpp"
#include "lib/base/text.hpp"

namespace xctl::client {
namespace {

struct LinkClose {
    void operator()(sd_varlink* link) const noexcept { sd_varlink_close_unref(link); }
};
using Link = std::unique_ptr<sd_varlink, LinkClose>;

constexpr std::string_view kDisconnected = "io.systemd.Disconnected";

std::string method_name(const api::VerbRow& verb) { return std::format("{}.{}", api::kVarlinkInterface, verb.method); }

bool means_absent(int error) { return error == ENOENT || error == ECONNREFUSED; }
bool means_lost(int error) { return error == ECONNRESET || error == EPIPE || error == ENOTCONN; }

/// `kept`, for another host, is the same connection, which is still there when the link is closed.
struct Connection {
    Link link;
    UniqueFd kept;
};

Result<Connection> connect_remotely(const std::string& host) {
    auto fd = TRY(connect_to_host(host));
    UniqueFd kept(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    sd_varlink* link = nullptr;
    if (const int error = sd_varlink_connect_fd(&link, fd.get()); error < 0)
        return fail_errno(-error, "cannot use ssh");
    (void)fd.release();
    sd_varlink_set_relative_timeout(link, UINT64_MAX);
    return Connection{Link(link), std::move(kept)};
}

Result<Connection> connect(const std::string& socket, const std::string& host) {
    if (!host.empty()) return connect_remotely(host);
    sd_varlink* link = nullptr;
    const int error = -sd_varlink_connect_address(&link, socket.c_str());
    if (means_absent(error) && socket != api::kVarlinkSocket)
        return std::unexpected(Error{Errc::system, error,
                                     std::format("no xctld listens at {}, which XCTL_SOCKET names: {}", socket,
                                                 errno_text(error)),
                                     {}, {}});
    if (means_absent(error))
        return std::unexpected(Error{Errc::system, error,
                                     "xctld.socket is not running; enable it with: systemctl enable --now xctld.socket",
                                     {}, {}});
    if (error > 0) return fail_errno(error, std::format("cannot connect to {}", socket));
    Link owner(link);
    sd_varlink_set_relative_timeout(link, UINT64_MAX);
    if (const int refused = sd_varlink_set_allow_fd_passing_input(link, true); refused < 0)
        return fail_errno(-refused, "cannot receive descriptors");
    return Connection{std::move(owner), {}};
}

bool nobody_answers(const Result<Connection>& made) {
    return !made && (means_absent(made.error().sys_errno) || means_lost(made.error().sys_errno));
}

/// Over ssh the connection itself becomes the console's.
Result<UniqueFd> take_console(Connection& connection) {
    if (::send(connection.kept.get(), &kConsoleGo, 1, MSG_NOSIGNAL) != 1)
        return fail_errno(errno, "the connection was lost");
    return std::move(connection.kept);
}

Result<UniqueFd> take_descriptor(sd_varlink* link, sd_json_variant* parameters) {
    auto* index = sd_json_variant_by_key(parameters, "fd");
    if (!index || !sd_json_variant_is_unsigned(index)) return fail(Errc::system, "xctld's answer lacks \"fd\"");
    const int fd = sd_varlink_take_fd(link, sd_json_variant_unsigned(index));
    if (fd < 0) return fail_errno(-fd, "xctld passed no descriptor");
    return UniqueFd(fd);
}

bool returns(const api::VerbRow& verb, api::Output output) {
    return std::ranges::find(verb.outputs, output) != verb.outputs.end();
}

/// What the callback of observe() works on.
struct Observation {
    const api::VerbRow& verb;
    const Client::Take& take;
    Result<> result;
    bool finished = false;
    bool answered = false;
    bool disconnected = false;
};

int on_reply(sd_varlink*, sd_json_variant* parameters, const char* error_id, sd_varlink_reply_flags_t flags,
             void* userdata) {
    auto& observation = *static_cast<Observation*>(userdata);
    const std::string_view error = error_id ? error_id : "";
    observation.disconnected = error == kDisconnected;
    observation.answered |= !observation.disconnected;
    observation.finished = !error.empty() || !(flags & SD_VARLINK_REPLY_CONTINUES);
    if (!error.empty()) {
        observation.result = std::unexpected(error_of(error, parameters));
        return 0;
    }
    if (auto reply = reply_of(observation.verb, parameters); !reply)
        observation.result = std::unexpected(reply.error());
    else if (observation.take(std::move(*reply)))
        return 0;
    observation.finished = true;
    return 0;
}

/// The state that the callback of a call works on.
struct Answer {
    const api::VerbRow& verb;
    bool takes_descriptor;
    Result<api::Reply> reply;
    bool came = false;
    bool disconnected = false;
};

Result<api::Reply> read_answer(const Answer& answer, sd_varlink* link, std::string_view error,
                               sd_json_variant* parameters) {
    if (!error.empty()) return std::unexpected(error_of(error, parameters));
    auto reply = TRY(reply_of(answer.verb, parameters));
    if (answer.takes_descriptor) reply.fd = TRY(take_descriptor(link, parameters));
    return reply;
}

int on_answer(sd_varlink* link, sd_json_variant* parameters, const char* error_id, sd_varlink_reply_flags_t,
              void* userdata) {
    auto& answer = *static_cast<Answer*>(userdata);
    const std::string_view error = error_id ? error_id : "";
    answer.came = true;
    answer.disconnected = error == kDisconnected;
    answer.reply = read_answer(answer, link, error, parameters);
    return 0;
}

}  // namespace

Result<api::Reply> Client::call(const api::VerbRow& verb, const api::Request& request) {
    auto reply = call_once(verb, request);
    if (reply || reply.error().code != Errc::needs_auth || !interactive_ || !host_.empty()) return reply;
    // Nobody was there who could have asked: ask on this terminal.
    const PolkitAgent agent;
    return agent.running() ? call_once(verb, request) : std::move(reply);
}

/// A host that never answered is not one whose xctld is being restarted.
Result<> Client::lost(bool was_lost) {
    disconnected_ = was_lost && (host_.empty() || answered_);
    cut_off_ = disconnected_;
    if (!was_lost) return {};
    if (host_.empty()) return fail(Errc::system, "the connection to xctld was lost");
    return fail(Errc::system,
                std::format("the connection to xctld on {} {}", host_, answered_ ? "was lost" : "could not be made"));
}

Result<api::Reply> Client::collect(const api::VerbRow& verb, const api::Request& request) {
    api::Reply whole;
    TRY(observe(verb, request, [&](api::Reply part) {
        std::ranges::move(part.containers, std::back_inserter(whole.containers));
        return true;
    }));
    return whole;
}

Result<api::Reply> Client::call_once(const api::VerbRow& verb, const api::Request& request) {
    if (api::comes_in_parts(verb)) return collect(verb, request);
    auto made = connect(socket_, host_);
    disconnected_ = nobody_answers(made);
    cut_off_ = false;
    auto connection = TRY(std::move(made));
    sd_varlink* link = connection.link.get();
    const auto json = TRY(json_of(verb, request, interactive_));
    Answer answer{verb, host_.empty() && returns(verb, api::Output::fd), fail(Errc::system, "xctld does not answer")};
    sd_varlink_set_userdata(link, &answer);
    sd_varlink_bind_reply(link, on_answer);
    if (const int error = sd_varlink_invoke(link, method_name(verb).c_str(), json.get()); error < 0)
        return fail_errno(-error, "the call to xctld failed");
    while (!answer.came) {
        const int done = sd_varlink_process(link);
        if (done < 0) TRY(lost(means_lost(-done)));
        if (done < 0) return fail_errno(-done, "the call to xctld failed");
        if (done == 0) TRY(wait_for(link));
    }
    TRY(lost(answer.disconnected));
    answered_ = true;
    auto reply = TRY(std::move(answer.reply));
    if (!host_.empty() && returns(verb, api::Output::fd)) reply.fd = TRY(take_console(connection));
    return reply;
}

Result<> Client::wait_for(sd_varlink* link) const {
    if (!wait_) {
        if (const int error = sd_varlink_wait(link, UINT64_MAX); error < 0 && error != -EINTR)
            return fail_errno(-error, "cannot wait for xctld");
        return {};
    }
    const int fd = sd_varlink_get_fd(link), events = sd_varlink_get_events(link);
    if (fd < 0 || events < 0) return fail_errno(fd < 0 ? -fd : -events, "cannot wait for xctld");
    if (!wait_(fd, static_cast<short>(events))) return fail(Errc::cancelled, "the call was given up");
    return {};
}

Result<api::Reply> Client::call_patiently(const api::VerbRow& verb, const api::Request& request) {
    auto reply = call(verb, request);
    // Without a socket at the first try, xctld is not being restarted: it is not there.
    if (reply || !disconnected_ || means_absent(reply.error().sys_errno)) return reply;
    Patience patience;
    int cut_offs = 0;
    while (!reply && disconnected_) {
        if (cut_off_ && verb.value != api::Verb::wait && ++cut_offs == kMostCutOffs)
            return fail(Errc::system, std::format("xctld has ended {} times during this call; its journal says why: "
                                                  "journalctl -u xctld", cut_offs));
        if (!patience.pause()) break;
        reply = call(verb, request);
    }
    return reply;
}

Result<> Client::observe(const api::VerbRow& verb, const api::Request& request, const Take& take) {
    auto connection = connect(socket_, host_);
    disconnected_ = nobody_answers(connection);
    cut_off_ = false;
    const auto link = std::move(TRY(std::move(connection)).link);
    const auto json = TRY(json_of(verb, request, interactive_));
    Observation observation{verb, take, {}};
    sd_varlink_set_userdata(link.get(), &observation);
    sd_varlink_bind_reply(link.get(), on_reply);
    if (const int error = sd_varlink_observe(link.get(), method_name(verb).c_str(), json.get()); error < 0)
        return fail_errno(-error, "the call to xctld failed");
    while (!observation.finished) {
        int error = sd_varlink_process(link.get());
        if (error == 0) error = sd_varlink_wait(link.get(), UINT64_MAX);
        if (error >= 0) continue;
        TRY(lost(means_lost(-error)));
        return fail_errno(-error, "the connection to xctld failed");
    }
    answered_ |= observation.answered;
    TRY(lost(observation.disconnected));
    return observation.result;
}

}  // namespace xctl::client
