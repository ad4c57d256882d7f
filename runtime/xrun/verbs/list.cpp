// SPDX-License-Identifier: LGPL-2.1-or-later
// state and list: what containers are doing.
#include <fcntl.h>

#include <algorithm>
#include <array>

#include "lib/base/fd.hpp"
#include "lib/base/utf8.hpp"
#include "lib/kernel/file.hpp"
#include "runtime/xrun/state/container.hpp"
#include "runtime/xrun/verbs.hpp"

namespace xctl::runtime {
namespace {

constexpr std::size_t kMinWidth = 12, kPadding = 3;

using TableRow = std::array<std::string, 6>;

std::string table(const std::vector<TableRow>& rows) {
    std::array<std::size_t, 6> widths{};
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max({widths[i], kMinWidth, row[i].size() + kPadding});
    std::string text;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            text += row[i];
            if (i + 1 < row.size()) text.append(widths[i] - row[i].size(), ' ');
        }
        text += '\n';
    }
    return text;
}

std::string table(const std::vector<oci::State>& states) {
    std::vector<TableRow> rows{{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}};
    for (const auto& state : states)
        rows.push_back({state.id, std::to_string(state.pid), std::string(oci::to_string(state.status)),
                        printable(state.bundle), state.created, printable(state.owner)});
    return table(rows);
}

}  // namespace

Result<int> verb_state(const Arguments& arguments) {
    const auto container = TRY(open_container(arguments, arguments.id(), Lock::no));
    TRY(print(oci::to_json(state_of(container)) + "\n"));
    return 0;
}

Result<int> verb_list(const Arguments& arguments) {
    if (arguments.format != "table" && arguments.format != "json")
        return fail(Errc::invalid_argument, "invalid format option");
    // The usual one is made with the first container; one that the caller names should be there.
    if (!arguments.root.empty()) TRY(kernel::open_at(kCurrentDirectory, arguments.root, O_PATH | O_DIRECTORY));
    std::vector<oci::State> states;
    std::string names;
    for (const auto& name : TRY(list_names(arguments))) {
        names += name + "\n";
        if (arguments.quiet) continue;
        // It may be gone by now.
        if (const auto container = open_container(arguments, name, Lock::no)) states.push_back(state_of(*container));
    }
    TRY(print(arguments.quiet ? names : arguments.format == "json" ? to_json(states) : table(states)));
    return 0;
}

}  // namespace xctl::runtime
