// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/definition/probe.hpp"

#include <gtest/gtest.h>

namespace xctl::definition {
namespace {

TEST(Probe, ParsesEndpoints) {
    struct Text {
        const char* text;
        const char* host;
        std::uint16_t port;
    };
    for (const auto& row : {Text{"80", "127.0.0.1", 80}, Text{"10.0.0.1:8080", "10.0.0.1", 8080},
                            Text{"[::1]:1", "::1", 1}, Text{"localhost:65535", "127.0.0.1", 65535}}) {
        const auto endpoint = parse_endpoint(row.text);
        ASSERT_TRUE(endpoint) << row.text << ": " << endpoint.error().message;
        EXPECT_EQ(endpoint->host, row.host);
        EXPECT_EQ(endpoint->port, row.port);
    }
    for (const auto* text :
         {"", "0", "65536", "host:80", "127.0.0.1", "127.0.0.1:", "[::1]", "::1:x", "1.2.3:80", ":80"})
        EXPECT_FALSE(parse_endpoint(text)) << text;
    using namespace std::string_view_literals;
    EXPECT_FALSE(parse_endpoint("127.0.0.1\0x:80"sv)) << "inet_pton(3) reads up to the NUL";
}

TEST(Probe, ParsesUrls) {
    const auto plain = parse_url("http://127.0.0.1");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->endpoint.port, 80);
    EXPECT_EQ(plain->path, "/");
    const auto full = parse_url("http://[::1]:8080/health?deep=1");
    ASSERT_TRUE(full);
    EXPECT_EQ(full->endpoint.host, "::1");
    EXPECT_EQ(full->endpoint.port, 8080);
    EXPECT_EQ(full->path, "/health?deep=1");
    for (const auto* text : {"https://127.0.0.1/", "127.0.0.1/", "http:///x", "http://127.0.0.1:0/",
                             "http://1.2.3.4/a b", "http://1.2.3.4/a\r\nHost: x"})
        EXPECT_FALSE(parse_url(text)) << text;
}

TEST(Probe, KnowsSuccess) {
    for (const auto* line : {"HTTP/1.0 200 OK\r\n", "HTTP/1.1 204", "HTTP/1.1 399 Odd\r\nServer: x\r\n"})
        EXPECT_TRUE(check_status_line(line)) << line;
    for (const auto* line :
         {"", "HTTP/1.1", "HTTP/1.1 404 Not Found\r\n", "HTTP/1.1 199 x", "200 OK", "HTTP/1.1 2x0 OK"})
        EXPECT_FALSE(check_status_line(line)) << line;
    const auto failure = check_status_line("HTTP/1.1 500 Broken\r\nmore");
    ASSERT_FALSE(failure);
    EXPECT_EQ(failure.error().message, "the answer is \"HTTP/1.1 500 Broken\"");
}

}  // namespace
}  // namespace xctl::definition
