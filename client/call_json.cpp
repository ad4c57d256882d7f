// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/call_json.hpp"

#include <format>
#include <type_traits>

#include "api/errors.hpp"
#include "lib/base/text.hpp"

namespace xctl::client {
namespace {

/// Errors that varlink services share.
constexpr std::array<Named<Errc>, 5> kCommonErrors{{
    {"org.varlink.service.InvalidParameter", Errc::invalid_argument},
    {"org.varlink.service.MethodNotFound", Errc::unsupported},
    {"org.varlink.service.MethodNotImplemented", Errc::unsupported},
    {"io.systemd.InteractiveAuthenticationRequired", Errc::needs_auth},
    {"org.varlink.service.PermissionDenied", Errc::denied},
}};

int add_field(sd_json_variant** object, const char* name, const std::string& value) {
    return value.empty() ? 0 : sd_json_variant_set_field_string(object, name, value.c_str());
}

int add_field(sd_json_variant** object, const char* name, bool value) {
    return value ? sd_json_variant_set_field_boolean(object, name, 1) : 0;
}

int add_field(sd_json_variant** object, const char* name, const std::optional<std::uint64_t>& value) {
    return value ? sd_json_variant_set_field_unsigned(object, name, *value) : 0;
}

int add_field(sd_json_variant** object, const char* name, std::uint64_t value) {
    return sd_json_variant_set_field_unsigned(object, name, value);
}

int add_field(sd_json_variant** object, const char* name, std::int64_t value) {
    return sd_json_variant_set_field_integer(object, name, value);
}

int add_field(sd_json_variant** object, const char* name, const std::vector<std::string>& value) {
    std::vector<char*> words;
    for (const auto& word : value) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    return value.empty() ? 0 : sd_json_variant_set_field_strv(object, name, words.data());
}

void read_field(sd_json_variant* json, std::string& out) {
    if (sd_json_variant_is_string(json)) out = sd_json_variant_string(json);
}

void read_field(sd_json_variant* json, bool& out) {
    if (sd_json_variant_is_boolean(json)) out = sd_json_variant_boolean(json) != 0;
}

void read_field(sd_json_variant* json, std::uint64_t& out) {
    if (sd_json_variant_is_unsigned(json)) out = sd_json_variant_unsigned(json);
}

void read_field(sd_json_variant* json, std::int64_t& out) {
    if (sd_json_variant_is_integer(json)) out = sd_json_variant_integer(json);
}

void read_field(sd_json_variant* json, std::optional<std::uint64_t>& out) {
    if (sd_json_variant_is_unsigned(json)) out = sd_json_variant_unsigned(json);
}

void read_field(sd_json_variant* json, std::vector<std::string>& out) {
    for (std::size_t i = 0; i < sd_json_variant_elements(json); ++i)
        read_field(sd_json_variant_by_index(json, i), out.emplace_back());
}

sd_json_variant* field(sd_json_variant* object, std::string_view name) {
    return sd_json_variant_by_key(object, std::string(name).c_str());
}

template <class T, class Rows>
T object_of(sd_json_variant* object, const Rows& rows) {
    T value;
    for (const auto& row : rows)
        if (auto* json = field(object, row.name))
            std::visit([&](auto member) { read_field(json, value.*member); }, row.member);
    return value;
}

template <class T, class Rows>
std::vector<T> objects_of(sd_json_variant* list, const Rows& rows) {
    std::vector<T> out;
    for (std::size_t i = 0; i < sd_json_variant_elements(list); ++i)
        out.push_back(object_of<T>(sd_json_variant_by_index(list, i), rows));
    return out;
}

Result<sd_json_variant*> need_field(sd_json_variant* object, std::string_view name) {
    if (auto* json = field(object, name)) return json;
    return fail(Errc::system, std::format("xctld's answer lacks {}", quoted(name)));
}

std::string text_of(sd_json_variant* object, std::string_view name) {
    std::string text;
    if (auto* json = field(object, name)) read_field(json, text);
    return text;
}

Errc code_of(std::string_view error_id) {
    if (error_id.starts_with(api::kVarlinkErrorPrefix))
        return value_of(api::kErrors, error_id.substr(api::kVarlinkErrorPrefix.size())).value_or(Errc::system);
    return value_of(kCommonErrors, error_id).value_or(Errc::system);
}

Result<> read_output(api::Output output, sd_json_variant* parameters, api::Reply& reply) {
    if (output == api::Output::container)
        reply.container = object_of<api::ContainerInfo>(TRY(need_field(parameters, "container")), api::kContainerFields);
    if (output == api::Output::oci_state) read_field(TRY(need_field(parameters, "ociState")), reply.oci_state);
    if (output == api::Output::text) read_field(TRY(need_field(parameters, "text")), reply.text);
    if (output == api::Output::containers)
        reply.containers =
            objects_of<api::ContainerInfo>(TRY(need_field(parameters, "containers")), api::kContainerFields);
    if (output == api::Output::settings)
        reply.settings = objects_of<api::Setting>(TRY(need_field(parameters, "settings")), api::kSettingFields);
    if (output == api::Output::findings)
        reply.findings = objects_of<api::Finding>(TRY(need_field(parameters, "findings")), api::kFindingFields);
    if (output == api::Output::clients)
        reply.clients = objects_of<api::ClientInfo>(TRY(need_field(parameters, "clients")), api::kClientFields);
    return {};
}

}  // namespace

Result<Json> json_of(const api::VerbRow& verb, const api::Request& request, bool interactive) {
    sd_json_variant* object = nullptr;
    int error = interactive ? sd_json_variant_set_field_boolean(&object, "allowInteractiveAuthentication", 1) : 0;
    for (const auto& param : verb.params)
        if (error >= 0)
            error = std::visit(
                [&](auto member) { return add_field(&object, std::string(param.name).c_str(), request.*member); },
                param.member);
    Json owner(object);
    if (error < 0) return fail_errno(-error, "cannot express the arguments as JSON", Errc::invalid_argument);
    return owner;
}

Result<api::Reply> reply_of(const api::VerbRow& verb, sd_json_variant* parameters) {
    api::Reply reply;
    for (const auto output : verb.outputs) TRY(read_output(output, parameters, reply));
    return reply;
}

Result<api::Event> event_of(sd_json_variant* parameters) {
    return object_of<api::Event>(TRY(need_field(parameters, "event")), api::kEventFields);
}

Error error_of(std::string_view error_id, sd_json_variant* parameters) {
    Error error{code_of(error_id), 0, text_of(parameters, "message"), text_of(parameters, "step"),
                text_of(parameters, "path")};
    std::int64_t number = 0;
    if (auto* json = field(parameters, "errno")) read_field(json, number);
    error.sys_errno = static_cast<int>(number);
    if (!error.message.empty()) return error;
    error.message = std::string(api::error_row(error.code).meaning);
    if (error.code == Errc::system) error.message = std::format("xctld answers {}", error_id);
    if (const auto name = text_of(parameters, "parameter"); !name.empty()) error.message += ": " + name;
    return error;
}

}  // namespace xctl::client
