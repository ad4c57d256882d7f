// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/varlink/varlink_server.hpp"

#include <fcntl.h>

#include <string_view>
#include <unordered_set>
#include <utility>

#include "api/sd_json.hpp"
#include "daemon/manager/peer.hpp"
#include "daemon/transport/varlink/varlink_interface.hpp"

namespace xctl::transport {
namespace {

/// The name of a parameter that is given twice, or empty. sd-json keeps both, and looks up the first.
std::string find_repeated(sd_json_variant* parameters) {
    std::unordered_set<std::string_view> names;
    for (std::size_t i = 0; i + 1 < sd_json_variant_elements(parameters); i += 2) {
        const char* const name = sd_json_variant_string(sd_json_variant_by_index(parameters, i));
        if (!names.insert(name).second) return name;
    }
    return {};
}

/// The name of a parameter that is given twice or out of range, or empty.
std::string read_request(const api::VerbRow& verb, sd_json_variant* parameters, api::Request& request) {
    if (auto repeated = find_repeated(parameters); !repeated.empty()) return repeated;
    for (const auto& param : verb.params) {
        auto* json = sd_json_variant_by_key(parameters, param.name.data());
        if (json == nullptr || sd_json_variant_is_null(json)) continue;
        if (sd_json_variant_type(json) == SD_JSON_VARIANT_INTEGER && sd_json_variant_integer(json) < 0)
            return std::string(param.name);
        api::visit_argument(param, request, [&](auto& value) { (void)api::read(api::SdJsonReader(json), value); });
    }
    return {};
}

api::Peer peer_of(sd_varlink* link) {
    uid_t uid = 65534;
    pid_t pid = 0;
    (void)sd_varlink_get_peer_uid(link, &uid);
    (void)sd_varlink_get_peer_pid(link, &pid);
    return manager::describe_peer(uid, pid);
}

dispatch::Caller caller_of(sd_varlink* link, sd_json_variant* parameters) {
    dispatch::Caller caller;
    caller.peer = peer_of(link);
    if (sd_varlink_get_peer_uid(link, &caller.uid) < 0) return caller;
    if (const int pidfd = sd_varlink_get_peer_pidfd(link); pidfd >= 0)
        caller.pidfd.reset(::fcntl(pidfd, F_DUPFD_CLOEXEC, 3));
    auto* interactive = sd_json_variant_by_key(parameters, "allowInteractiveAuthentication");
    caller.interactive =
        interactive != nullptr && sd_json_variant_is_boolean(interactive) && sd_json_variant_boolean(interactive);
    return caller;
}

template <std::size_t Index>
int on_method(sd_varlink* link, sd_json_variant* parameters, sd_varlink_method_flags_t flags, void* userdata) {
    const bool more = (flags & SD_VARLINK_METHOD_MORE) != 0;
    return static_cast<VarlinkServer*>(userdata)->on_call(static_cast<api::Verb>(Index), link, parameters, more);
}

template <std::size_t... Index>
int bind_methods(sd_varlink_server* server, std::index_sequence<Index...>) {
    int result = 0;
    const auto bind = [&](const api::VerbRow& verb, sd_varlink_method_t callback) {
        const auto name = std::string(api::kVarlinkInterface) + "." + std::string(verb.method);
        if (const int r = sd_varlink_server_bind_method(server, name.c_str(), callback); r < 0) result = r;
    };
    (bind(api::kVerbs[Index], on_method<Index>), ...);
    return result;
}

void on_link_gone(sd_varlink_server*, sd_varlink* link, void* userdata) {
    static_cast<VarlinkServer*>(userdata)->on_disconnect(link);
}

}  // namespace

VarlinkServer::~VarlinkServer() {
    door_.close_guests();
    sd_varlink_server_unref(server_);
}

/// sd-varlink's own limits count root as anybody else; the door has ours.
Result<> VarlinkServer::start(std::vector<UniqueFd> sockets) {
    int r = sd_varlink_server_new(&server_, SD_VARLINK_SERVER_INHERIT_USERDATA);
    if (r >= 0) r = sd_varlink_server_set_info(server_, "xctl", "xctld", XCTL_VERSION, nullptr);
    if (r >= 0) r = sd_varlink_server_add_interface(server_, containers_interface());
    if (r >= 0) r = bind_methods(server_, std::make_index_sequence<api::kVerbs.size()>());
    if (r >= 0) r = sd_varlink_server_bind_disconnect(server_, on_link_gone);
    if (r < 0) return fail_errno(-r, "serve varlink");
    sd_varlink_server_set_userdata(server_, this);
    return door_.start(server_, std::move(sockets));
}

int VarlinkServer::on_call(api::Verb verb, sd_varlink* link, sd_json_variant* parameters, bool more) noexcept {
    const auto& row = api::verb_row(verb);
    dispatch::Call call{.verb = row, .request = api::request_of(row), .names = {}, .caller = {}};
    if (const auto bad = read_request(call.verb, parameters, call.request); !bad.empty())
        return sd_varlink_error_invalid_parameter_name(link, bad.c_str());
    call.caller = caller_of(link, parameters);
    if (more) call.manner = dispatch::Manner::repeated;
    const auto sink = std::make_shared<VarlinkSink>(call.verb, link, tickets_);
    dispatcher_.dispatch(std::move(call), sink);
    return 1;
}

void VarlinkServer::on_disconnect(sd_varlink* link) noexcept {
    door_.forget(link);
    tickets_.erase(link);
}

}  // namespace xctl::transport
