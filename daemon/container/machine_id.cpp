// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/container/machine_id.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "lib/plan/environment.hpp"

namespace xctl::container {
namespace {

constexpr std::string_view kVariable = "container_uuid";
/// Tells numbers that we derive from the host's from those that others do.
constexpr sd_id128_t kApplication = SD_ID128_ARRAY(a8, 61, 0f, 61, ba, 81, 43, c1, b1, 35, 48, 64, a9, 87, 3d, d8);

std::vector<std::uint8_t> bytes_of(const sd_id128_t& id) { return {std::begin(id.bytes), std::end(id.bytes)}; }

}  // namespace

sd_id128_t host_id() {
    sd_id128_t id{};
    return sd_id128_get_machine_app_specific(kApplication, &id) < 0 ? sd_id128_t{} : id;
}

std::vector<std::uint8_t> machine_id(const std::string& name, const std::vector<std::string>& env,
                                     const sd_id128_t& host) {
    sd_id128_t id{};
    for (const auto& entry : env)
        if (plan::env_name(entry) == kVariable && entry.size() > kVariable.size() &&
            sd_id128_from_string(entry.c_str() + kVariable.size() + 1, &id) >= 0 && !sd_id128_is_null(id))
            return bytes_of(id);
    if (sd_id128_is_null(host)) return {};
    id = host;
    // Each step is an HMAC of one more piece of the name.
    for (std::size_t at = 0; at < name.size(); at += sizeof id.bytes) {
        sd_id128_t piece{};
        std::ranges::copy(std::string_view(name).substr(at, sizeof piece.bytes), piece.bytes);
        if (sd_id128_get_app_specific(id, piece, &id) < 0) return {};
    }
    return bytes_of(id);
}

}  // namespace xctl::container
