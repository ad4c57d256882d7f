// SPDX-License-Identifier: LGPL-2.1-or-later
// Looking up and patching values of a JSON document.
#include "lib/oci/document.hpp"

#include <algorithm>
#include <utility>

namespace xctl::oci {
namespace {

Object::iterator lower_bound(Object& object, std::string_view name) {
    return std::ranges::lower_bound(object, name, {}, [](const Member& m) -> std::string_view { return m.name; });
}

/// Both are sorted, so one pass over both makes the sorted result.
Object merged(Object target, Object patch) {
    Object out;
    out.reserve(target.size() + patch.size());
    auto from = target.begin();
    for (auto& change : patch) {
        const auto at = lower_bound(target, change.name);
        std::move(from, at, std::back_inserter(out));
        const bool known = at != target.end() && at->name == change.name;
        from = known ? at + 1 : at;
        if (change.value.is_null()) continue;
        Member member{std::move(change.name), known ? std::move(at->value) : Value{}};
        merge_patch(member.value, std::move(change.value));
        out.push_back(std::move(member));
    }
    std::move(from, target.end(), std::back_inserter(out));
    return out;
}

}  // namespace

std::string pointer_token(std::string_view name) {
    std::string out;
    for (const char c : name) {
        if (c == '~' || c == '/')
            out += c == '~' ? "~0" : "~1";
        else
            out += c;
    }
    return out;
}

const Value* find_member(const Object& object, std::string_view name) {
    const auto at =
        std::ranges::lower_bound(object, name, {}, [](const Member& m) -> std::string_view { return m.name; });
    return at != object.end() && at->name == name ? &at->value : nullptr;
}

void merge_patch(Value& target, Value patch) {
    auto* changes = std::get_if<Object>(&patch.data);
    if (changes == nullptr) {
        target = std::move(patch);
        return;
    }
    auto* object = std::get_if<Object>(&target.data);
    target.data = merged(object != nullptr ? std::move(*object) : Object{}, std::move(*changes));
}

}  // namespace xctl::oci
