// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/dbus/dbus_message.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <format>
#include <utility>

#include "api/encode.hpp"
#include "daemon/systemd/bus.hpp"
#include "lib/base/log.hpp"
#include "lib/base/utf8.hpp"

namespace xctl::transport {
namespace {

using api::Output;
using api::Request;

/// By index of api::Member: how each member type is written on the bus.
constexpr const char* kSignatures[]{"s", "b", "t", "x", "t", "as"};

const char* signature_of_param(const api::Param& param) { return kSignatures[param.type]; }

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

DbusArguments arguments_of(std::span<const Output> outputs) {
    DbusArguments out;
    for (const auto output : outputs) {
        out.signature += signature_of_output(output);
        out.names.emplace_back(api::output_row(output).name);
    }
    return out;
}

class DbusObject {
public:
    void add(std::string_view name, auto value) { fields_.emplace(name, sdbus::Variant(std::move(value))); }
    [[nodiscard]] Dictionary take() { return std::move(fields_); }

private:
    Dictionary fields_;
};

/// A text on the bus is UTF-8. The bus has no word for nothing.
struct DbusWriter {
    using Object = DbusObject;
    static constexpr auto kLeavesOut = api::LeavesOut::absent;

    static std::string text(const std::string& value) { return valid_utf8(value); }
    static bool flag(bool value) { return value; }
    static auto number(std::integral auto value) { return value; }
    static auto list(auto elements) { return elements; }
    static Dictionary finish(Object& object) { return object.take(); }
};

/// The next of the positional arguments. Their types have been checked against the signature.
class ArgumentReader {
public:
    explicit ArgumentReader(sdbus::Message& message) : message_(message) {}

    bool text(std::string& out) const { return take(out); }
    bool flag(bool& out) const { return take(out); }
    bool number(std::integral auto& out) const { return take(out); }
    bool texts(std::vector<std::string>& out) const { return take(out); }

private:
    bool take(auto& out) const {
        message_ >> out;
        return true;
    }

    sdbus::Message& message_;
};

/// Scripting languages choose the type of a number themselves.
class VariantReader {
public:
    explicit VariantReader(const sdbus::Variant& variant) : variant_(variant) {}

    bool text(std::string& out) const { return take_exactly(out); }
    bool flag(bool& out) const { return take_exactly(out); }
    bool number(std::integral auto& out) const {
        return take_as<std::uint64_t>(out) || take_as<std::int64_t>(out) || take_as<std::uint32_t>(out) ||
               take_as<std::int32_t>(out) || take_as<std::uint16_t>(out) || take_as<std::int16_t>(out) ||
               take_as<std::uint8_t>(out);
    }
    bool texts(std::vector<std::string>& out) const { return take_exactly(out); }

private:
    template <class T>
    bool take_exactly(T& out) const {
        if (!variant_.containsValueOfType<T>()) return false;
        out = variant_.get<T>();
        return true;
    }
    template <std::integral Narrow, std::integral T>
    bool take_as(T& out) const {
        Narrow number{};
        if (!take_exactly(number) || !std::in_range<T>(number)) return false;
        out = static_cast<T>(number);
        return true;
    }

    const sdbus::Variant& variant_;
};

Result<> read_options(const api::VerbRow& verb, sdbus::Message& message, Request& request) {
    Dictionary options;
    message >> options;
    for (const auto& [name, value] : options) {
        const auto it = std::ranges::find(verb.params, name, &api::Param::name);
        if (it == verb.params.end() || it->required)
            return fail(Errc::invalid_argument, std::format("{} has no option \"{}\"", verb.method, name));
        const auto read = [&](auto& member) { return api::read(VariantReader(value), member); };
        if (!api::visit_argument(*it, request, read))
            return fail(Errc::invalid_argument,
                        std::format("the option \"{}\" must have a value of the type {}, not {}", name,
                                    signature_of_param(*it), value.peekValueType()));
    }
    return {};
}

}  // namespace

DbusArguments input_of(const api::VerbRow& verb, const std::string& container) {
    DbusArguments out;
    for (const auto& param : verb.params) {
        if (!param.required || is_left_out(param, container)) continue;
        out.signature += signature_of_param(param);
        out.names.emplace_back(param.name);
    }
    if (has_options(verb)) {
        out.signature += "a{sv}";
        out.names.emplace_back("options");
    }
    return out;
}

DbusArguments output_of(const api::VerbRow& verb) { return arguments_of(verb.outputs); }

DbusArguments stream_output() {
    static constexpr std::array kStream{Output::fd};
    return arguments_of(kStream);
}

Result<> read_request(const api::VerbRow& verb, const std::string& container, sdbus::Message& message,
                      Request& request) {
    if (auto* name = api::name_in(request)) *name = container;
    for (const auto& param : verb.params)
        if (param.required && !is_left_out(param, container))
            api::visit_argument(param, request, [&](auto& member) { (void)api::read(ArgumentReader(message), member); });
    return has_options(verb) ? read_options(verb, message, request) : Result<>();
}

void append_reply(sdbus::Message& message, const api::VerbRow& verb, const api::Reply& reply) {
    DbusWriter writer;
    for (const auto output : verb.outputs)
        api::visit_output(output, reply, [&]<class T>(const T& value) {
            if constexpr (std::same_as<T, UniqueFd>)
                message << sdbus::UnixFd(value.get());
            else
                message << api::write(writer, value);
        });
}

void append_field(sdbus::Message& message, const api::FieldRow<api::ContainerInfo>& row, const api::ContainerInfo& info) {
    DbusWriter writer;
    std::visit(
        [&](auto member) {
            if constexpr (!api::Optional<std::remove_cvref_t<decltype(info.*member)>>)
                message << api::write(writer, info.*member);
        },
        row.member);
}

const char* signature_of(const api::FieldRow<api::ContainerInfo>& row) { return kSignatures[row.member.index()]; }

Dictionary to_dictionary(const api::Event& event) {
    DbusWriter writer;
    return api::write(writer, event);
}

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

}  // namespace xctl::transport
