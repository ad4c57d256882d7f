// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/terminal_output.hpp"

#include <format>

#include "client/terminal_queries.hpp"

namespace xctl::client {
namespace {

using Kind = EscapeScanner::Kind;
using Piece = EscapeScanner::Piece;

/// Without the modes that make the terminal report.
std::string without_reports(const Piece& piece) {
    const bool sets = piece.final == 'h' || piece.final == 'l';
    if (piece.kind != Kind::csi || piece.prefix != '?' || !piece.intermediates.empty() || !sets)
        return std::string(piece.raw);
    std::string kept;
    bool reports = false;
    for (const auto number : numbers_of(piece.parameters)) {
        const auto* const mode = find_mode(number);
        if (mode != nullptr && mode->reports)
            reports = true;
        else
            kept += std::format("{}{}", kept.empty() ? "" : ";", number);
    }
    if (!reports) return std::string(piece.raw);
    return kept.empty() ? kept : std::format("\x1b[?{}{}", kept, piece.final);
}

}  // namespace

std::string TerminalOutput::replay(std::string_view bytes) {
    std::string out;
    scanner_.feed(bytes, [&](const Piece& piece) {
        modes_.note(piece);
        if (piece.kind != Kind::broken && !is_query(piece)) out += without_reports(piece);
    });
    return out;
}

std::string TerminalOutput::show(std::string_view bytes) {
    // The beginning of a sequence that is too long was left out; so is its end.
    if (!live_ || scanner_.is_too_long()) return replay(bytes);
    scanner_.feed(bytes, [this](const Piece& piece) { modes_.note(piece); });
    return std::string(bytes);
}

std::string TerminalOutput::go_live() {
    live_ = true;
    return modes_.set_reports() + (scanner_.is_too_long() ? std::string() : scanner_.held());
}

}  // namespace xctl::client
