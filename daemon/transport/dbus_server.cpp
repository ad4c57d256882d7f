// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/dbus_server.hpp"

#include <algorithm>
#include <concepts>
#include <format>
#include <utility>

#include "api/errors.hpp"
#include "api/limits.hpp"
#include "daemon/manager/peer.hpp"
#include "daemon/transport/answer_size.hpp"
#include "daemon/transport/event_json.hpp"
#include "lib/base/log.hpp"
#include "lib/base/utf8.hpp"
#include "lib/bus/signal_source.hpp"

namespace xctl::transport {
namespace {

using api::Output;
using api::Request;
using Dictionary = std::map<std::string, sdbus::Variant>;

/// By index of api::Member: how each member type is written on the bus.
constexpr const char* kSignatures[]{"s", "b", "t", "x", "t", "as"};

const char* signature_of(const auto& member) { return kSignatures[member.index()]; }
const char* signature_of(const api::Param& param) { return kSignatures[param.type]; }

/// Events come as a stream, and a stream is a descriptor.
std::string signature_of_output(Output output) {
    const api::Reply sample;
    return api::visit_output(output, sample, []<class T>(const T&) -> std::string {
        if constexpr (std::is_same_v<T, UniqueFd> || std::is_same_v<T, api::Event>)
            return "h";
        else if constexpr (std::is_same_v<T, std::string>)
            return "s";
        else if constexpr (std::is_same_v<T, std::uint64_t>)
            return "t";
        else
            return api::Structure<T> ? "a{sv}" : "aa{sv}";
    });
}

bool is_left_out(const api::Param& param, const std::string& container) {
    return !container.empty() && param.name == "name";
}

bool has_options(const api::VerbRow& verb) {
    return std::ranges::any_of(verb.params, [](const api::Param& param) { return !param.required; });
}

/// Only these members occur in a Request; reading the others would be a mistake in a row.
void read(sdbus::Message& message, std::string& out) { message >> out; }
void read(sdbus::Message& message, bool& out) { message >> out; }
void read(sdbus::Message& message, std::uint64_t& out) { message >> out; }
void read(sdbus::Message& message, std::int64_t& out) { message >> out; }
void read(sdbus::Message& message, std::vector<std::string>& out) { message >> out; }
void read(sdbus::Message& message, std::optional<std::uint64_t>& out) {
    std::uint64_t value = 0;
    message >> value;
    out = value;
}

/// Whether the variant holds such a value, which is taken then.
template <class T>
bool take_exactly(const sdbus::Variant& variant, T& out) {
    if (!variant.containsValueOfType<T>()) return false;
    out = variant.get<T>();
    return true;
}

template <std::integral Narrow, std::integral T>
bool take_as(const sdbus::Variant& variant, T& out) {
    Narrow number{};
    if (!take_exactly(variant, number) || !std::in_range<T>(number)) return false;
    out = static_cast<T>(number);
    return true;
}

/// Scripting languages choose the type of a number themselves.
template <class T>
bool take(const sdbus::Variant& variant, T& out) {
    if constexpr (!std::integral<T> || std::same_as<T, bool>)
        return take_exactly(variant, out);
    else
        return take_as<std::uint64_t>(variant, out) || take_as<std::int64_t>(variant, out) ||
               take_as<std::uint32_t>(variant, out) || take_as<std::int32_t>(variant, out) ||
               take_as<std::uint16_t>(variant, out) || take_as<std::int16_t>(variant, out) ||
               take_as<std::uint8_t>(variant, out);
}

bool take(const sdbus::Variant& variant, std::optional<std::uint64_t>& out) {
    return take(variant, out.emplace());
}

/// sdbus-c++ throws on a malformed message, which it answers itself.
Result<> read_options(const api::VerbRow& verb, sdbus::Message& message, Request& request) {
    Dictionary options;
    message >> options;
    for (const auto& [name, value] : options) {
        const auto it = std::ranges::find(verb.params, name, &api::Param::name);
        if (it == verb.params.end() || it->required)
            return fail(Errc::invalid_argument, std::format("{} has no option \"{}\"", verb.method, name));
        if (!api::visit_argument(*it, request, [&](auto& out) { return take(value, out); }))
            return fail(Errc::invalid_argument, std::format("the option \"{}\" must have a value of the type {}, not {}",
                                                            name, signature_of(*it), value.peekValueType()));
    }
    return {};
}

/// Every text that is sent passes through here: a text on the bus is UTF-8.
template <class T>
T sendable(const T& value) {
    return value;
}
std::string sendable(const std::string& text) { return valid_utf8(text); }
std::vector<std::string> sendable(const std::vector<std::string>& texts) {
    std::vector<std::string> out;
    for (const auto& text : texts) out.push_back(valid_utf8(text));
    return out;
}

void put(Dictionary& out, std::string_view name, const auto& value) {
    out.emplace(name, sdbus::Variant(sendable(value)));
}
/// The bus has no word for nothing.
void put(Dictionary& out, std::string_view name, const std::optional<std::uint64_t>& value) {
    if (value) put(out, name, *value);
}

template <api::Structure T>
Dictionary to_dictionary(const T& value) {
    Dictionary out;
    for (const auto& row : api::Described<T>::kFields)
        std::visit([&](auto member) { put(out, row.name, value.*member); }, row.member);
    return out;
}

void append(sdbus::Message& message, const std::string& text) { message << sendable(text); }
void append(sdbus::Message& message, std::uint64_t number) { message << number; }
void append(sdbus::Message& message, const UniqueFd& fd) { message << sdbus::UnixFd(fd.get()); }
void append(sdbus::Message& message, const api::Structure auto& value) { message << to_dictionary(value); }
template <api::Structure T>
void append(sdbus::Message& message, const std::vector<T>& values) {
    std::vector<Dictionary> all;
    for (const auto& value : values) all.push_back(to_dictionary(value));
    message << all;
}

sdbus::Error to_bus_error(const Error& error) {
    const auto name = std::string(api::kDbusErrorPrefix) + std::string(api::error_row(error.code).name);
    return sdbus::Error(sdbus::Error::Name(name), shortened(sendable(error.message), api::kMaxMessageBytes));
}

/// sdbus-c++ throws when the bus is gone or refuses a message; sending then fails for that one message.
Result<> attempt(const std::function<void()>& send) {
    try {
        send();
        return {};
    } catch (const sdbus::Error& error) {
        return std::unexpected(systemd::from_bus_error(error, "D-Bus"));
    }
}

void try_to(const std::function<void()>& send) {
    if (const auto sent = attempt(send); !sent) log_warning(sent.error().message);
}

void send_error(const sdbus::MethodCall& call, const Error& error) {
    try_to([&] { call.createErrorReply(to_bus_error(error)).send(); });
}

/// The bus disconnects us for a message that is too large, so that none is tried. A caller to whom the answer cannot be
/// sent gets an error instead.
void send_reply(const api::VerbRow& verb, const sdbus::MethodCall& call, api::Reply& reply) {
    if (const auto small = check_size(verb, reply); !small) return send_error(call, small.error());
    auto sent = attempt([&] {
        auto message = call.createReply();
        for (const auto output : verb.outputs)
            api::visit_output(output, reply, [&](const auto& value) { append(message, value); });
        message.send();
    });
    if (!sent) send_error(call, std::move(sent).error().context("cannot send the answer"));
}

/// The answer of a call that streams: the other end. False if the caller got an error instead.
bool send_stream(const sdbus::MethodCall& call, const UniqueFd& end) {
    auto sent = attempt([&] {
        auto answer = call.createReply();
        answer << sdbus::UnixFd(end.get());
        answer.send();
    });
    if (!sent) send_error(call, std::move(sent).error().context("cannot send the answer"));
    return sent.has_value();
}

std::string property_name(std::string_view field) {
    std::string name(field);
    name.front() = static_cast<char>(name.front() - 'a' + 'A');
    return name;
}

std::string path_of(const std::string& container) {
    return systemd::object_path(std::string(api::kContainerPathPrefix), container);
}

}  // namespace

DbusServer::DbusServer(kernel::EventLoop& loop, systemd::Bus& bus, manager::Manager& manager, Access& access,
                       Repeater& repeater, Callers& callers)
    : loop_(loop), bus_(bus), manager_(manager), access_(access), repeater_(repeater), callers_(callers) {
    manager_.add_observer(*this);
}

DbusServer::~DbusServer() { manager_.remove_observer(*this); }

void DbusServer::add_methods(std::vector<sdbus::VTableItem>& items, const api::VerbRow& verb,
                             const std::string& container) {
    items.emplace_back(make_method(verb, container, Manner::once));
    if (api::repeats(verb)) items.emplace_back(make_method(verb, container, Manner::repeated));
}

/// What is repeated comes as a stream, so that a descriptor is the answer.
sdbus::MethodVTableItem DbusServer::make_method(const api::VerbRow& verb, const std::string& container, Manner manner) {
    std::string input, output;
    std::vector<std::string> input_names, output_names;
    for (const auto& param : verb.params) {
        if (!param.required || is_left_out(param, container)) continue;
        input += signature_of(param);
        input_names.emplace_back(param.name);
    }
    if (has_options(verb)) {
        input += "a{sv}";
        input_names.emplace_back("options");
    }
    static constexpr std::array kStream{Output::fd};
    const bool once = manner == Manner::once;
    for (const auto row : once ? verb.outputs : std::span<const Output>(kStream)) {
        output += signature_of_output(row);
        output_names.emplace_back(api::output_row(row).name);
    }
    sdbus::MethodVTableItem item{};
    item.name = sdbus::MethodName((once ? "" : "Follow") + std::string(verb.method));
    item.inputSignature = sdbus::Signature(input);
    item.inputParamNames = input_names;
    item.outputSignature = sdbus::Signature(output);
    item.outputParamNames = output_names;
    item.callbackHandler = [this, &verb, container, manner](sdbus::MethodCall call) {
        on_call(verb, container, manner, std::move(call));
    };
    return item;
}

Result<> DbusServer::start() {
    try {
        root_ = sdbus::createObject(bus_.connection(), sdbus::ObjectPath(std::string(api::kBusPath)));
        std::vector<sdbus::VTableItem> items;
        for (const auto& verb : api::kVerbs) add_methods(items, verb, "");
        items.emplace_back(sdbus::registerProperty("Version").withGetter([] { return std::string(XCTL_VERSION); })
                               .withUpdateBehavior(sdbus::Flags::CONST_PROPERTY_VALUE));
        items.emplace_back(
            sdbus::registerSignal("ContainerNew").withParameters<std::string, sdbus::ObjectPath>("name", "path"));
        items.emplace_back(
            sdbus::registerSignal("ContainerRemoved").withParameters<std::string, sdbus::ObjectPath>("name", "path"));
        items.emplace_back(
            sdbus::registerSignal("Event").withParameters<std::uint64_t, std::string, std::string, Dictionary>(
                "sequence", "name", "event", "details"));
        root_->addVTable(sdbus::InterfaceName(std::string(api::kManagerInterface)), std::move(items));
        root_->addObjectManager();
        for (const auto& name : manager_.names()) publish_container(name);
    } catch (const sdbus::Error& error) {
        return std::unexpected(systemd::from_bus_error(error, "publish the D-Bus objects"));
    }
    return bus_.request_name(std::string(api::kBusName));
}

void DbusServer::on_call(const api::VerbRow& verb, const std::string& container, Manner manner,
                         sdbus::MethodCall call) {
    auto request = std::make_shared<Request>(api::request_of(verb));
    if (auto* name = api::name_in(*request)) *name = container;
    for (const auto& param : verb.params)
        if (param.required && !is_left_out(param, container))
            api::visit_argument(param, *request, [&](auto& value) { read(call, value); });
    if (has_options(verb))
        if (const auto read_all = read_options(verb, call, *request); !read_all) return send_error(call, read_all.error());
    Caller caller;
    const auto [uid, pid] = bus_.caller_credentials();
    caller.uid = uid;
    caller.root = uid == 0;
    caller.interactive = bus_.caller_allows_interaction();
    caller.bus_name = call.getSender();
    request->context.peer = manager::describe_peer(uid, pid);
    access_.check(verb, *request, caller, [this, &verb, manner, request, call](const Result<>& allowed) {
        if (!allowed) return send_error(call, allowed.error());
        dispatch(verb, manner, request, call);
    });
}

void DbusServer::dispatch(const api::VerbRow& verb, Manner manner, std::shared_ptr<Request> request,
                          const sdbus::MethodCall& call) {
    if (verb.value == api::Verb::events) return subscribe(call);
    if (manner == Manner::repeated) return repeat(verb, std::move(*request), call);
    if (Callers::may_wait_long(verb, false)) request->context.caller = Presence(ticket_of(call.getSender()));
    manager_.call(verb.value, std::move(*request), [&verb, call](Result<api::Reply> reply) {
        if (!reply) return send_error(call, reply.error());
        send_reply(verb, call, *reply);
    });
}

/// A caller whose departure the bus cannot tell is taken for one who stays.
Callers::Ticket DbusServer::ticket_of(const std::string& sender) {
    auto& entry = senders_[sender];
    if (entry.ticket) return entry.ticket;
    entry.ticket = callers_.welcome();
    auto watch = bus::watch_name(bus_.raw(), sender, [this, sender] { senders_.erase(sender); });
    if (watch)
        entry.watch = std::move(*watch);
    else
        log_error(watch.error().message);
    return entry.ticket;
}

/// The first answer decides whether there is a stream at all. A listener that has gone, or does not read, is dropped.
void DbusServer::repeat(const api::VerbRow& verb, Request request, const sdbus::MethodCall& call) {
    auto stream = std::make_shared<LineStream>();
    auto ticket = callers_.welcome();
    request.context.caller = Presence(ticket);
    // The stream has the ticket, and whoever is forgotten has the stream.
    repeater_.start(verb, std::move(request),
                    [this, &verb, call, stream, ticket = std::move(ticket)](const Result<api::Reply>& reply) mutable {
                        if (!reply && !stream->is_open()) send_error(call, reply.error());
                        if (!reply) return false;
                        if (!stream->is_open()) {
                            auto reader = stream->open(loop_, [ticket = std::exchange(ticket, {})]() mutable { ticket.reset(); });
                            if (!reader) {
                                send_error(call, reader.error());
                                return false;
                            }
                            if (!send_stream(call, *reader)) return false;
                        }
                        return stream->send(to_json_line(verb, *reply));
                    });
}

/// Signals reach everyone whom the bus policy lets listen; this stream is for callers who want each event once.
void DbusServer::subscribe(const sdbus::MethodCall& call) {
    auto& stream = streams_.emplace_back();
    const auto is_it = [&stream](const LineStream& row) { return &row == &stream; };
    auto reader = stream.open(loop_, [this, is_it] { streams_.remove_if(is_it); });
    if (!reader) send_error(call, reader.error());
    if (!reader || !send_stream(call, *reader)) streams_.pop_back();
}

void DbusServer::publish_container(const std::string& name) {
    auto object = sdbus::createObject(bus_.connection(), sdbus::ObjectPath(path_of(name)));
    std::vector<sdbus::VTableItem> items;
    for (const auto& verb : api::kVerbs) {
        if (api::is_about_container(verb) && verb.value != api::Verb::create && verb.value != api::Verb::run)
            add_methods(items, verb, name);
    }
    for (const auto& row : api::kContainerFields) {
        sdbus::PropertyVTableItem item{};
        item.name = sdbus::PropertyName(property_name(row.name));
        item.signature = sdbus::Signature(signature_of(row.member));
        if (!row.announced) item.flags.set(sdbus::Flags::EMITS_NO_SIGNAL);
        item.getter = [this, name, &row](sdbus::PropertyGetReply& reply) {
            const auto info = manager_.info(name).value_or(api::ContainerInfo{});
            std::visit(
                [&](auto member) {
                    if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(info.*member)>,
                                                  std::optional<std::uint64_t>>)
                        reply << sendable(info.*member);
                },
                row.member);
        };
        items.emplace_back(std::move(item));
    }
    object->addVTable(sdbus::InterfaceName(std::string(api::kContainerInterface)), std::move(items));
    containers_[name] = {std::move(object), manager_.info(name).value_or(api::ContainerInfo{})};
}

