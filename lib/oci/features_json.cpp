// SPDX-License-Identifier: LGPL-2.1-or-later
#include <nlohmann/json.hpp>

#include "lib/oci/features.hpp"
#include "lib/oci/mount_options.hpp"
#include "lib/oci/names.hpp"

namespace xctl::oci {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kIndent = 4;

template <class Rows>
Json names_of(const Rows& rows) {
    Json out = Json::array();
    for (const auto& row : rows)
        if (!row.name.empty()) out.push_back(row.name);
    return out;
}

Json architectures() {
    Json out = Json::array();
    for (const auto name : kSeccompArchitectures) out.push_back("SCMP_ARCH_" + std::string(name));
    return out;
}

Json seccomp() {
    return {{"enabled", true},
            {"actions", names_of(kSeccompActionNames)},
            {"operators", names_of(kSeccompOperatorNames)},
            {"archs", architectures()},
            {"knownFlags", names_of(kSeccompFlagNames)},
            {"supportedFlags", names_of(kSeccompFlagNames)}};
}

Json linux_features(const RuntimeFacts& facts) {
    const Json enabled{{"enabled", true}};
    Json out;
    out["namespaces"] = names_of(kNamespaceNames);
    out["capabilities"] = facts.capabilities;
    out["cgroup"] = {{"v1", false},
                     {"v2", true},
                     {"systemd", facts.systemd},
                     {"systemdUser", facts.systemd_user},
                     {"rdma", true}};
    out["seccomp"] = seccomp();
    out["apparmor"] = enabled;
    out["selinux"] = enabled;
    out["intelRdt"] = {{"enabled", true}, {"schemata", true}, {"monitoring", true}};
    out["memoryPolicy"] = {{"modes", names_of(kMemoryPolicyModeNames)}, {"flags", names_of(kMemoryPolicyFlagNames)}};
    out["mountExtensions"]["idmap"] = enabled;
    out["netDevices"] = enabled;
    return out;
}

}  // namespace

std::string features_document(const RuntimeFacts& facts) {
    Json out;
    out["ociVersionMin"] = "1.0.0";
    out["ociVersionMax"] = "1.3.0";
    out["hooks"] = {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"};
    out["mountOptions"] = names_of(kMountOptions);
    out["linux"] = linux_features(facts);
    out["annotations"] = facts.annotations;
    out["potentiallyUnsafeConfigAnnotations"] = facts.unsafe_annotations;
    return out.dump(kIndent);
}

}  // namespace xctl::oci
