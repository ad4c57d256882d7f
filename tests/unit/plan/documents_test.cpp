// SPDX-License-Identifier: LGPL-2.1-or-later
// Whole documents from tests/data: good/ compiles, bad/ fails with the text beside it, golden/ has the plans of
// three known documents. With XCTL_UPDATE_GOLDEN in the environment the texts are written instead of compared.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lib/plan/codec.hpp"
#include "lib/oci/spec_json.hpp"
#include "lib/plan/compile.hpp"
#include "lib/plan/explain.hpp"

namespace xctl::plan {
namespace {

namespace fs = std::filesystem;

const fs::path kData = XCTL_TEST_DATA;

std::string read_text(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

std::vector<fs::path> documents(std::string_view folder) {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(kData / folder))
        if (entry.path().extension() == ".json") out.push_back(entry.path());
    std::ranges::sort(out);
    return out;
}

Result<Compiled> compiled(const fs::path& path) {
    return compile_document(read_text(path), "config.json", {}, "/bundle", "box", {});
}

void expect_text(const fs::path& path, const std::string& text) {
    if (std::getenv("XCTL_UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << text;
    EXPECT_EQ(read_text(path), text) << path;
}

TEST(GoodDocuments, Compile) {
    const auto paths = documents("good");
    EXPECT_GT(paths.size(), 50U);
    for (const auto& path : paths) {
        const auto result = compiled(path);
        EXPECT_TRUE(result) << path << ": " << result.error().message;
    }
}

TEST(GoodDocuments, HaveUnknownMembersWhereTheirNameSaysSo) {
    const std::string of_windows = "/process/user/username";
    for (const auto& path : documents("good")) {
        auto unknown = oci::list_unknown_members(read_text(path), "f", {}).value();
        std::erase(unknown, of_windows);
        EXPECT_EQ(unknown.empty(), path.stem() != "unknown-properties") << path << ": " << testing::PrintToString(unknown);
    }
}

TEST(BadDocuments, AreRefusedWithPlaceAndRule) {
    const auto paths = documents("bad");
    EXPECT_GT(paths.size(), 170U);
    for (const auto& path : paths) {
        const auto result = compiled(path);
        if (result) {
            ADD_FAILURE() << path << " was accepted";
            continue;
        }
        EXPECT_TRUE(result.error().code == Errc::invalid_document || result.error().code == Errc::unsupported)
            << path;
        expect_text(fs::path(path).replace_extension(".txt"), result.error().message + "\n");
    }
}

TEST(BadDocuments, WhatWeLackIsUnsupportedAndNotInvalid) {
    for (const auto& path : documents("bad")) {
        if (!path.stem().string().starts_with("unsupported-")) continue;
        const auto result = compiled(path);
        ASSERT_FALSE(result) << path;
        EXPECT_EQ(result.error().code, Errc::unsupported) << path;
    }
}

TEST(Golden, PlansOfKnownDocuments) {
    for (const auto* name : {"thunder-config", "runc-spec", "crun-spec"}) {
        const auto result = compiled(kData / (std::string(name) + ".json"));
        ASSERT_TRUE(result) << result.error().message;
        expect_text(kData / "golden" / (std::string(name) + ".txt"), explain(result->plan));
    }
}

TEST(Golden, PlansOfSamples) {
    for (const auto* name : {"namespaces-all", "process-full", "mount-idmap", "mount-options-order",
                             "mount-parameters", "mount-paths", "devices", "resources", "sysctl"}) {
        const auto result = compiled(kData / "good" / (std::string(name) + ".json"));
        ASSERT_TRUE(result) << result.error().message;
        expect_text(kData / "golden" / (std::string(name) + ".txt"), explain(result->plan));
    }
}

TEST(Documents, ArePlansThatTravel) {
    for (const auto& path : documents("good")) {
        const auto plan = compiled(path).value().plan;
        const auto bytes = encode(plan);
        const auto decoded = decode(std::as_bytes(std::span(bytes)));
        ASSERT_TRUE(decoded) << path << ": " << decoded.error().message;
        EXPECT_EQ(encode(*decoded), bytes) << path;
        EXPECT_EQ(explain(*decoded), explain(plan)) << path;
    }
}

// A document that is cut off anywhere, or has a byte changed, is refused or compiles; it never does harm.
TEST(Documents, SurviveMutilation) {
    const auto text = read_text(kData / "thunder-config.json");
    for (std::size_t size = 0; size < text.size(); size += 7)
        EXPECT_FALSE(compile_document(text.substr(0, size), "c", {}, "/b", "x", {})) << size;
    for (std::size_t at = 0; at < text.size(); at += 3) {
        auto changed = text;
        changed[at] = static_cast<char>(changed[at] ^ 0x15);
        (void)compile_document(changed, "c", {}, "/b", "x", {});
    }
}

}  // namespace
}  // namespace xctl::plan
