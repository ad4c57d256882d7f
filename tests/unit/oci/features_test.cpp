// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/oci/features.hpp"

#include <gtest/gtest.h>

#include "lib/oci/document.hpp"

namespace xctl::oci {
namespace {

const Value& member(const Value& value, std::string_view path) {
    const Value* at = &value;
    while (!path.empty()) {
        const auto slash = path.find('/');
        at = find_member(*at->get<Object>(), path.substr(0, slash));
        EXPECT_NE(at, nullptr) << path;
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    }
    return *at;
}

bool lists(const Value& array, std::string_view word) {
    for (const auto& element : *array.get<Array>())
        if (*element.get<std::string>() == word) return true;
    return false;
}

TEST(Features, HaveTheWordsOfTheTables) {
    const auto document = parse_document(
        features_document({.capabilities = {"CAP_KILL"}, .annotations = {{"a", "b"}}, .unsafe_annotations = {"x."}}),
        "f");
    ASSERT_TRUE(document) << document.error().message;
    for (const auto& [path, word] : {std::pair{"hooks", "startContainer"}, std::pair{"mountOptions", "ridmap"},
                                     std::pair{"linux/namespaces", "time"}, std::pair{"linux/capabilities", "CAP_KILL"},
                                     std::pair{"linux/seccomp/actions", "SCMP_ACT_NOTIFY"},
                                     std::pair{"linux/seccomp/operators", "SCMP_CMP_MASKED_EQ"},
                                     std::pair{"linux/seccomp/archs", "SCMP_ARCH_LOONGARCH64"},
                                     std::pair{"linux/seccomp/supportedFlags", "SECCOMP_FILTER_FLAG_TSYNC"},
                                     std::pair{"linux/memoryPolicy/modes", "MPOL_BIND"},
                                     std::pair{"linux/memoryPolicy/flags", "MPOL_F_STATIC_NODES"},
                                     std::pair{"potentiallyUnsafeConfigAnnotations", "x."}})
        EXPECT_TRUE(lists(member(*document, path), word)) << path << " lacks " << word;
    EXPECT_EQ(*member(*document, "ociVersionMax").get<std::string>(), "1.3.0");
    EXPECT_TRUE(*member(*document, "linux/intelRdt/enabled").get<bool>());
    EXPECT_FALSE(*member(*document, "linux/cgroup/systemd").get<bool>());
    EXPECT_EQ(*member(*document, "annotations/a").get<std::string>(), "b");
}

}  // namespace
}  // namespace xctl::oci
