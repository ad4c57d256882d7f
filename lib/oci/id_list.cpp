// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/oci/id_list.hpp"

#include "lib/base/text.hpp"

namespace xctl::oci {
namespace {

constexpr std::uint64_t kLastId = 8191;  // of CPUs, the kernel's CONFIG_NR_CPUS at its highest
constexpr std::uint64_t kBits = 64;

}  // namespace

Result<std::vector<std::uint64_t>> parse_id_list(std::string_view text) {
    std::vector<std::uint64_t> out;
    if (text.empty()) return out;
    for (const std::string& range : split(text, ',')) {
        const auto dash = range.find('-');
        const auto first = TRY(parse_unsigned(std::string_view(range).substr(0, dash)));
        const auto last =
            dash == std::string::npos ? first : TRY(parse_unsigned(std::string_view(range).substr(dash + 1)));
        if (first > last || last > kLastId)
            return fail(Errc::invalid_argument, xctl::quoted(range) + " is not a range");
        if (out.size() <= last / kBits) out.resize(last / kBits + 1);
        for (auto id = first; id <= last; ++id) out[id / kBits] |= std::uint64_t{1} << id % kBits;
    }
    return out;
}

}  // namespace xctl::oci
