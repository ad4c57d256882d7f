// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/dispatch/several.hpp"

#include <format>
#include <set>
#include <string_view>

#include "api/errors.hpp"
#include "api/limits.hpp"
#include "lib/base/text.hpp"
#include "lib/base/utf8.hpp"

namespace xctl::dispatch {

Outcomes::Outcomes(const std::vector<std::string>& names, Sink sink) : sink_(std::move(sink)), missing_(names.size()) {
    for (const auto& name : names) reply_.outcomes.push_back({.name = name, .error = {}, .message = {}});
}

void Outcomes::failed(std::size_t index, const Error& error) {
    auto& outcome = reply_.outcomes[index];
    outcome.error = api::error_row(error.code).name;
    outcome.message = shortened(valid_utf8(error.message), api::kMaxMessageBytes);
    count();
}

void Outcomes::count() {
    if (--missing_ == 0) sink_->answer(std::move(reply_));
}

Result<> check_names(const api::VerbRow& verb, const std::vector<std::string>& names) {
    if (!verb.several) return fail(Errc::invalid_argument, std::format("{} takes one name", verb.method));
    if (names.size() > api::kMaxNames)
        return fail(Errc::invalid_argument, std::format("a call has at most {} names", api::kMaxNames));
    std::set<std::string_view> seen;
    for (const auto& name : names)
        if (!seen.insert(name).second)
            return fail(Errc::invalid_argument, std::format("{} is named twice", xctl::quoted(name)));
    return {};
}

}  // namespace xctl::dispatch
