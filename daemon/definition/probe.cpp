// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/definition/probe.hpp"

#include <arpa/inet.h>

#include <format>

#include "lib/base/text.hpp"

namespace xctl::definition {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::string_view kHttpPort = "80";
constexpr std::uint64_t kMaxPort = 65535;
constexpr std::uint64_t kFirstSuccess = 200, kFirstClientError = 400;

bool is_address(const std::string& host) {
    // inet_pton(3) would read no further.
    if (host.contains('\0')) return false;
    unsigned char buffer[sizeof(in6_addr)];
    return ::inet_pton(AF_INET, host.c_str(), buffer) == 1 || ::inet_pton(AF_INET6, host.c_str(), buffer) == 1;
}

/// What stands before the last colon, and what behind it; brackets keep the colons of IPv6 together.
std::pair<std::string_view, std::string_view> split_port(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || text.ends_with(']')) return {text, {}};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

Result<std::string> parse_host(std::string_view text) {
    if (text == "localhost") return "127.0.0.1";
    if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
    std::string host(text);
    if (!is_address(host)) return fail(Errc::invalid_argument, xctl::quoted(host) + " is not a numeric address");
    return host;
}

Result<std::uint16_t> parse_port(std::string_view text) {
    const auto port = parse_unsigned(text);
    if (!port || *port == 0 || *port > kMaxPort)
        return fail(Errc::invalid_argument, xctl::quoted(text) + " is not a port");
    return static_cast<std::uint16_t>(*port);
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
    const auto [host, port] = split_port(text);
    Endpoint endpoint;
    if (port.empty() && parse_unsigned(text)) {
        endpoint.port = TRY(parse_port(text));
        return endpoint;
    }
    endpoint.host = TRY(parse_host(host));
    endpoint.port = TRY(parse_port(port));
    return endpoint;
}

Result<Url> parse_url(std::string_view text) {
    if (!text.starts_with(kScheme)) return fail(Errc::invalid_argument, "must begin with http://");
    const auto rest = text.substr(kScheme.size());
    const auto slash = std::min(rest.find('/'), rest.size());
    const auto [host, port] = split_port(rest.substr(0, slash));
    Url url;
    url.endpoint.host = TRY(parse_host(host));
    url.endpoint.port = TRY(parse_port(port.empty() ? kHttpPort : port));
    url.path = slash == rest.size() ? "/" : std::string(rest.substr(slash));
    for (const char c : url.path)
        if (c <= ' ' || c == 0x7f)
            return fail(Errc::invalid_argument, "a path must not hold spaces or control characters");
    return url;
}

Result<> check_status_line(std::string_view answer) {
    const auto line = answer.substr(0, answer.find_first_of("\r\n"));
    const auto words = split(line, ' ');
    const auto code = words.size() > 1 && words[0].starts_with("HTTP/") ? parse_unsigned(words[1]).value_or(0) : 0;
    if (code >= kFirstSuccess && code < kFirstClientError) return {};
    constexpr std::size_t kMostShown = 80;
    return fail(Errc::invalid_document, "the answer is " + xctl::quoted(line.substr(0, kMostShown)));
}

}  // namespace xctl::definition
