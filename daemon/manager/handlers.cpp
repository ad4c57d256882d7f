// SPDX-License-Identifier: LGPL-2.1-or-later
// The table of handlers: a row for each verb but events, which is an observer's matter.
#include <algorithm>
#include <array>

#include "daemon/manager/manager.hpp"

namespace xctl::manager {

using api::Verb;

struct Manager::Handlers {
    struct Row {
        Verb value;
        void (*handle)(Manager& manager, api::Request& request, const Done& done, const Progress& progress);
    };

    template <class Arguments>
    static std::type_identity<Arguments> arguments_of(void (Manager::*)(const Call<Arguments>&));

    /// Names become ids here, and everything behind it takes ids.
    template <class Arguments, auto Method>
    static void handle(Manager& manager, api::Request& request, const Done& done, const Progress& progress) {
        auto& arguments = request.as<Arguments>();
        if constexpr (api::NamesContainer<Arguments>) {
            const auto id = ContainerId::parse(arguments.name);
            if (!id) return done(std::unexpected(id.error()));
            (manager.*Method)({*id, arguments, request.context, done, progress});
        } else {
            (manager.*Method)({request.context, done});
        }
    }

    template <Verb Value, auto Method>
    static consteval Row row() {
        using Arguments = decltype(arguments_of(Method))::type;
        static_assert(api::kRequestIndex<Arguments> == api::verb_row(Value).params.request(),
                      "the handler takes the request of another verb");
        return {Value, handle<Arguments, Method>};
    }

    static const Row* find(Verb verb);
};

const Manager::Handlers::Row* Manager::Handlers::find(Verb verb) {
    static constexpr std::array kRows{
        row<Verb::create, &Manager::create>(), row<Verb::start, &Manager::start>(), row<Verb::run, &Manager::run>(),
        row<Verb::stop, &Manager::stop>(), row<Verb::restart, &Manager::restart>(), row<Verb::kill, &Manager::kill>(),
        row<Verb::remove, &Manager::remove>(), row<Verb::list, &Manager::list>(), row<Verb::state, &Manager::state>(),
        row<Verb::attach, &Manager::attach>(), row<Verb::logs, &Manager::logs>(), row<Verb::wait, &Manager::wait>(),
        row<Verb::enable, &Manager::enable>(), row<Verb::disable, &Manager::disable>(),
        row<Verb::cat, &Manager::cat>(), row<Verb::explain, &Manager::explain>(), row<Verb::diff, &Manager::diff>(),
        row<Verb::verify, &Manager::verify>(), row<Verb::edit, &Manager::edit>(), row<Verb::set, &Manager::set>(),
        row<Verb::pause, &Manager::pause>(), row<Verb::resume, &Manager::resume>(), row<Verb::ps, &Manager::ps>(),
        row<Verb::stats, &Manager::stats>(), row<Verb::exec, &Manager::exec>(), row<Verb::reset, &Manager::reset>(),
        row<Verb::why, &Manager::why>(), row<Verb::history, &Manager::history>(),
        row<Verb::clients, &Manager::clients>(), row<Verb::execs, &Manager::execs>(),
    };
    static_assert(std::ranges::all_of(api::kVerbs, [](const api::VerbRow& row) {
        return row.value == Verb::events || std::ranges::count(kRows, row.value, &Row::value) == 1;
    }), "every verb but events has a handler");
    const auto* row = std::ranges::find(kRows, verb, &Row::value);
    return row != kRows.end() ? row : nullptr;
}

void Manager::call(Verb verb, api::Request request, Progress progress, Done done) {
    const auto* row = Handlers::find(verb);
    if (row == nullptr) return done(fail(Errc::unsupported, "not a call"));
    row->handle(*this, request, done, progress);
}

}  // namespace xctl::manager
