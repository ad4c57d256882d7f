// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/dispatch/parts.hpp"

#include <algorithm>
#include <iterator>

namespace xctl::dispatch {
namespace {

template <class T>
bool move_rows(std::vector<T>& from, std::size_t& next, std::vector<T>& to) {
    const auto end = std::min(next + Parts::kRows, from.size());
    const auto at = [&](std::size_t row) { return std::move_iterator(from.begin() + static_cast<std::ptrdiff_t>(row)); };
    to.assign(at(next), at(end));
    next = end;
    return end == from.size();
}
template <class T>
bool move_rows(T& from, std::size_t&, T& to) {
    to = std::move(from);
    return true;
}

/// True if these are the last rows.
bool take_part(const api::VerbRow& verb, api::Reply& whole, std::size_t& next, api::Reply& part) {
    const auto take = [&](auto member) { return move_rows(whole.*member, next, part.*member); };
    return std::visit(take, api::output_row(verb.outputs.front()).member);
}

}  // namespace

void Parts::start(Sink sink, api::Reply reply) {
    send(deliveries_.emplace_back(std::move(sink), std::move(reply)));
}

void Parts::send(Delivery& delivery) {
    api::Reply part;
    if (take_part(delivery.sink->verb(), delivery.whole, delivery.next, part))
        delivery.sink->answer(std::move(part));
    else if (delivery.sink->part(part))
        return loop_.defer(delivery.turn, [this, &delivery](std::uint32_t) { send(delivery); });
    deliveries_.remove_if([&](const Delivery& row) { return &row == &delivery; });
}

}  // namespace xctl::dispatch
