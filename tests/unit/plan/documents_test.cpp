// SPDX-License-Identifier: LGPL-2.1-or-later
// Whole documents from tests/data: good/ compiles, the archives of bad/ say how each of their documents is refused, and
// golden/ has plans. With XCTL_UPDATE_GOLDEN in the environment the texts are written instead of compared.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include "lib/plan/codec.hpp"
#include "lib/oci/spec_json.hpp"
#include "lib/plan/compile.hpp"
#include "lib/plan/explain.hpp"
#include "tests/support/archive.hpp"

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

std::vector<fs::path> files(std::string_view folder, std::string_view extension) {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(kData / folder))
        if (entry.path().extension() == extension) out.push_back(entry.path());
    std::ranges::sort(out);
    return out;
}

std::vector<fs::path> good_documents() { return files("good", ".json"); }

Result<Compiled> compiled_text(const std::string& text) {
    return compile_document(text, "config.json", {}, "/bundle", "box", {});
}

Result<Compiled> compiled(const fs::path& path) { return compiled_text(read_text(path)); }

bool is_updating() { return std::getenv("XCTL_UPDATE_GOLDEN") != nullptr; }

void write_text(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

void expect_text(const fs::path& path, const std::string& text) {
    if (is_updating()) write_text(path, text);
    EXPECT_EQ(read_text(path), text) << path;
}

/// A document NAME.json of an archive, with the error that its NAME.txt expects.
struct Refusal {
    std::string name;
    std::string document;
    std::optional<std::string> error;
};

std::vector<Refusal> refusals(const test::Archive& archive) {
    std::vector<Refusal> out;
    for (const auto& [name, text] : archive.parts) {
        if (name.ends_with(".json"))
            out.push_back({fs::path(name).stem().string(), text, {}});
        else if (!out.empty() && name == out.back().name + ".txt" && !out.back().error)
            out.back().error = text;
        else
            ADD_FAILURE() << name << " does not follow the document of its name";
    }
    return out;
}

std::string archive_text(const std::string& comment, const std::vector<Refusal>& cases) {
    auto text = comment + "\n";
    for (const auto& [name, document, error] : cases) {
        text += "\n-- " + name + ".json --\n" + document + "\n";
        text += "-- " + name + ".txt --\n" + error.value_or("") + "\n";
    }
    return text;
}

/// Compares how a document is refused with what its archive expects, or notes it there.
void check_refusal(Refusal& refusal, Errc code) {
    SCOPED_TRACE(refusal.name);
    const auto result = compiled_text(refusal.document);
    ASSERT_FALSE(result) << "the document was accepted";
    EXPECT_EQ(result.error().code, code);
    if (is_updating()) refusal.error = result.error().message;
    ASSERT_TRUE(refusal.error) << "the archive does not say how the document is refused";
    EXPECT_EQ(*refusal.error, result.error().message);
}

TEST(GoodDocuments, Compile) {
    const auto paths = good_documents();
    EXPECT_GT(paths.size(), 50U);
    for (const auto& path : paths) {
        const auto result = compiled(path);
        EXPECT_TRUE(result) << path << ": " << result.error().message;
    }
}

TEST(GoodDocuments, HaveUnknownMembersWhereTheirNameSaysSo) {
    const std::string of_windows = "/process/user/username";
    for (const auto& path : good_documents()) {
        auto unknown = oci::list_unknown_members(read_text(path), "f", {}).value();
        std::erase(unknown, of_windows);
        EXPECT_EQ(unknown.empty(), path.stem() != "unknown-properties") << path << ": " << testing::PrintToString(unknown);
    }
}

TEST(BadDocuments, AreRefusedWithPlaceAndRule) {
    std::set<std::string> names;
    for (const auto& path : files("bad", ".txt")) {
        SCOPED_TRACE(path);
        const auto archive = test::parse_archive(read_text(path));
        EXPECT_FALSE(archive.comment.empty()) << "the archive does not say its rule";
        auto cases = refusals(archive);
        EXPECT_FALSE(cases.empty());
        for (auto& refusal : cases) {
            EXPECT_TRUE(names.insert(refusal.name).second) << refusal.name << " is there twice";
            check_refusal(refusal, path.stem() == "unsupported" ? Errc::unsupported : Errc::invalid_document);
        }
        if (is_updating()) write_text(path, archive_text(archive.comment, cases));
    }
    EXPECT_GE(names.size(), 179U);
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
    for (const auto& path : good_documents()) {
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