void DbusServer::on_added(const std::string& name) {
    if (!root_) return;
    try_to([&] {
        publish_container(name);
        containers_[name].object->emitInterfacesAddedSignal();
        root_->emitSignal("ContainerNew")
            .onInterface(std::string(api::kManagerInterface))
            .withArguments(name, sdbus::ObjectPath(path_of(name)));
    });
}

void DbusServer::on_removed(const std::string& name) {
    auto node = containers_.extract(name);
    if (node.empty()) return;
    try_to([&] {
        node.mapped().object->emitInterfacesRemovedSignal();
        root_->emitSignal("ContainerRemoved")
            .onInterface(std::string(api::kManagerInterface))
            .withArguments(name, sdbus::ObjectPath(path_of(name)));
    });
}

/// The properties that have changed since the last time, of a container that is still there.
void DbusServer::announce_changes(const std::string& name) {
    const auto it = containers_.find(name);
    auto info = manager_.info(name);
    if (it == containers_.end() || !info) return;
    std::vector<sdbus::PropertyName> changed;
    for (const auto& row : api::kContainerFields) {
        const auto differs = [&](auto member) { return (*info).*member != it->second.told.*member; };
        if (row.announced && std::visit(differs, row.member)) changed.emplace_back(property_name(row.name));
    }
    it->second.told = std::move(*info);
    if (changed.empty()) return;
    it->second.object->emitPropertiesChangedSignal(sdbus::InterfaceName(std::string(api::kContainerInterface)), changed);
}

void DbusServer::on_event(const api::Event& event) {
    if (!root_) return;
    const auto line = to_json_line(event);
    try_to([&] {
        root_->emitSignal("Event")
            .onInterface(std::string(api::kManagerInterface))
            .withArguments(event.sequence, event.name, event.event, to_dictionary(event));
        announce_changes(event.name);
    });
    // A listener that has gone, or does not read, is dropped.
    streams_.remove_if([&](const LineStream& stream) { return !stream.send(line); });
}

}  // namespace xctl::transport
