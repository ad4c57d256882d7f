// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/call_json.hpp"

#include <algorithm>
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

/// Names that no row has are of a later version. Both sides go through the same rows, so the next name is that of the
/// next row, as a rule.
template <class T>
T object_of(sd_json_variant* object) {
    constexpr const auto& kRows = api::Described<T>::kFields;
    T value;
    if (!sd_json_variant_is_object(object)) return value;
    auto next = kRows.begin();
    for (std::size_t i = 0; i + 1 < sd_json_variant_elements(object); i += 2) {
        const std::string_view name = sd_json_variant_string(sd_json_variant_by_index(object, i));
        const auto is_it = [&](const auto& row) { return row.name == name; };
        auto row = std::find_if(next, kRows.end(), is_it);
        if (row == kRows.end()) row = std::find_if(kRows.begin(), next, is_it);
        if (row == kRows.end() || !is_it(*row)) continue;
        auto* json = sd_json_variant_by_index(object, i + 1);
        std::visit([&](auto member) { read_field(json, value.*member); }, row->member);
        next = row + 1;
    }
    return value;
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

void read_value(sd_json_variant* json, std::string& out) { read_field(json, out); }
void read_value(sd_json_variant* json, std::uint64_t& out) { read_field(json, out); }
/// The descriptor is not in the message.
void read_value(sd_json_variant*, UniqueFd&) {}
template <api::Structure T>
void read_value(sd_json_variant* json, T& out) {
    out = object_of<T>(json);
}
template <api::Structure T>
void read_value(sd_json_variant* json, std::vector<T>& out) {
    for (std::size_t i = 0; i < sd_json_variant_elements(json); ++i)
        read_value(sd_json_variant_by_index(json, i), out.emplace_back());
}

Result<> read_output(api::Output output, sd_json_variant* parameters, api::Reply& reply) {
    auto* json = TRY(need_field(parameters, api::output_row(output).name));
    api::visit_output(output, reply, [&](auto& value) { read_value(json, value); });
    return {};
}

}  // namespace

Result<Json> json_of(const api::VerbRow& verb, const api::Request& request, bool interactive) {
    sd_json_variant* object = nullptr;
    int error = interactive ? sd_json_variant_set_field_boolean(&object, "allowInteractiveAuthentication", 1) : 0;
    for (const auto& param : verb.params)
        if (error >= 0)
            error = api::visit_argument(param, request, [&](const auto& value) {
                return add_field(&object, std::string(param.name).c_str(), value);
            });
    Json owner(object);
    if (error < 0) return fail_errno(-error, "cannot express the arguments as JSON", Errc::invalid_argument);
    return owner;
}

Result<api::Reply> reply_of(const api::VerbRow& verb, sd_json_variant* parameters) {
    api::Reply reply;
    for (const auto output : verb.outputs) TRY(read_output(output, parameters, reply));
    return reply;
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
