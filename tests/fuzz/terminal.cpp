// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as what a console printed, shown on a terminal again. The result is the same however the bytes are cut into
// pieces, and no part of it makes a terminal answer. What is new is shown as it is. What is undone is nothing but
// sequences, and after them nothing is left to undo.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "client/terminal_output.hpp"
#include "client/terminal_queries.hpp"
#include "tests/fuzz/expect.hpp"

namespace {

using namespace xctl::client;
using xctl::fuzz::expect;
using Piece = EscapeScanner::Piece;

void in_pieces(std::string_view bytes, std::size_t size, auto&& take) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) take(bytes.substr(0, size));
}

void expect_no_query(std::string_view shown) {
    EscapeScanner scanner;
    scanner.feed(shown, [](const Piece& piece) { expect(!is_query(piece)); });
}

void expect_undone(const TerminalModes& modes) {
    const auto undo = modes.undo();
    EscapeScanner scanner;
    scanner.feed(undo, [](const Piece& piece) {
        expect(piece.kind == EscapeScanner::Kind::csi || piece.kind == EscapeScanner::Kind::escape ||
               piece.kind == EscapeScanner::Kind::control);
        expect(!is_query(piece));
    });
    expect(scanner.held().empty());
    auto after = modes;
    scanner.feed(undo, [&](const Piece& piece) { after.note(piece); });
    expect(after.undo().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // The first byte says how long the pieces are, and the second where what is new begins.
    if (size < 2) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data + 2), size - 2);
    const std::size_t piece = std::size_t{data[0]} + 1;
    const auto old = bytes.substr(0, bytes.size() * data[1] / 255);

    TerminalOutput whole, cut;
    const auto shown = whole.show(old);
    std::string joined;
    in_pieces(old, piece, [&](std::string_view part) { joined += cut.show(part); });
    expect(shown == joined);
    expect(shown.size() <= old.size());
    expect_no_query(shown);

    const auto next = whole.go_live();
    expect(next == cut.go_live());
    const auto latest = bytes.substr(old.size());
    expect(whole.show(latest) == latest);
    in_pieces(latest, piece, [&](std::string_view part) { expect(cut.show(part) == part); });
    expect(whole.modes().undo() == cut.modes().undo());
    expect_undone(whole.modes());
    return 0;
}
