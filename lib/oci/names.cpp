// SPDX-License-Identifier: LGPL-2.1-or-later
// Signal names. The real-time range starts at a number that the C library chooses when the program runs.
#include "lib/oci/names.hpp"

#include <signal.h>

#include <charconv>
#include <format>

namespace xctl::oci {
namespace {

#define SIGNAL_ROW(name) {#name, SIG##name}
constexpr std::array<Named<int>, 33> kSignalNames{{
    SIGNAL_ROW(HUP),    SIGNAL_ROW(INT),  SIGNAL_ROW(QUIT), SIGNAL_ROW(ILL),   SIGNAL_ROW(TRAP),
    SIGNAL_ROW(ABRT),   SIGNAL_ROW(BUS),  SIGNAL_ROW(FPE),  SIGNAL_ROW(KILL),  SIGNAL_ROW(USR1),
    SIGNAL_ROW(SEGV),   SIGNAL_ROW(USR2), SIGNAL_ROW(PIPE), SIGNAL_ROW(ALRM),  SIGNAL_ROW(TERM),
    SIGNAL_ROW(CHLD),   SIGNAL_ROW(CONT), SIGNAL_ROW(STOP), SIGNAL_ROW(TSTP),  SIGNAL_ROW(TTIN),
    SIGNAL_ROW(TTOU),   SIGNAL_ROW(URG),  SIGNAL_ROW(XCPU), SIGNAL_ROW(XFSZ),  SIGNAL_ROW(PROF),
    SIGNAL_ROW(VTALRM), SIGNAL_ROW(IO),   SIGNAL_ROW(PWR),  SIGNAL_ROW(WINCH), SIGNAL_ROW(SYS),
    SIGNAL_ROW(STKFLT), SIGNAL_ROW(IOT),  SIGNAL_ROW(POLL),
}};
#undef SIGNAL_ROW
static_assert(names_are_unique(kSignalNames));

std::optional<int> parse_number(std::string_view text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// "RTMIN", "RTMIN+3", "RTMAX", "RTMAX-2".
std::optional<int> parse_realtime(std::string_view text) {
    const bool from_minimum = text.starts_with("RTMIN");
    if (!from_minimum && !text.starts_with("RTMAX")) return std::nullopt;
    const int base = from_minimum ? SIGRTMIN : SIGRTMAX;
    text.remove_prefix(5);
    if (text.empty()) return base;
    if (text.size() < 2 || text[0] != (from_minimum ? '+' : '-') || text[1] < '0' || text[1] > '9')
        return std::nullopt;
    const auto offset = parse_number(text.substr(1));
    if (!offset || *offset > SIGRTMAX - SIGRTMIN) return std::nullopt;
    return from_minimum ? base + *offset : base - *offset;
}

}  // namespace

std::optional<int> parse_signal(std::string_view text) {
    if (const auto number = parse_number(text)) {
        if (*number < 1 || *number > SIGRTMAX) return std::nullopt;
        return number;
    }
    if (text.starts_with("SIG")) text.remove_prefix(3);
    if (const auto number = value_of(kSignalNames, text)) return number;
    return parse_realtime(text);
}

std::string signal_name(int signal) {
    if (const auto name = name_of(kSignalNames, signal); !name.empty()) return std::format("SIG{}", name);
    if (signal == SIGRTMIN) return "SIGRTMIN";
    if (signal > SIGRTMIN && signal <= SIGRTMAX) return std::format("SIGRTMIN+{}", signal - SIGRTMIN);
    return std::format("{}", signal);
}

}  // namespace xctl::oci
