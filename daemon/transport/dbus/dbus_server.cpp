// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/dbus/dbus_server.hpp"

#include <utility>

#include "daemon/manager/peer.hpp"
#include "daemon/transport/dbus/dbus_message.hpp"
#include "daemon/transport/dbus/dbus_sink.hpp"

namespace xctl::transport {
namespace {

std::string property_name(std::string_view field) {
    std::string name(field);
    name.front() = static_cast<char>(name.front() - 'a' + 'A');
    return name;
}

std::string path_of(const std::string& container) {
    return systemd::object_path(std::string(api::kContainerPathPrefix), container);
}

}  // namespace

DbusServer::DbusServer(kernel::EventLoop& loop, systemd::Bus& bus, manager::Manager& manager,
                       dispatch::Dispatcher& dispatcher)
    : loop_(loop), bus_(bus), manager_(manager), dispatcher_(dispatcher), senders_(bus.raw()) {
    manager_.add_observer(*this);
}

DbusServer::~DbusServer() { manager_.remove_observer(*this); }

void DbusServer::add_methods(std::vector<sdbus::VTableItem>& items, const api::VerbRow& verb,
                             const std::string& container) {
    items.emplace_back(make_method(verb, container, Manner::once));
    if (api::can_be_followed(verb)) items.emplace_back(make_method(verb, container, Manner::repeated));
}

sdbus::MethodVTableItem DbusServer::make_method(const api::VerbRow& verb, const std::string& container, Manner manner) {
    const bool once = manner == Manner::once;
    const auto input = input_of(verb, container), output = once ? output_of(verb) : stream_output();
    sdbus::MethodVTableItem item{};
    item.name = sdbus::MethodName((once ? "" : "Follow") + std::string(verb.method));
    item.inputSignature = sdbus::Signature(input.signature);
    item.inputParamNames = input.names;
    item.outputSignature = sdbus::Signature(output.signature);
    item.outputParamNames = output.names;
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

dispatch::Caller DbusServer::caller_of(const sdbus::MethodCall& call) const {
    const auto [uid, pid] = bus_.caller_credentials();
    dispatch::Caller caller;
    caller.uid = uid;
    caller.interactive = bus_.caller_allows_interaction();
    caller.bus_name = call.getSender();
    caller.peer = manager::describe_peer(uid, pid);
    return caller;
}

/// Signals reach everyone whom the bus policy lets listen; the stream of Events is for callers who want each event once.
dispatch::Sink DbusServer::sink_of(const api::VerbRow& verb, Manner manner, const sdbus::MethodCall& call) {
    if (manner == Manner::repeated || verb.answers == api::Answers::events)
        return std::make_shared<DbusStreamSink>(verb, call, loop_);
    return std::make_shared<DbusSink>(verb, call, senders_);
}

void DbusServer::on_call(const api::VerbRow& row, const std::string& container, Manner manner,
                         sdbus::MethodCall message) {
    const auto sink = sink_of(row, manner, message);
    dispatch::Call call{.verb = row, .request = api::request_of(row), .names = {}, .caller = {}, .manner = manner};
    if (auto read = read_request(row, container, message, call.request); !read)
        return sink->refuse(std::move(read).error());
    call.caller = caller_of(message);
    dispatcher_.dispatch(std::move(call), sink);
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
        item.signature = sdbus::Signature(signature_of(row));
        if (!row.announced) item.flags.set(sdbus::Flags::EMITS_NO_SIGNAL);
        item.getter = [this, name, &row](sdbus::PropertyGetReply& reply) {
            append_field(reply, row, manager_.info(name).value_or(api::ContainerInfo{}));
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
    try_to([&] {
        root_->emitSignal("Event")
            .onInterface(std::string(api::kManagerInterface))
            .withArguments(event.sequence, event.name, event.event, to_dictionary(event));
        announce_changes(event.name);
    });
}

}  // namespace xctl::transport
