// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/manager/start_order.hpp"

#include <algorithm>
#include <format>
#include <set>

#include "lib/base/text.hpp"

namespace xctl::manager {
namespace {

/// The wanted ones with everything that they require, directly or not.
Result<std::set<ContainerId>> with_required(const std::vector<ContainerId>& wanted, const OrderingLookup& lookup) {
    std::set<ContainerId> all;
    auto left = wanted;
    while (!left.empty()) {
        const auto id = std::move(left.back());
        left.pop_back();
        if (!all.insert(id).second) continue;
        const auto ordering = lookup(id);
        if (!ordering) return fail(Errc::not_found, "no container " + xctl::quoted(id.str()));
        for (const auto& required : ordering->required) {
            if (!lookup(required))
                return fail(Errc::not_found,
                            std::format("{} requires {}: no such container", id.str(), xctl::quoted(required.str())));
            left.push_back(required);
        }
    }
    return all;
}

std::vector<std::string> texts(const std::vector<ContainerId>& ids) {
    std::vector<std::string> out;
    for (const auto& id : ids) out.push_back(id.str());
    return out;
}

/// Depth first: whatever is reached while it is being visited itself is a circle.
class Visitor {
public:
    Visitor(const std::set<ContainerId>& all, const OrderingLookup& lookup) : all_(all), lookup_(lookup) {}

    Result<> visit(const ContainerId& id) {
        if (std::ranges::contains(order_, id) || !all_.contains(id)) return {};
        if (const auto at = std::ranges::find(path_, id); at != path_.end())
            return fail(Errc::invalid_document,
                        std::format("a circle of containers that come after each other: {} -> {}",
                                    join(texts({at, path_.end()}), " -> "), id.str()));
        path_.push_back(id);
        const auto ordering = lookup_(id).value_or(Ordering{});
        for (const auto* names : {&ordering.required, &ordering.after})
            for (const auto& earlier : *names) TRY(visit(earlier));
        path_.pop_back();
        order_.push_back(id);
        return {};
    }
    [[nodiscard]] std::vector<ContainerId> order() && { return std::move(order_); }

private:
    const std::set<ContainerId>& all_;
    const OrderingLookup& lookup_;
    std::vector<ContainerId> path_, order_;
};

/// All that it requires or comes after, directly or not, as far as it is there.
std::vector<ContainerId> reach(const ContainerId& id, const OrderingLookup& lookup) {
    std::vector<ContainerId> all;
    std::vector<ContainerId> left{id};
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

Result<> check_order(const ContainerId& id, const OrderingLookup& lookup) {
    TRY(start_order({id}, lookup));
    const auto together = start_order(reach(id, lookup), lookup);
    if (!together && together.error().code == Errc::invalid_document) return std::unexpected(together.error());
    return {};
}

Result<std::vector<ContainerId>> start_order(const std::vector<ContainerId>& wanted, const OrderingLookup& lookup) {
    const auto all = TRY(with_required(wanted, lookup));
    Visitor visitor(all, lookup);
    for (const auto& id : wanted) TRY(visitor.visit(id));
    return std::move(visitor).order();
}

}  // namespace xctl::manager
