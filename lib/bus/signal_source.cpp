// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/bus/signal_source.hpp"

#include <systemd/sd-bus.h>

#include <cstdlib>
#include <format>
#include <utility>

namespace xctl::bus {

struct SlotUnref {
    void operator()(sd_bus_slot* slot) const noexcept { sd_bus_slot_unref(slot); }
};
using Slot = std::unique_ptr<sd_bus_slot, SlotUnref>;

namespace {

constexpr const char* kDriver = "org.freedesktop.DBus";
constexpr const char* kDriverPath = "/org/freedesktop/DBus";

std::string rule_of(const std::string& sender, const SignalSource::Match& match) {
    auto rule = std::format("type='signal',sender='{}',interface='{}',member='{}'", sender, match.interface, match.member);
    if (!match.path.empty()) rule += std::format(",path='{}'", match.path);
    if (!match.first.empty()) rule += std::format(",arg0='{}'", match.first);
    return rule;
}

bool is_from(sd_bus_message* message, const std::string& sender) {
    const char* const actual = sd_bus_message_get_sender(message);
    return actual != nullptr && !sender.empty() && sender == actual;
}

}  // namespace

std::string Signal::object_below(const char* prefix) const {
    char* name = nullptr;
    const char* const path = sd_bus_message_get_path(message_);
    if (path == nullptr || sd_bus_path_decode(path, prefix, &name) <= 0) return {};
    std::string out(name);
    std::free(name);
    return out;
}

int Signal::read_one(std::uint32_t& value) { return sd_bus_message_read_basic(message_, 'u', &value); }

int Signal::read_one(bool& value) {
    int number = 0;
    const int result = sd_bus_message_read_basic(message_, 'b', &number);
    value = number != 0;
    return result;
}

int Signal::read_one(std::string& value) {
    const char* text = nullptr;
    const int result = sd_bus_message_read_basic(message_, 's', &text);
    if (result >= 0) value = text == nullptr ? "" : text;
    return result;
}

int Signal::read_one(ObjectPath& value) {
    const char* text = nullptr;
    const int result = sd_bus_message_read_basic(message_, 'o', &text);
    if (result >= 0) value.text = text == nullptr ? "" : text;
    return result;
}

struct SignalSource::Owner {
    sd_bus* bus = nullptr;
    std::string name;
    std::string unique;  // who has it now; empty while that is nobody, or is not known yet
    std::function<void()> on_gone;
    Slot change, question;

    Result<> ask();
    void set(const char* now);

    static int on_change(sd_bus_message* message, void* userdata, sd_bus_error*) noexcept;
    static int on_answer(sd_bus_message* message, void* userdata, sd_bus_error*) noexcept;
};

struct SignalSource::Listener {
    std::shared_ptr<Owner> owner;
    std::shared_ptr<const Handler> handler;
    Slot slot;

    static int on_signal(sd_bus_message* message, void* userdata, sd_bus_error*) noexcept;
};

int SignalSource::Owner::on_change(sd_bus_message* message, void* userdata, sd_bus_error*) noexcept {
    auto& owner = *static_cast<Owner*>(userdata);
    const char *name = nullptr, *now = nullptr;
    if (is_from(message, kDriver) && sd_bus_message_read(message, "sss", &name, nullptr, &now) >= 0 && owner.name == name)
        owner.set(now);
    return 0;
}

int SignalSource::Owner::on_answer(sd_bus_message* message, void* userdata, sd_bus_error*) noexcept {
    const char* now = nullptr;
    // The error is that nobody has the name.
    const bool known = sd_bus_message_is_method_error(message, nullptr) == 0 && sd_bus_message_read(message, "s", &now) >= 0;
    static_cast<Owner*>(userdata)->set(known ? now : "");
    return 0;
}

/// Whoever is told may destroy this.
void SignalSource::Owner::set(const char* now) {
    unique = now;
    if (!unique.empty()) return;
    if (const auto gone = std::exchange(on_gone, nullptr)) gone();
}

Result<> SignalSource::Owner::ask() {
    sd_bus_slot* slot = nullptr;
    const auto rule = rule_of(kDriver, {kDriver, "NameOwnerChanged", kDriverPath, name});
    int result = sd_bus_add_match_async(bus, &slot, rule.c_str(), on_change, nullptr, this);
    if (result >= 0) {
        change.reset(slot);
        // The match first: so no change is missed between the two.
        result = sd_bus_call_method_async(bus, &slot, kDriver, kDriverPath, kDriver, "GetNameOwner", on_answer, this, "s",
                                          name.c_str());
    }
    if (result < 0) return fail_errno(-result, std::format("cannot ask the bus who owns {}", name));
    question.reset(slot);
    return {};
}

int SignalSource::Listener::on_signal(sd_bus_message* message, void* userdata, sd_bus_error*) noexcept {
    const auto& listener = *static_cast<const Listener*>(userdata);
    if (!is_from(message, listener.owner->unique)) return 0;
    // The handler may destroy the listener.
    const auto handler = listener.handler;
    Signal signal(message);
    (*handler)(signal);
    return 0;
}

Result<SignalSource> SignalSource::open(sd_bus* bus, std::string name) {
    auto owner = std::make_shared<Owner>();
    owner->bus = bus;
    owner->name = std::move(name);
    if (owner->name == kDriver) {
        owner->unique = kDriver;
        return SignalSource(std::move(owner));
    }
    TRY(owner->ask());
    return SignalSource(std::move(owner));
}

Result<std::shared_ptr<void>> SignalSource::listen(const Match& match, Handler handler) const {
    auto listener = std::make_shared<Listener>();
    listener->owner = owner_;
    listener->handler = std::make_shared<const Handler>(std::move(handler));
    sd_bus_slot* slot = nullptr;
    const int result = sd_bus_add_match_async(owner_->bus, &slot, rule_of(owner_->name, match).c_str(),
                                              Listener::on_signal, nullptr, listener.get());
    if (result < 0)
        return fail_errno(-result, std::format("cannot listen for {}.{}", match.interface, match.member));
    listener->slot.reset(slot);
    return std::shared_ptr<void>(std::move(listener));
}

Result<std::shared_ptr<void>> SignalSource::watch(sd_bus* bus, std::string name, std::function<void()> on_gone) {
    auto owner = std::make_shared<Owner>();
    owner->bus = bus;
    owner->name = std::move(name);
    owner->on_gone = std::move(on_gone);
    TRY(owner->ask());
    return std::shared_ptr<void>(std::move(owner));
}

Result<std::shared_ptr<void>> watch_name(sd_bus* bus, std::string name, std::function<void()> on_gone) {
    return SignalSource::watch(bus, std::move(name), std::move(on_gone));
}

}  // namespace xctl::bus
