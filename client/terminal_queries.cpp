// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/terminal_queries.hpp"

#include <algorithm>
#include <array>

#include "lib/base/text.hpp"

namespace xctl::client {
namespace {

using Kind = EscapeScanner::Kind;
using Piece = EscapeScanner::Piece;

struct CsiQuery {
    char prefix;  // 0: none
    std::string_view intermediates;
    char final;
};

/// As xterm, and the terminals that extend it, answer.
constexpr std::array<CsiQuery, 24> kCsiQueries{{
    {0, "", 'c'},     // DA1
    {'>', "", 'c'},   // DA2
    {'=', "", 'c'},   // DA3
    {0, "", 'n'},     // DSR, and the place of the cursor
    {'?', "", 'n'},   // DSR of DEC
    {0, "", 'x'},     // DECREQTPARM
    {'>', "", 'q'},   // XTVERSION
    {0, "$", 'p'},    // DECRQM
    {'?', "$", 'p'},  // DECRQM of DEC's modes
    {0, "$", 'u'},    // DECRQTSR
    {0, "&", 'u'},    // DECRQUPSS
    {0, ",", 'u'},    // DECRQKT
    {0, "$", 'w'},    // DECRQPSR
    {0, "*", 'y'},    // DECRQCRA
    {0, "'", '|'},    // DECRQLP
    {0, "\"", 'v'},   // DECRQDE
    {0, "+", 'x'},    // DECRQPKFM
    {0, "+", 'p'},    // DECSR
    {0, "#", 'R'},    // XTREPORTCOLORS
    {0, "#", '|'},    // XTREPORTSGR
    {'?', "", 'S'},   // XTSMGRAPHICS
    {'?', "", 'm'},   // XTQMODKEYS
    {'?', "", 'g'},   // XTQFMTKEYS
    {'?', "", 'u'},   // the keyboard protocol's flags
}};

/// CSI n t: what the window is and where.
constexpr std::uint64_t kFirstWindowReport = 11, kLastWindowReport = 21;

/// Commands of OSC whose text is free, so that a question mark is no question.
constexpr std::array<std::string_view, 11> kFreeTexts{"", "0", "1", "2", "7", "8", "9", "66", "133", "633", "777"};
constexpr std::array<std::string_view, 2> kOscQueries{"60", "61"};  // XTALLOWED and its like
constexpr std::array<std::string_view, 3> kItermQueries{"Report", "Request", "Capabilities"};

bool is_csi_query(const Piece& piece) {
    if (piece.final == 't' && piece.prefix == 0 && piece.intermediates.empty()) {
        const auto which = parse_unsigned(piece.parameters.substr(0, piece.parameters.find_first_of(";:")));
        return which && *which >= kFirstWindowReport && *which <= kLastWindowReport;
    }
    return std::ranges::any_of(kCsiQueries, [&](const CsiQuery& row) {
        return row.prefix == piece.prefix && row.intermediates == piece.intermediates && row.final == piece.final;
    });
}

bool is_osc_query(std::string_view body) {
    const auto number = body.substr(0, body.find(';'));
    if (std::ranges::contains(kOscQueries, number)) return true;
    if (number == "1337")
        return std::ranges::any_of(kItermQueries, [&](std::string_view word) { return body.contains(word); });
    return body.contains('?') && !std::ranges::contains(kFreeTexts, number);
}

/// DECRQSS, XTGETTCAP, XTGETXRES; and what tmux hands to the terminal that is around it, which may be anything.
bool is_dcs_query(std::string_view body) {
    constexpr std::string_view kParameters = "0123456789:;<=>?";
    body.remove_prefix(std::min(body.find_first_not_of(kParameters), body.size()));
    return body.starts_with("$q") || body.starts_with("+q") || body.starts_with("+Q") || body.starts_with("tmux;");
}

bool is_string_query(const Piece& piece) {
    switch (piece.final) {
        case ']': return is_osc_query(piece.body);
        case 'P': return is_dcs_query(piece.body);
        case '_': return piece.body.starts_with('G');  // pictures, whose arrival is acknowledged
        default: return false;
    }
}

}  // namespace

bool is_query(const Piece& piece) {
    switch (piece.kind) {
        case Kind::text:
        case Kind::broken: return false;
        case Kind::control: return piece.final == EscapeScanner::kEnquiry;
        case Kind::escape: return piece.final == 'Z' && piece.intermediates.empty();  // DECID
        case Kind::csi: return is_csi_query(piece);
        case Kind::string: return is_string_query(piece);
    }
    return false;
}

}  // namespace xctl::client
