// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/oci/config_types.hpp"

#include <concepts>
#include <tuple>
#include <vector>

#include "lib/base/traits.hpp"
#include "lib/oci/linux_fields.hpp"
#include "lib/oci/process_fields.hpp"
#include "lib/oci/root_fields.hpp"

namespace xctl::oci {
namespace {

using Path = std::span<const std::string>;

template <class T>
constexpr ConfigType type_of() {
    if constexpr (std::same_as<T, bool>)
        return ConfigType::flag;
    else if constexpr (std::integral<T>)
        return ConfigType::number;
    else if constexpr (std::same_as<T, std::string> || std::is_enum_v<T>)
        return ConfigType::text;
    else if constexpr (std::same_as<T, std::vector<std::string>>)
        return ConfigType::words;
    else
        return ConfigType::other;
}

template <class T>
std::optional<ConfigType> type_at(Path path) {
    if constexpr (kIsOptional<T>) {
        return type_at<typename T::value_type>(path);
    } else if (path.empty()) {
        return type_of<T>();
    } else if constexpr (kIsMap<T>) {
        return type_at<typename T::mapped_type>(path.subspan(1));
    } else if constexpr (requires { std::tuple_size<std::remove_cvref_t<decltype(kFields<T>)>>::value; }) {
        std::optional<ConfigType> found;
        const auto look = [&]<class Struct, class Member>(const Field<Struct, Member>& field) {
            if (field.name != path.front()) return;
            // A reader of its own may take another type than that of the member.
            const bool is_plain = field.read == &read_value<Member>;
            found = is_plain ? type_at<Member>(path.subspan(1)) : ConfigType::other;
        };
        std::apply([&](const auto&... field) { (look(field), ...); }, kFields<T>);
        return found;
    } else {
        return std::nullopt;
    }
}

}  // namespace

std::optional<ConfigType> config_type_of(Path path) { return type_at<Spec>(path); }

}  // namespace xctl::oci
