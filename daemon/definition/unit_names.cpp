// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/definition/unit_names.hpp"

#include <format>

#include "lib/base/text.hpp"

namespace xctl::definition {
namespace {

constexpr std::string_view kScopePrefix = "xctl-", kScope = ".scope";
constexpr std::string_view kServicePrefix = "oci@", kService = ".service";

/// Empty without that beginning and end.
std::string_view between(std::string_view unit, std::string_view prefix, std::string_view suffix) {
    if (unit.size() < prefix.size() + suffix.size() || !unit.starts_with(prefix) || !unit.ends_with(suffix)) return {};
    return unit.substr(prefix.size(), unit.size() - prefix.size() - suffix.size());
}

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ':' || c == '_' ||
           c == '.';
}

}  // namespace

std::string scope_name(std::string_view container) { return std::format("{}{}{}", kScopePrefix, container, kScope); }

std::string_view container_of_scope(std::string_view unit) {
    return between(unit, kScopePrefix, kScope);
}

std::string service_name(std::string_view container) {
    return std::format("{}{}{}", kServicePrefix, container, kService);
}

std::string_view container_of_service(std::string_view unit) { return between(unit, kServicePrefix, kService); }

std::string socket_name(std::string_view container) { return std::format("oci@{}.socket", container); }
std::string up_target_name(std::string_view container) { return std::format("xctl-up@{}.target", container); }

std::string escaped_path(std::string_view path) {
    std::string out;
    for (const auto& part : split(path, '/')) {
        if (part.empty()) continue;
        if (!out.empty()) out += '-';
        for (const char c : part) {
            const bool plain = is_plain(c) && !(c == '.' && out.empty());
            out += plain ? std::string(1, c) : std::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
    return out.empty() ? "-" : out;
}

std::vector<std::string> mount_units_for(std::string_view path) {
    std::vector<std::string> out;
    std::string prefix;
    for (const auto& part : split(path, '/')) {
        if (part.empty()) continue;
        prefix += '/' + part;
        out.push_back(escaped_path(prefix) + ".mount");
    }
    return out;
}

std::string device_unit_of(std::string_view interface) {
    return escaped_path(std::format("/sys/subsystem/net/devices/{}", interface)) + ".device";
}

std::string unit_file_word(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (c == '%')
            out += "%%";
        else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            out += std::format("\\x{:02x}", static_cast<unsigned char>(c));
        else
            out += c;
    }
    return out += '"';
}

}  // namespace xctl::definition
