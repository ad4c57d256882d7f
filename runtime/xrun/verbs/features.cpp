// SPDX-License-Identifier: LGPL-2.1-or-later
// features: what this runtime can do; it asks nothing of the kernel.
#include "lib/oci/features.hpp"

#include "lib/kernel/capabilities.hpp"
#include "runtime/xrun/verbs.hpp"

namespace xctl::runtime {
namespace {

constexpr unsigned kCapabilityLimit = 64;

std::vector<std::string> known_capabilities() {
    std::vector<std::string> out;
    for (unsigned number = 0; number < kCapabilityLimit; ++number)
        if (auto name = kernel::capability_name(number); kernel::capability_number(name) == number)
            out.push_back(std::move(name));
    return out;
}

}  // namespace

Result<int> verb_features(const Arguments&) {
    const oci::RuntimeFacts facts{.capabilities = known_capabilities(),
                                  .systemd = true,
                                  .systemd_user = true,
                                  .annotations = {},
                                  .unsafe_annotations = {"org.systemd.property."}};
    TRY(print(oci::features_document(facts) + "\n"));
    return 0;
}

}  // namespace xctl::runtime
