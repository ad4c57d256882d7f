// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/unit_names.hpp"

#include <format>

#include "lib/base/text.hpp"

namespace xctl {
namespace {

constexpr std::string_view kScopePrefix = "xctl-", kScope = ".scope";

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ':' || c == '_' ||
           c == '.';
}

}  // namespace

std::string scope_name(std::string_view container) { return std::format("{}{}{}", kScopePrefix, container, kScope); }

std::string_view container_of_scope(std::string_view unit) {
    if (!unit.starts_with(kScopePrefix) || !unit.ends_with(kScope)) return {};
    unit.remove_prefix(kScopePrefix.size());
    return unit.substr(0, unit.size() - kScope.size());
}

std::string service_name(std::string_view container) { return std::format("oci@{}.service", container); }
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

}  // namespace xctl
