// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/exit_record.hpp"

#include <array>

#include "lib/base/table.hpp"
#include "lib/base/text.hpp"

namespace xctl::launch {
namespace {

enum class Ending : unsigned char { exited, killed, dumped };

constexpr std::array<Named<Ending>, 3> kEndings{{
    {"exited", Ending::exited},
    {"killed", Ending::killed},
    {"dumped", Ending::dumped},
}};
static_assert(names_are_unique(kEndings));

constexpr std::uint64_t kMaxValue = 255;

Ending ending_of(const kernel::ExitStatus& status) {
    if (!status.signaled) return Ending::exited;
    return status.core_dumped ? Ending::dumped : Ending::killed;
}

}  // namespace

std::string format_exit_record(const kernel::ExitStatus& status) {
    return std::string(name_of(kEndings, ending_of(status))) + " " + std::to_string(status.value) + "\n";
}

Result<kernel::ExitStatus> parse_exit_record(std::string_view text) {
    const auto blank = text.find(' ');
    const auto ending = value_of(kEndings, text.substr(0, blank));
    if (!ending || blank == std::string_view::npos || !text.ends_with('\n'))
        return fail(Errc::invalid_document, "the exit record " + quoted(text) + " is malformed");
    const auto value = TRY(parse_unsigned(text.substr(blank + 1, text.size() - blank - 2)), "exit record");
    if (value > kMaxValue) return fail(Errc::invalid_document, "the exit record holds no exit status");
    return kernel::ExitStatus{.signaled = *ending != Ending::exited,
                              .value = static_cast<int>(value),
                              .core_dumped = *ending == Ending::dumped};
}

}  // namespace xctl::launch
