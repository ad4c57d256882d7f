// SPDX-License-Identifier: LGPL-2.1-or-later
// Signals of one service of a bus, by whoever owns its name. sd-bus(3), D-Bus specification, "Message Bus Messages".
//
// A match rule does not say who sent a signal: the bus delivers a signal that is addressed to us whatever we matched,
// and sd-bus takes any unique name for the well-known one of a rule. So the sender of each signal is compared with the
// name's owner, which GetNameOwner and NameOwnerChanged tell. NameOwnerChanged itself counts only from the bus driver,
// whose name nobody else can have.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "lib/base/result.hpp"

struct sd_bus;
struct sd_bus_message;

namespace xctl::bus {

struct ObjectPath {
    std::string text;
};

/// A signal that is being handled.
class Signal {
public:
    explicit Signal(sd_bus_message* message) noexcept : message_(message) {}

    /// The arguments in their order; fewer than there are may be asked for. Errno is ENXIO or EBADMSG when the signal
    /// has others.
    template <class... T>
    Result<> read(T&... values) {
        int result = 0;
        ((result = result < 0 ? result : read_one(values)), ...);
        if (result < 0) return fail_errno(-result, "cannot read a signal");
        return {};
    }
    /// The name that the path of the sending object has below `prefix`, without its escapes; empty if it is elsewhere.
    [[nodiscard]] std::string object_below(const char* prefix) const;

private:
    int read_one(std::uint32_t& value);
    int read_one(bool& value);
    int read_one(std::string& value);
    int read_one(ObjectPath& value);

    sd_bus_message* message_;  // the bus owns it
};

class SignalSource {
public:
    using Handler = std::function<void(Signal&)>;
    struct Match {
        const char* interface;
        const char* member;
        std::string path;   // empty: of any object
        std::string first;  // empty: with any first argument, else with this text
    };

    /// The service that owns `name` on this bus. Asks for the owner and does not wait: the answer comes before any
    /// signal that a later listen() brings. A name of the driver, org.freedesktop.DBus, has no other owner.
    static Result<SignalSource> open(sd_bus* bus, std::string name);

    /// Calls `handler`, which must not throw, for each signal of the name's owner, until what is returned goes away; the
    /// handler itself may let it go. The bus ends the connection when it refuses the match.
    [[nodiscard]] Result<std::shared_ptr<void>> listen(const Match& match, Handler handler) const;

private:
    friend Result<std::shared_ptr<void>> watch_name(sd_bus* bus, std::string name, std::function<void()> on_gone);
    static Result<std::shared_ptr<void>> watch(sd_bus* bus, std::string name, std::function<void()> on_gone);
    struct Owner;
    struct Listener;
    explicit SignalSource(std::shared_ptr<Owner> owner) noexcept : owner_(std::move(owner)) {}

    std::shared_ptr<Owner> owner_;
};

/// Calls `on_gone`, once, when nobody has this name any more, or when nobody had it to begin with, until what is returned
/// goes away; `on_gone` itself, which must not throw, may let it go. For unique names and others.
[[nodiscard]] Result<std::shared_ptr<void>> watch_name(sd_bus* bus, std::string name, std::function<void()> on_gone);

}  // namespace xctl::bus
