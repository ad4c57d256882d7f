// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/call_json.hpp"

#include <algorithm>
#include <format>

#include "api/errors.hpp"
#include "api/sd_json.hpp"
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

/// An argument that is not UTF-8 fails, and is not mended.
class RequestWriter : public api::SdJsonWriter {
public:
    static constexpr auto kLeavesOut = api::LeavesOut::empty;

    sd_json_variant* text(const std::string& value) {
        sd_json_variant* json = nullptr;
        if (const int result = sd_json_variant_new_string(&json, value.c_str()); result < 0) error_ = -result;
        return json;
    }
    [[nodiscard]] int error() const { return error_; }

private:
    int error_ = 0;
};

sd_json_variant* field(sd_json_variant* object, std::string_view name) {
    return sd_json_variant_by_key(object, std::string(name).c_str());
}

Result<sd_json_variant*> need_field(sd_json_variant* object, std::string_view name) {
    if (auto* json = field(object, name)) return json;
    return fail(Errc::system, std::format("xctld's answer lacks {}", quoted(name)));
}

std::string text_of(sd_json_variant* object, std::string_view name) {
    std::string text;
    if (auto* json = field(object, name)) (void)api::SdJsonReader(json).text(text);
    return text;
}

Errc code_of(std::string_view error_id) {
    if (error_id.starts_with(api::kVarlinkErrorPrefix))
        return value_of(api::kErrors, error_id.substr(api::kVarlinkErrorPrefix.size())).value_or(Errc::system);
    return value_of(kCommonErrors, error_id).value_or(Errc::system);
}

Result<> read_output(api::Output output, sd_json_variant* parameters, api::Reply& reply) {
    auto* json = TRY(need_field(parameters, api::output_row(output).name));
    api::visit_output(output, reply, [&]<class T>(T& value) {
        // A descriptor is not in the message.
        if constexpr (!std::same_as<T, UniqueFd>) (void)api::read(api::SdJsonReader(json), value);
    });
    return {};
}

}  // namespace

Result<Json> json_of(const api::VerbRow& verb, const api::Request& request, bool interactive) {
    RequestWriter writer;
    api::SdJsonObject object;
    if (interactive) object.add("allowInteractiveAuthentication", RequestWriter::flag(true));
    for (const auto& param : verb.params)
        api::visit_argument(param, request,
                            [&](const auto& value) { api::write_field(writer, object, param.name, value); });
    const int error = writer.error() != 0 ? writer.error() : object.get() == nullptr ? ENOMEM : 0;
    if (error != 0) return fail_errno(error, "cannot express the arguments as JSON", Errc::invalid_argument);
    return Json(RequestWriter::finish(object));
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
    if (auto* json = field(parameters, "errno")) (void)api::SdJsonReader(json).number(number);
    error.sys_errno = static_cast<int>(number);
    if (!error.message.empty()) return error;
    error.message = std::string(api::error_row(error.code).meaning);
    if (error.code == Errc::system) error.message = std::format("xctld answers {}", error_id);
    if (const auto name = text_of(parameters, "parameter"); !name.empty()) error.message += ": " + name;
    return error;
}

}  // namespace xctl::client
