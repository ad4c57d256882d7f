// SPDX-License-Identifier: LGPL-2.1-or-later
// The interface as a varlink client is told it, through the library that will tell it.
#include "daemon/transport/varlink/varlink_interface.hpp"

#include <gtest/gtest.h>
#include <systemd/sd-varlink.h>

#include <cstdio>
#include <cstdlib>
#include <format>
#include <string>

#include "api/errors.hpp"
#include "api/verbs.hpp"

namespace xctl::transport {
namespace {

std::string interface_text() {
    char* text = nullptr;
    const int r = sd_varlink_idl_format(containers_interface(), &text);
    EXPECT_GE(r, 0);
    const std::string out = text != nullptr ? text : "";
    std::free(text);
    return out;
}

/// From the symbol's comment to the line that ends it.
std::string symbol_text(const std::string& text, std::string_view comment, const std::string& head) {
    const auto at = text.find("\n" + head);
    EXPECT_NE(at, std::string::npos) << head;
    if (at == std::string::npos) return {};
    const auto begin = text.rfind("\n\n", at) + 2;
    auto symbol = text.substr(begin, text.find("\n)\n", at) - begin);
    // The library may add lines of its own behind ours.
    EXPECT_TRUE(symbol.starts_with(std::format("# {}\n", comment))) << symbol;
    return symbol;
}

void expect_field(const std::string& symbol, std::string_view comment, std::string_view field) {
    EXPECT_NE(symbol.find(std::format("# {}\n\t{}", comment, field)), std::string::npos)
        << "no field " << field << " with the comment: " << comment << "\n" << symbol;
}

TEST(VarlinkInterface, IsConsistent) {
    ASSERT_EQ(containers_interface(), containers_interface());
    EXPECT_STREQ(containers_interface()->name, "org.xctl.Containers");
    EXPECT_TRUE(interface_text().starts_with("# Containers supervised by xctld\ninterface org.xctl.Containers\n"))
        << interface_text();
}

TEST(VarlinkInterface, TheLibraryServesIt) {
    sd_varlink_server* server = nullptr;
    ASSERT_GE(sd_varlink_server_new(&server, sd_varlink_server_flags_t{}), 0);
    EXPECT_GE(sd_varlink_server_add_interface(server, containers_interface()), 0);
    // Which it refuses for a method that the interface does not have.
    for (const auto& verb : api::kVerbs) {
        const auto method = std::format("{}.{}", api::kVarlinkInterface, verb.method);
        EXPECT_GE(sd_varlink_server_bind_method(
                      server, method.c_str(),
                      [](sd_varlink*, sd_json_variant*, sd_varlink_method_flags_t, void*) { return 0; }),
                  0)
            << method;
    }
    sd_varlink_server_unref(server);
}

TEST(VarlinkInterface, HasEveryMethodWithItsParameters) {
    const auto text = interface_text();
    for (const auto& verb : api::kVerbs) {
        const auto symbol = symbol_text(text, verb.help, std::format("method {}(", verb.method));
        const auto inputs = symbol.substr(0, symbol.find("->"));
        for (const auto& param : verb.params) expect_field(inputs, param.help, std::string(param.name) + ": ");
        for (const auto& param : verb.params)
            EXPECT_NE(inputs.contains(std::format("\t{}: ?", param.name)), param.required) << param.name;
        expect_field(inputs, "Whether polkit may ask the caller for authentication",
                     "allowInteractiveAuthentication: ?bool");
    }
}

TEST(VarlinkInterface, HasEveryError) {
    const auto text = interface_text();
    for (const auto& row : api::kErrors) {
        const auto symbol = symbol_text(text, row.meaning, std::format("error {}(", row.name));
        expect_field(symbol, "What went wrong, in a sentence", "message: string");
        expect_field(symbol, "The system's error number, 0 if there was none", "errno: int");
    }
}

TEST(VarlinkInterface, HasTheTypes) {
    const auto text = interface_text();
    const auto container =
        symbol_text(text, "One container. Times are microseconds since the epoch, 0 for never", "type Container(");
    for (const auto& row : api::kContainerFields) expect_field(container, row.help, std::string(row.name) + ": ");
    const auto event = symbol_text(text, "Something that happened to a container", "type Event(");
    for (const auto& row : api::kEventFields) expect_field(event, row.help, std::string(row.name) + ": ");
    EXPECT_NE(text.find("containers: []Container"), std::string::npos);
    EXPECT_NE(text.find("event: Event"), std::string::npos);
    // No verb takes several names yet.
    EXPECT_EQ(text.find("type Outcome"), std::string::npos);
}

}  // namespace
}  // namespace xctl::transport
