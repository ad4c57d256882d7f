// SPDX-License-Identifier: LGPL-2.1-or-later
// The fields of a profile of system calls.
#include <errno.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <format>

#include "lib/base/text.hpp"
#include "lib/oci/fields.hpp"
#include "lib/oci/names.hpp"
#include "lib/oci/seccomp_profile.hpp"

namespace xctl::oci {
namespace {

constexpr int kBase16 = 16;
constexpr std::uint32_t kLastArgument = 5;

constexpr std::array<Named<int>, 5> kAnswers{{
    {"allow", 0},
    {"EPERM", EPERM},
    {"EACCES", EACCES},
    {"EINVAL", EINVAL},
    {"ENOSYS", ENOSYS},
}};
static_assert(names_are_unique(kAnswers));

Result<> read_answer(const Value& value, const Place& place, int& out) {
    return read_word<kAnswers>(value, place, out);
}

Result<> read_bits(const Value& value, const Place& place, Bits& out) {
    if (const auto* number = value.get<std::uint64_t>()) {
        out.value = *number;
        return {};
    }
    if (const auto* text = value.get<std::string>(); text != nullptr && text->starts_with("0x")) {
        const auto* end = text->data() + text->size();
        const auto [at, error] = std::from_chars(text->data() + 2, end, out.value, kBase16);
        if (error == std::errc{} && at == end) return {};
    }
    return refuse(place, "must be a whole number, not negative, or its digits as \"0x...\"");
}

Result<> read_all_bits(const Value& value, const Place& place, std::vector<Bits>& out) {
    const auto* array = value.get<Array>();
    if (array == nullptr || array->empty()) return refuse(place, "must be an array of at least one number");
    for (std::size_t i = 0; i < array->size(); ++i)
        TRY(read_bits((*array)[i], Place{&place, {}, i}, out.emplace_back()));
    return {};
}

Result<> read_calls(const Value& value, const Place& place, std::vector<std::string>& out) {
    TRY(read_value(value, place, out));
    if (out.empty()) return refuse(place, "must be an array of at least one string");
    return {};
}

/// A struct whose properties are all of its object's.
template <class T>
Result<> read_closed(const Value& value, const Place& place, T& out) {
    TRY(read_struct(value, place, out));
    for (const auto& member : *value.get<Object>()) {
        const bool known =
            std::apply([&](const auto&... field) { return ((field.name == member.name) || ...); }, kFields<T>);
        if (!known) return refuse(Place{&place, member.name}, "is not a property of a profile");
    }
    return {};
}

Result<> read_rules(const Value& value, const Place& place, std::vector<ProfileRule>& out);
Result<> read_condition(const Value& value, const Place& place, std::optional<ProfileCondition>& out);

}  // namespace

template <>
inline constexpr auto kFields<ProfileCondition> = std::tuple{
    required("argument", &ProfileCondition::argument),
    Field<ProfileCondition, Bits>{"mask", &ProfileCondition::mask, &read_bits, true, {}},
    Field<ProfileCondition, std::vector<Bits>>{"in", &ProfileCondition::values, &read_all_bits, true, {}},
};

template <>
inline constexpr auto kFields<ProfileRule> = std::tuple{
    required("name", &ProfileRule::name),
    optional("comment", &ProfileRule::comment),
    Field<ProfileRule, std::vector<std::string>>{"calls", &ProfileRule::calls, &read_calls, true, {}},
    Field<ProfileRule, int>{"answer", &ProfileRule::answer, &read_answer, false, {}},
    optional("capabilities", &ProfileRule::capabilities),
    optional("withoutCapabilities", &ProfileRule::without_capabilities),
    Field<ProfileRule, std::optional<ProfileCondition>>{"when", &ProfileRule::when, &read_condition, false, {}},
};

template <>
inline constexpr auto kFields<SeccompProfile> = std::tuple{
    optional("comment", &SeccompProfile::comment),
    Field<SeccompProfile, int>{"default", &SeccompProfile::answer, &read_answer, true, {}},
    required("architectures", &SeccompProfile::architectures),
    Field<SeccompProfile, std::vector<ProfileRule>>{"rules", &SeccompProfile::rules, &read_rules, true, {}},
};

namespace {

Result<> read_condition(const Value& value, const Place& place, std::optional<ProfileCondition>& out) {
    auto& condition = out.emplace();
    TRY(read_closed(value, place, condition));
    if (condition.argument > kLastArgument)
        return refuse(Place{&place, "argument"}, std::format("must be a whole number from 0 to {}", kLastArgument));
    for (std::size_t i = 0; i < condition.values.size(); ++i) {
        const Place values{&place, "in"};
        if ((condition.values[i].value & ~condition.mask.value) != 0)
            return refuse(Place{&values, {}, i}, "has bits that the mask has not: it would never match");
    }
    return {};
}

Result<> read_rules(const Value& value, const Place& place, std::vector<ProfileRule>& out) {
    const auto* array = value.get<Array>();
    if (array == nullptr) return refuse(place, "must be an array");
    for (std::size_t i = 0; i < array->size(); ++i)
        TRY(read_closed((*array)[i], Place{&place, {}, i}, out.emplace_back()));
    return {};
}

Result<> check_architectures(const SeccompProfile& profile, const Place& root) {
    const Place place{&root, "architectures"};
    const auto is_known = [](std::string_view name) {
        return std::ranges::any_of(kSeccompArchitectures, [&](std::string_view known) {
            return std::ranges::equal(known, name, [](char upper, char lower) {
                return upper == lower ? upper < 'A' || upper > 'Z' : upper - 'A' + 'a' == lower;
            });
        });
    };
    for (const auto& [machine, others] : profile.architectures) {
        const Place here{&place, machine};
        if (!is_known(machine)) return refuse(here, "is not an architecture");
        for (std::size_t i = 0; i < others.size(); ++i)
            if (!is_known(others[i])) return refuse(Place{&here, {}, i}, "is not an architecture");
    }
    return {};
}

Result<> read_profile(const Value& document, SeccompProfile& out) {
    const Place root{};
    TRY(read_closed(document, root, out));
    if (out.answer == 0) return refuse(Place{&root, "default"}, "must not be \"allow\"");
    return check_architectures(out, root);
}

}  // namespace

Result<SeccompProfile> parse_seccomp_profile(std::string_view text, std::string_view file_name) {
    const auto document = TRY(parse_document(text, file_name));
    SeccompProfile out;
    TRY(read_profile(document, out), file_name);
    return out;
}

}  // namespace xctl::oci
