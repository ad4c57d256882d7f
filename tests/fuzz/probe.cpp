// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as what a container answers to an HTTP probe, and as the address or URL of a probe. Only the first line of
// an answer counts, it is a success only with HTTP/ and a status of 200 to 399, and what is shown of it is short. An
// address that is accepted is numeric, has a port, and reads as the same from the text that it makes; a path holds
// nothing that could end the line of a request.
#include <arpa/inet.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <format>
#include <string>
#include <string_view>

#include "daemon/definition/probe.hpp"
#include "lib/base/text.hpp"
#include "tests/fuzz/expect.hpp"

namespace {

using namespace xctl;
using fuzz::expect, fuzz::expect_message;

void try_answer(std::string_view text) {
    const auto line = text.substr(0, text.find_first_of("\r\n"));
    const auto result = definition::check_status_line(text);
    const auto alone = definition::check_status_line(line);
    expect(result.has_value() == alone.has_value());
    if (result) {
        const auto code = parse_unsigned(split(line, ' ').at(1));
        return expect(line.starts_with("HTTP/") && code && *code >= 200 && *code <= 399);
    }
    expect(result.error().code == Errc::invalid_document && result.error().message == alone.error().message);
    expect_message(result.error().message);
    expect(result.error().message.size() < 512);
}

std::string text_of(const definition::Endpoint& endpoint) {
    const bool six = endpoint.host.contains(':');
    return std::format("{}{}{}:{}", six ? "[" : "", endpoint.host, six ? "]" : "", endpoint.port);
}

void expect_numeric(const definition::Endpoint& endpoint) {
    in6_addr address{};
    expect(::inet_pton(AF_INET, endpoint.host.c_str(), &address) == 1 ||
           ::inet_pton(AF_INET6, endpoint.host.c_str(), &address) == 1);
    expect(endpoint.port > 0 && !endpoint.host.contains('\0'));
    const auto again = definition::parse_endpoint(text_of(endpoint));
    expect(again && again->host == endpoint.host && again->port == endpoint.port);
}

void try_endpoint(std::string_view text) {
    const auto endpoint = definition::parse_endpoint(text);
    if (!endpoint) return expect_message(endpoint.error().message);
    expect_numeric(*endpoint);
}

void try_url(std::string_view text) {
    const auto url = definition::parse_url(text);
    if (!url) return expect_message(url.error().message);
    expect_numeric(url->endpoint);
    expect(url->path.starts_with('/'));
    expect(std::ranges::none_of(url->path, [](unsigned char c) { return c <= ' ' || c == 0x7f; }));
    const auto again = definition::parse_url("http://" + text_of(url->endpoint) + url->path);
    expect(again && again->path == url->path && again->endpoint.host == url->endpoint.host);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try_answer(text);
    try_endpoint(text);
    try_url(text);
    return 0;
}
