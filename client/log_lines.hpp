// SPDX-License-Identifier: LGPL-2.1-or-later
// What a console printed, as text with times or as JSON lines. Outlives a connection: a line may begin in one and end
// in the next.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/console_stream.hpp"

namespace xctl::client {

enum class LogFormat : std::uint8_t {
    raw,         // the bytes as they are
    timestamps,  // the time before each line
    json,        // an object for each line, gap, and beginning and end of a run
};

class LogLines {
public:
    explicit LogLines(LogFormat format = LogFormat::raw) : format_(format) {}

    [[nodiscard]] LogFormat format() const { return format_; }

    /// Of what follows; microseconds since 1970, 0 if nobody knows.
    void set_time(std::uint64_t usec) { time_ = usec; }

    /// Each returns what is to be printed now.
    std::string output(bool standard_error, std::uint64_t offset, std::string_view bytes);
    std::string gap(std::uint64_t offset, std::uint64_t missing);
    std::string run_begin(std::uint64_t offset);
    std::string run_end(std::uint64_t offset, const api::RunEnd& end);
    /// Lines whose end has not come.
    std::string finish();

private:
    struct Line {
        bool begun = false;
        std::uint64_t offset = 0;
        std::uint64_t time = 0;
        std::string text;  // JSON only
    };

    std::string stamped(Line& line, std::string_view bytes) const;
    std::string records(Line& line, bool standard_error, std::uint64_t offset, std::string_view bytes) const;
    [[nodiscard]] std::string record(std::uint64_t time, std::uint64_t offset, std::string_view rest) const;
    std::string close(Line& line, bool standard_error, bool partial) const;

    LogFormat format_;
    std::uint64_t time_ = 0;
    std::array<Line, 2> lines_;  // stdout, stderr
};

}  // namespace xctl::client
