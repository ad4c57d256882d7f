// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as what a client sends to a console, and as what xctld sends to a client. Both readers find the same words
// however the bytes are cut into pieces, never keep more than one frame that is incomplete, and have room for the next
// piece. All input arrives in order. As JSON, the output makes lines that each are one object of valid UTF-8; raw, it is
// what the frames carry.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <format>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/frames.hpp"
#include "client/log_lines.hpp"
#include "daemon/console/console_words.hpp"
#include "lib/base/text.hpp"
#include "lib/base/utf8.hpp"
#include "tests/fuzz/expect.hpp"

namespace {

using namespace xctl;
using fuzz::expect, fuzz::expect_message;

struct Heard {
    std::vector<std::string> words;
    std::string input;
    bool operator==(const Heard&) const = default;
};

/// False when no more can be read.
bool take_words(console::ConsoleWords& reader, Heard& heard) {
    while (true) {
        const auto word = reader.next();
        if (std::holds_alternative<console::ConsoleWords::Nothing>(word)) return true;
        if (std::holds_alternative<console::ConsoleWords::Malformed>(word)) {
            expect(std::holds_alternative<console::ConsoleWords::Malformed>(reader.next()));
            heard.words.emplace_back("malformed");
            return false;
        }
        if (const auto* input = std::get_if<console::ConsoleWords::Input>(&word)) {
            expect(input->bytes.size() <= api::kMaxFramePayload);
            heard.words.push_back(std::format("input {}", input->bytes.size()));
            heard.input += input->bytes;
        } else if (const auto* size = std::get_if<api::Size>(&word)) {
            heard.words.push_back(std::format("{}x{}", size->rows, size->columns));
        } else {
            heard.words.emplace_back("end");
        }
    }
}

Heard as_daemon(std::string_view bytes, std::size_t piece) {
    console::ConsoleWords reader;
    Heard heard;
    while (!bytes.empty()) {
        reader.add(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
        if (!take_words(reader, heard)) break;
        expect(reader.waiting() < sizeof(api::FrameHeader) + api::kMaxFramePayload);
    }
    return heard;
}

void expect_json_line(std::string_view line) {
    expect(line.starts_with('{') && line.ends_with('}'));
    while (!line.empty()) {
        const auto first = first_character(line);
        expect(first.kind != CharacterKind::invalid && static_cast<unsigned char>(line.front()) >= ' ');
        line.remove_prefix(first.length);
    }
}

struct Printed {
    std::vector<std::string> words;
    std::string raw, json;
    bool operator==(const Printed&) const = default;
};

/// False when the connection has to end.
bool print(const client::Frame& frame, client::LogLines& raw, client::LogLines& json, Printed& printed) {
    expect(frame.payload.size() == frame.header.length && frame.header.length <= api::kMaxFramePayload);
    printed.words.push_back(std::format("{}/{}", static_cast<unsigned>(frame.header.kind), frame.header.length));
    const auto offset = frame.header.offset;
    const bool to_err = frame.header.detail == 1;
    if (frame.header.kind == api::FrameKind::output) {
        const std::string_view bytes(frame.payload.data(), frame.payload.size());
        const auto text = raw.output(to_err, offset, bytes);
        expect(text == bytes);
        printed.raw += text;
        printed.json += json.output(to_err, offset, bytes);
    }
    if (frame.header.kind == api::FrameKind::gap) printed.json += json.gap(offset, frame.header.mark);
    if (frame.header.kind == api::FrameKind::run_begin) printed.json += json.run_begin(offset);
    if (frame.header.kind == api::FrameKind::time) {
        const auto time = client::time_of(frame);
        if (!time) return false;
        json.set_time(*time);
    }
    if (frame.header.kind == api::FrameKind::run_end) {
        const auto end = client::run_end_of(frame);
        if (!end) return false;
        printed.json += json.run_end(offset, *end);
    }
    return true;
}

/// False when no more can be read.
bool print_frames(client::FrameDecoder& decoder, client::LogLines& raw, client::LogLines& json, Printed& printed) {
    while (true) {
        const auto frame = decoder.next();
        if (!frame) {
            expect_message(frame.error().message);
            printed.words.emplace_back("malformed");
            return false;
        }
        if (!*frame) return true;
        if (!print(**frame, raw, json, printed)) return false;
    }
}

Printed as_client(std::string_view bytes, std::size_t piece) {
    client::FrameDecoder decoder;
    client::LogLines raw(client::LogFormat::raw), json(client::LogFormat::json);
    Printed printed;
    while (!bytes.empty()) {
        const auto space = decoder.space();
        expect(space.size() > api::kMaxFramePayload);
        const auto size = std::min({piece, bytes.size(), space.size()});
        std::memcpy(space.data(), bytes.data(), size);
        decoder.filled(size);
        bytes.remove_prefix(size);
        if (!print_frames(decoder, raw, json, printed)) break;
    }
    printed.json += json.finish();
    return printed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // The first byte says how long the pieces are.
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
    const std::size_t piece = std::size_t{data[0]} + 1;

    const auto heard = as_daemon(bytes, bytes.size());
    expect(as_daemon(bytes, piece) == heard);
    expect(heard.input.size() <= bytes.size());

    const auto printed = as_client(bytes, bytes.size());
    expect(as_client(bytes, piece) == printed);
    auto lines = split(printed.json, '\n');
    expect(lines.back().empty());
    lines.pop_back();
    for (const auto& line : lines) expect_json_line(line);
    return 0;
}
