// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/answer_size.hpp"

#include <format>

#include "api/limits.hpp"

namespace xctl::transport {
namespace {

constexpr std::size_t kOfField = 48;  // its name, its type and a number

std::size_t size_of(const auto&) { return kOfField; }
std::size_t size_of(const std::string& text) { return kOfField + text.size(); }
std::size_t size_of(const std::vector<std::string>& words) {
    std::size_t size = kOfField;
    for (const auto& word : words) size += size_of(word);
    return size;
}

template <api::Structure T>
std::size_t size_of(const T& value) {
    std::size_t size = 0;
    for (const auto& row : api::Described<T>::kFields)
        size += std::visit([&](auto member) { return size_of(value.*member); }, row.member);
    return size;
}

template <api::Structure T>
std::size_t size_of(const std::vector<T>& values) {
    std::size_t size = 0;
    for (const auto& value : values) size += size_of(value);
    return size;
}

}  // namespace

Result<> check_size(const api::VerbRow& verb, const api::Reply& reply) {
    std::size_t size = 0;
    for (const auto output : verb.outputs)
        size += api::visit_output(output, reply, [](const auto& value) { return size_of(value); });
    if (size <= api::kMaxAnswerBytes) return {};
    return fail(Errc::unsupported, std::format("cannot send the answer: it has {} bytes, and at most {} are sent", size,
                                               api::kMaxAnswerBytes));
}

}  // namespace xctl::transport
