// SPDX-License-Identifier: LGPL-2.1-or-later
// features: what this runtime can do; it asks nothing of the kernel.
#include <nlohmann/json.hpp>

#include "lib/kernel/capabilities.hpp"
#include "lib/oci/mount_options.hpp"
#include "lib/oci/names.hpp"
#include "runtime/verbs.hpp"

namespace xctl::runtime {
namespace {

using Json = nlohmann::ordered_json;

template <class Rows>
Json names_of(const Rows& rows) {
    Json out = Json::array();
    for (const auto& row : rows)
        if (!row.name.empty()) out.push_back(row.name);
    return out;
}

Json capabilities() {
    Json out = Json::array();
    for (unsigned number = 0; number < 64; ++number) {
        const auto name = kernel::capability_name(number);
        if (kernel::capability_number(name) == number) out.push_back(name);
    }
    return out;
}

Json seccomp_actions() {
    Json out = Json::array();
    for (const auto& row : oci::kSeccompActionNames)
        if (row.value != oci::SeccompAction::notify) out.push_back(row.name);
    return out;
}

Json linux_features() {
    Json out;
    out["namespaces"] = names_of(oci::kNamespaceNames);
    out["capabilities"] = capabilities();
    out["cgroup"] = {{"v1", false}, {"v2", true}, {"systemd", false}, {"systemdUser", false}, {"rdma", false}};
    out["seccomp"] = {{"enabled", true},
                      {"actions", seccomp_actions()},
                      {"operators", names_of(oci::kSeccompOperatorNames)},
                      {"archs", oci::kSeccompArchitectures},
                      {"supportedFlags", names_of(oci::kSeccompFlagNames)}};
    out["apparmor"]["enabled"] = false;
    out["selinux"]["enabled"] = false;
    out["intelRdt"]["enabled"] = false;
    out["mountExtensions"]["idmap"]["enabled"] = true;
    out["netDevices"]["enabled"] = false;
    return out;
}

}  // namespace

Result<int> verb_features(const Arguments&) {
    Json out;
    out["ociVersionMin"] = "1.0.0";
    out["ociVersionMax"] = "1.3.0";
    out["hooks"] = {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"};
    out["mountOptions"] = names_of(oci::kMountOptions);
    out["linux"] = linux_features();
    out["annotations"] = Json::object();
    out["potentiallyUnsafeConfigAnnotations"] = Json::array();
    TRY(print(out.dump(4) + "\n"));
    return 0;
}

}  // namespace xctl::runtime
