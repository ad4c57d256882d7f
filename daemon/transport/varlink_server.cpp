// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/varlink_server.hpp"

#include <fcntl.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <list>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "api/errors.hpp"
#include "api/limits.hpp"
#include "daemon/manager/peer.hpp"
#include "daemon/transport/answer_size.hpp"
#include "daemon/transport/varlink_interface.hpp"
#include "lib/base/utf8.hpp"

namespace xctl::transport {
namespace {

using api::Request;

struct LinkUnref {
    void operator()(sd_varlink* link) const noexcept { sd_varlink_unref(link); }
};
/// Shared, since it is captured by callbacks that may be copied.
using Link = std::shared_ptr<sd_varlink>;
Link hold(sd_varlink* link) { return Link(sd_varlink_ref(link), LinkUnref()); }

/// An object. Its fields are collected and it is made of them once: to set a field of one that is there copies all
/// others.
class Object {
public:
    Object() = default;
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;
    ~Object() {
        for (auto* part : parts_) sd_json_variant_unref(part);
        sd_json_variant_unref(object_);
    }
    /// Takes the value. The name is one of the rows'.
    void add(const char* name, sd_json_variant* value) {
        parts_.insert(parts_.end(), {sd_json_variant_ref(key_of(name)), value});
    }
    [[nodiscard]] sd_json_variant* get() {
        if (!object_) (void)sd_json_variant_new_object(&object_, parts_.data(), parts_.size());
        return object_;
    }

private:
    /// The same for all objects that have it.
    static sd_json_variant* key_of(const char* name) {
        static std::unordered_map<const char*, sd_json_variant*> keys;
        auto& key = keys[name];
        if (!key) (void)sd_json_variant_new_string(&key, name);
        return key;
    }

