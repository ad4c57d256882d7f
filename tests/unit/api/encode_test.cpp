// SPDX-License-Identifier: LGPL-2.1-or-later
#include "api/encode.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

#include "api/sd_json.hpp"

namespace xctl::api {
namespace {

struct Unref {
    void operator()(sd_json_variant* json) const noexcept { sd_json_variant_unref(json); }
};
using Json = std::unique_ptr<sd_json_variant, Unref>;

std::string text_of(const Json& json) {
    char* text = nullptr;
    EXPECT_GE(sd_json_variant_format(json.get(), sd_json_format_flags_t{}, &text), 0);
    const std::unique_ptr<char, void (*)(void*)> owner(text, std::free);
    return text != nullptr ? text : "";
}

template <class T>
std::string written(const T& value) {
    SdJsonWriter writer;
    return text_of(Json(write(writer, value)));
}

template <class T>
T parsed(const char* text) {
    sd_json_variant* json = nullptr;
    EXPECT_GE(sd_json_parse(text, sd_json_parse_flags_t{}, &json, nullptr, nullptr), 0);
    const Json owner(json);
    T value;
    (void)read(SdJsonReader(json), value);
    return value;
}

TEST(Encode, WritesTheFieldsInTheOrderOfTheirTable) {
    EXPECT_EQ(written(ExecInfo{"7", 12, "a \"b\"\xff", true, 0}),
              R"({"id":"7","pid":12,"command":"a \"b\"�","terminal":true,"attached":0})");
    EXPECT_EQ(written(std::vector<Finding>{{"error", "m", ""}, {"warning", "n", "k"}}),
              R"([{"severity":"error","message":"m","key":""},{"severity":"warning","message":"n","key":"k"}])");
    EXPECT_EQ(written(std::vector<Finding>{}), "[]");
    RunInfo run;
    run.error = -3;
    EXPECT_TRUE(written(run).contains(R"("errno":-3)"));
    Interface interface;
    interface.addresses = {"::1/128", "x"};
    EXPECT_TRUE(written(interface).contains(R"(["::1/128","x"])"));
}

struct TextWriter {
    struct Object {
        std::string text;
        void add(std::string_view name, const std::string& value) { text += std::string(name) + "=" + value + ";"; }
    };
    static std::string text(const std::string& value) { return value; }
    static std::string flag(bool value) { return value ? "yes" : "no"; }
    static std::string number(auto value) { return std::to_string(value); }
    static std::string nothing() { return "none"; }
    static std::string list(const std::vector<std::string>& values) { return std::to_string(values.size()); }
    static std::string finish(const Object& object) { return object.text; }
};
struct AllWriter : TextWriter {
    static constexpr auto kLeavesOut = LeavesOut::nothing;
};
struct PresentWriter : TextWriter {
    static constexpr auto kLeavesOut = LeavesOut::absent;
};
struct GivenWriter : TextWriter {
    static constexpr auto kLeavesOut = LeavesOut::empty;
};

template <class W>
std::string fields_of(const std::optional<std::uint64_t>& optional) {
    W writer;
    typename W::Object object;
    write_field(writer, object, "optional", optional);
    write_field(writer, object, "text", std::string());
    write_field(writer, object, "flag", false);
    write_field(writer, object, "list", std::vector<std::string>());
    write_field(writer, object, "number", std::uint64_t{0});
    return object.text;
}

TEST(Encode, LeavesOutWhatTheFormatHasNoWordFor) {
    EXPECT_EQ(fields_of<AllWriter>({}), "optional=none;text=;flag=no;list=0;number=0;");
    EXPECT_EQ(fields_of<PresentWriter>({}), "text=;flag=no;list=0;number=0;");
    EXPECT_EQ(fields_of<GivenWriter>({}), "number=0;");
    EXPECT_EQ(fields_of<GivenWriter>(0), "optional=0;number=0;");
}

TEST(Encode, AReplyHasTheOutputsOfItsVerb) {
    Reply reply;
    reply.exec = "7";
    reply.text = "not of this verb";
    AllWriter writer;
    AllWriter::Object object;
    const auto write_fd = [&](std::string_view name, const UniqueFd& fd) -> Result<> {
        if (!fd) return fail(Errc::system, "no " + std::string(name));
        return {};
    };
    const auto failed = write_reply(writer, object, verb_row(Verb::exec), reply, write_fd);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().message, "no fd");
    EXPECT_EQ(object.text, "exec=7;");
}

TEST(Decode, ReadsWhatWasWritten) {
    const auto stats = parsed<Stats>(R"({"name":"web","time":5,"memory":7,"swap":null})");
    EXPECT_EQ(stats.name, "web");
    EXPECT_EQ(stats.time, 5U);
    EXPECT_EQ(stats.memory, 7U);
    EXPECT_FALSE(stats.swap);
    const auto interfaces = parsed<std::vector<Interface>>(R"([{"name":"eth0","addresses":["a","b"],"up":true}])");
    ASSERT_EQ(interfaces.size(), 1U);
    EXPECT_EQ(interfaces.front().addresses, (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(interfaces.front().up);
}

TEST(Decode, SkipsWhatNoRowHasAndWhatIsOfAnotherType) {
    const auto exec = parsed<ExecInfo>(R"({"attached":3,"new":{"a":1},"pid":"x","terminal":1,"id":"7","command":null})");
    EXPECT_EQ(exec.attached, 3U);
    EXPECT_EQ(exec.pid, 0U);
    EXPECT_FALSE(exec.terminal);
    EXPECT_EQ(exec.id, "7");
    EXPECT_EQ(parsed<ExecInfo>("[]").id, "");
    EXPECT_TRUE(parsed<std::vector<Finding>>("{}").empty());
}

}  // namespace
}  // namespace xctl::api
