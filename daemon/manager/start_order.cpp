// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/manager/start_order.hpp"

#include <algorithm>
#include <format>
#include <set>

#include "lib/base/text.hpp"

namespace xctl::manager {
namespace {

/// The wanted ones with everything that they require, directly or not.
Result<std::set<std::string>> with_required(const std::vector<std::string>& wanted, const OrderingLookup& lookup) {
    std::set<std::string> all;
    auto left = wanted;
    while (!left.empty()) {
        const auto name = std::move(left.back());
        left.pop_back();
        if (!all.insert(name).second) continue;
        const auto ordering = lookup(name);
        if (!ordering) return fail(Errc::not_found, "no container " + xctl::quoted(name));
        for (const auto& required : ordering->required) {
            if (!lookup(required))
                return fail(Errc::not_found,
                            std::format("{} requires {}: no such container", name, xctl::quoted(required)));
            left.push_back(required);
        }
    }
    return all;
}

/// Depth first: whatever is reached while it is being visited itself is a circle.
class Visitor {
public:
    Visitor(const std::set<std::string>& all, const OrderingLookup& lookup) : all_(all), lookup_(lookup) {}

    Result<> visit(const std::string& name) {
        if (std::ranges::contains(order_, name) || !all_.contains(name)) return {};
        if (const auto at = std::ranges::find(path_, name); at != path_.end())
            return fail(Errc::invalid_document,
                        std::format("a circle of containers that come after each other: {} -> {}",
                                    join({at, path_.end()}, " -> "), name));
        path_.push_back(name);
        const auto ordering = lookup_(name).value_or(Ordering{});
        for (const auto* names : {&ordering.required, &ordering.after})
            for (const auto& earlier : *names) TRY(visit(earlier));
        path_.pop_back();
        order_.push_back(name);
        return {};
    }
    [[nodiscard]] std::vector<std::string> order() && { return std::move(order_); }

private:
    const std::set<std::string>& all_;
    const OrderingLookup& lookup_;
    std::vector<std::string> path_, order_;
};

/// All that it requires or comes after, directly or not, as far as it is there.
std::vector<std::string> reach(const std::string& name, const OrderingLookup& lookup) {
    std::vector<std::string> all;
    std::vector<std::string> left{name};
    while (!left.empty()) {
        auto next = std::move(left.back());
        left.pop_back();
        const auto ordering = std::ranges::contains(all, next) ? std::nullopt : lookup(next);
        if (!ordering) continue;
        for (const auto* names : {&ordering->required, &ordering->after}) left.insert(left.end(), names->begin(), names->end());
        all.push_back(std::move(next));
    }
    return all;
}

}  // namespace

Result<> check_order(const std::string& name, const OrderingLookup& lookup) {
    TRY(start_order({name}, lookup));
    const auto together = start_order(reach(name, lookup), lookup);
    if (!together && together.error().code == Errc::invalid_document) return std::unexpected(together.error());
    return {};
}

Result<std::vector<std::string>> start_order(const std::vector<std::string>& wanted, const OrderingLookup& lookup) {
    const auto all = TRY(with_required(wanted, lookup));
    Visitor visitor(all, lookup);
    for (const auto& name : wanted) TRY(visitor.visit(name));
    return std::move(visitor).order();
}

}  // namespace xctl::manager