    std::vector<sd_json_variant*> parts_;  // names and values in turn
    sd_json_variant* object_ = nullptr;
};

/// The only place where a text becomes JSON, which is UTF-8.
sd_json_variant* json_of(const std::string& value) {
    sd_json_variant* json = nullptr;
    (void)sd_json_variant_new_string(&json, valid_utf8(value).c_str());
    return json;
}
sd_json_variant* json_of(bool value) {
    sd_json_variant* json = nullptr;
    (void)sd_json_variant_new_boolean(&json, value);
    return json;
}
sd_json_variant* json_of(std::uint64_t value) {
    sd_json_variant* json = nullptr;
    (void)sd_json_variant_new_unsigned(&json, value);
    return json;
}
sd_json_variant* json_of(std::int64_t value) {
    sd_json_variant* json = nullptr;
    (void)sd_json_variant_new_integer(&json, value);
    return json;
}
template <api::Structure T>
sd_json_variant* json_of(const T& value);
template <class T>
    requires api::Structure<T> || std::same_as<T, std::string>
sd_json_variant* json_of(const std::vector<T>& values);

template <class T>
void put(Object& json, const char* name, const T& value) {
    json.add(name, json_of(value));
}
void put(Object& json, const char* name, const std::optional<std::uint64_t>& value) {
    if (value) put(json, name, *value);
}

template <class T, std::size_t N>
void put_fields(Object& json, const std::array<api::FieldRow<T>, N>& rows, const T& value) {
    for (const auto& row : rows)
        std::visit([&](auto member) { put(json, row.name.data(), value.*member); }, row.member);
}

template <api::Structure T>
sd_json_variant* json_of(const T& value) {
    Object object;
    put_fields(object, api::Described<T>::kFields, value);
    return sd_json_variant_ref(object.get());
}

template <class T>
    requires api::Structure<T> || std::same_as<T, std::string>
sd_json_variant* json_of(const std::vector<T>& values) {
    std::vector<sd_json_variant*> elements;
    for (const auto& value : values) elements.push_back(json_of(value));
    sd_json_variant* array = nullptr;
    (void)sd_json_variant_new_array(&array, elements.data(), elements.size());
    for (auto* element : elements) sd_json_variant_unref(element);
    return array;
}

/// The interface has checked the types already.
void read(sd_json_variant* json, std::string& out) { out = sd_json_variant_string(json); }
void read(sd_json_variant* json, bool& out) { out = sd_json_variant_boolean(json) != 0; }
void read(sd_json_variant* json, std::uint64_t& out) { out = sd_json_variant_unsigned(json); }
void read(sd_json_variant* json, std::int64_t& out) { out = sd_json_variant_integer(json); }
void read(sd_json_variant* json, std::optional<std::uint64_t>& out) { out = sd_json_variant_unsigned(json); }
void read(sd_json_variant* json, std::vector<std::string>& out) {
    for (std::size_t i = 0; i < sd_json_variant_elements(json); ++i)
        out.emplace_back(sd_json_variant_string(sd_json_variant_by_index(json, i)));
}

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
std::string read_request(const api::VerbRow& verb, sd_json_variant* parameters, Request& request) {
    if (auto repeated = find_repeated(parameters); !repeated.empty()) return repeated;
    for (const auto& param : verb.params) {
        auto* json = sd_json_variant_by_key(parameters, param.name.data());
        if (json == nullptr || sd_json_variant_is_null(json)) continue;
        if (sd_json_variant_type(json) == SD_JSON_VARIANT_INTEGER && sd_json_variant_integer(json) < 0)
            return std::string(param.name);
        api::visit_argument(param, request, [&](auto& value) { read(json, value); });
    }
    return {};
}

Caller caller_of(sd_varlink* link, sd_json_variant* parameters) {
    Caller caller;
    if (sd_varlink_get_peer_uid(link, &caller.uid) < 0) return caller;
    caller.root = caller.uid == 0;
    if (const int pidfd = sd_varlink_get_peer_pidfd(link); pidfd >= 0)
        caller.pidfd.reset(::fcntl(pidfd, F_DUPFD_CLOEXEC, 3));
    auto* interactive = sd_json_variant_by_key(parameters, "allowInteractiveAuthentication");
    caller.interactive =
        interactive != nullptr && sd_json_variant_is_boolean(interactive) && sd_json_variant_boolean(interactive);
    return caller;
}

api::Peer peer_of(sd_varlink* link) {
    uid_t uid = 65534;
    pid_t pid = 0;
    (void)sd_varlink_get_peer_uid(link, &uid);
    (void)sd_varlink_get_peer_pid(link, &pid);
    return manager::describe_peer(uid, pid);
}

void send_error(sd_varlink* link, const Error& error) {
    Object json;
    put(json, "message", shortened(valid_utf8(error.message), api::kMaxMessageBytes));
    put(json, "step", error.step);
    put(json, "path", error.path);
    put(json, "errno", static_cast<std::int64_t>(error.sys_errno));
    const auto id = std::string(api::kVarlinkErrorPrefix) + std::string(api::error_row(error.code).name);
    (void)sd_varlink_error(link, id.c_str(), json.get());
}

Result<> put_reply(Object& json, sd_varlink* link, const api::VerbRow& verb, api::Reply& reply) {
    TRY(check_size(verb, reply));
    for (const auto output : verb.outputs) {
        const char* name = api::output_row(output).name.data();
        auto done = api::visit_output(output, reply, [&]<class T>(T& value) -> Result<> {
            if constexpr (std::is_same_v<T, UniqueFd>) {
                const int index = sd_varlink_push_fd(link, value.get());
                if (index < 0) return fail_errno(-index, "pass the descriptor");
                (void)value.release();
                put(json, name, static_cast<std::int64_t>(index));
            } else {
                put(json, name, value);
            }
            return {};
        });
        if (!done) return done;
    }
    return {};
}

/// A caller to whom the answer cannot be sent, as when it is too large, gets an error instead. An answer with a
/// descriptor is small, so that none is left for the error to carry.
bool send(sd_varlink* link, Object& json, int (*how)(sd_varlink*, sd_json_variant*)) {
    const int result = json.get() != nullptr ? how(link, json.get()) : -ENOMEM;
    if (result >= 0) return true;
    send_error(link, Error{Errc::system, -result, "cannot send the answer: " + errno_text(-result), {}, {}});
    return false;
}

void send_reply(sd_varlink* link, const api::VerbRow& verb, api::Reply& reply) {
    Object json;
    if (const auto put = put_reply(json, link, verb, reply); !put) return send_error(link, put.error());
    send(link, json, sd_varlink_reply);
}

/// One answer of several; false when nobody listens any more.
bool notify(sd_varlink* link, const api::VerbRow& verb, Result<api::Reply> reply) {
    Object json;
    const auto put = reply ? put_reply(json, link, verb, *reply) : Result<>(std::unexpected(reply.error()));
    if (put) return send(link, json, sd_varlink_notify);
    send_error(link, put.error());
    return false;
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

/// What is left of an answer that is sent in parts.
struct VarlinkServer::Delivery {
    Link link;
    const api::VerbRow& verb;
    std::deque<api::ContainerInfo> containers;
    kernel::EventSource turn;
};

VarlinkServer::VarlinkServer(kernel::EventLoop& loop, manager::Manager& manager, Access& access, Repeater& repeater,
                             Callers& callers)
    : loop_(loop), manager_(manager), access_(access), repeater_(repeater), callers_(callers), door_(loop) {
    manager_.add_observer(*this);
}

VarlinkServer::~VarlinkServer() {
    manager_.remove_observer(*this);
    door_.close_guests();
    for (auto* link : subscribers_) sd_varlink_unref(link);
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
    auto request = std::make_shared<Request>(api::request_of(row));
    if (const auto bad = read_request(row, parameters, *request); !bad.empty())
        return sd_varlink_error_invalid_parameter_name(link, bad.c_str());
    const auto held = hold(link);
    request->context.peer = peer_of(link);
    if (Callers::may_wait_long(row, more)) request->context.caller = Presence(tickets_[link] = callers_.welcome());
    access_.check(row, *request, caller_of(link, parameters),
                  [this, &row, request, held, more](const Result<>& allowed) {
                      if (!allowed) return send_error(held.get(), allowed.error());
                      // While polkit was asked. sd-varlink tells of an end once.
                      if (request->context.caller.has_left()) return;
                      if (row.value == api::Verb::events) {
                          subscribers_.push_back(sd_varlink_ref(held.get()));
                          return;
                      }
                      if (more && api::repeats(row))
                          return repeater_.start(row, std::move(*request), [&row, held](Result<api::Reply> reply) {
                              return notify(held.get(), row, std::move(reply));
                          });
                      manager_.call(row.value, std::move(*request), [this, &row, held, more](Result<api::Reply> reply) {
                          if (!reply) return send_error(held.get(), reply.error());
                          if (more && api::comes_in_parts(row)) return deliver(held.get(), row, std::move(*reply));
                          send_reply(held.get(), row, *reply);
                      });
                  });
    return 1;
}

void VarlinkServer::deliver(sd_varlink* link, const api::VerbRow& verb, api::Reply reply) {
    const std::move_iterator from(reply.containers.begin()), end(reply.containers.end());
    send_part(deliveries_.emplace_back(hold(link), verb, std::deque(from, end)));
}

/// Sends one part in each turn of the loop: the client reads it while the next is made, and nobody waits for all of them.
/// sd-json takes pages of memory for a few containers, and that of one part serves all, here and in the client.
void VarlinkServer::send_part(Delivery& delivery) {
    constexpr std::size_t kPart = 16;
    auto& left = delivery.containers;
    const auto end = left.begin() + static_cast<std::ptrdiff_t>(std::min(kPart, left.size()));
    api::Reply part;
    part.containers.assign(std::move_iterator(left.begin()), std::move_iterator(end));
    left.erase(left.begin(), end);
    if (left.empty()) {
        send_reply(delivery.link.get(), delivery.verb, part);
    } else if (notify(delivery.link.get(), delivery.verb, std::move(part))) {
        return loop_.defer(delivery.turn, [this, &delivery](std::uint32_t) { send_part(delivery); });
    }
    deliveries_.remove_if([&](const Delivery& row) { return &row == &delivery; });
}

void VarlinkServer::on_disconnect(sd_varlink* link) noexcept {
    door_.forget(link);
    tickets_.erase(link);
    const auto it = std::ranges::find(subscribers_, link);
    if (it == subscribers_.end()) return;
    sd_varlink_unref(*it);
    subscribers_.erase(it);
}

void VarlinkServer::on_event(const api::Event& event) {
    if (subscribers_.empty()) return;
    Object json;
    put(json, api::output_row(api::Output::event).name.data(), event);
    // A subscriber that does not read is cut off by sd-varlink's own limit; on_disconnect then forgets it.
    for (auto* link : std::list(subscribers_))
        if (sd_varlink_notify(link, json.get()) < 0) (void)sd_varlink_close(link);
}

}  // namespace xctl::transport
