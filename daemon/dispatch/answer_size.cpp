// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/dispatch/answer_size.hpp"

#include <format>
#include <numeric>

#include "api/encode.hpp"
#include "api/limits.hpp"

namespace xctl::dispatch {
namespace {

constexpr std::size_t kOfField = 48;  // its name, its type and a number

struct SizeWriter {
    struct Object {
        std::size_t size = 0;
        void add(std::string_view, std::size_t of_value) { size += of_value; }
    };
    static constexpr auto kLeavesOut = api::LeavesOut::nothing;

    static std::size_t text(const std::string& value) { return kOfField + value.size(); }
    static std::size_t flag(bool) { return kOfField; }
    static std::size_t number(auto) { return kOfField; }
    static std::size_t nothing() { return kOfField; }
    static std::size_t list(const std::vector<std::size_t>& sizes) {
        return std::accumulate(sizes.begin(), sizes.end(), kOfField);
    }
    static std::size_t finish(const Object& object) { return object.size; }
};

}  // namespace

Result<> check_size(const api::VerbRow& verb, const api::Reply& reply) {
    SizeWriter writer;
    SizeWriter::Object all;
    TRY(api::write_reply(writer, all, verb, reply, [&](std::string_view name, const UniqueFd&) -> Result<> {
        all.add(name, kOfField);
        return {};
    }));
    if (all.size <= api::kMaxAnswerBytes) return {};
    return fail(Errc::unsupported, std::format("cannot send the answer: it has {} bytes, and at most {} are sent",
                                               all.size, api::kMaxAnswerBytes));
}

}  // namespace xctl::dispatch
