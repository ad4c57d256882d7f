// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/log_lines.hpp"

#include <chrono>
#include <format>

#include "client/render.hpp"
#include "lib/base/text.hpp"

namespace xctl::client {
namespace {

/// A line that is longer comes in several records.
constexpr std::size_t kMaxLine = 64 * 1024;

}  // namespace

std::string LogLines::stamped(Line& line, std::string_view bytes) const {
    std::string out;
    while (!bytes.empty()) {
        if (!std::exchange(line.begun, true)) out += time_text(time_) + ' ';
        const auto newline = bytes.find('\n');
        const auto length = newline == std::string_view::npos ? bytes.size() : newline + 1;
        out += bytes.substr(0, length);
        bytes.remove_prefix(length);
        if (newline != std::string_view::npos) line.begun = false;
    }
    return out;
}

std::string LogLines::record(std::uint64_t time, std::uint64_t offset, std::string_view rest) const {
    const auto when = time ? std::to_string(time) : std::string("null");
    return std::format("{{\"time\":{},\"offset\":{},{}}}\n", when, offset, rest);
}

std::string LogLines::close(Line& line, bool standard_error, bool partial) const {
    const auto text = std::format("\"stream\":\"{}\",\"text\":{}{}", standard_error ? "stderr" : "stdout",
                                  json_text(line.text), partial ? ",\"partial\":true" : "");
    const auto out = record(line.time, line.offset, text);
    line = {};
    return out;
}

std::string LogLines::records(Line& line, bool standard_error, std::uint64_t offset, std::string_view bytes) const {
    std::string out;
    while (!bytes.empty()) {
        if (!std::exchange(line.begun, true)) {
            line.offset = offset;
            line.time = time_;
        }
        const auto part = bytes.substr(0, kMaxLine - line.text.size());
        const auto newline = part.find('\n');
        const bool ended = newline != std::string_view::npos;
        line.text += part.substr(0, newline);
        const auto taken = ended ? newline + 1 : part.size();
        offset += taken;
        bytes.remove_prefix(taken);
        if (ended || line.text.size() == kMaxLine) out += close(line, standard_error, !ended);
    }
    return out;
}

std::string LogLines::output(bool standard_error, std::uint64_t offset, std::string_view bytes) {
    auto& line = lines_[standard_error ? 1 : 0];
    switch (format_) {
        case LogFormat::raw: break;
        case LogFormat::timestamps: return stamped(line, bytes);
        case LogFormat::json: return records(line, standard_error, offset, bytes);
    }
    return std::string(bytes);
}

std::string LogLines::finish() {
    std::string out;
    for (const bool standard_error : {false, true})
        if (auto& line = lines_[standard_error ? 1 : 0]; format_ == LogFormat::json && line.begun)
            out += close(line, standard_error, true);
    return out;
}

std::string LogLines::gap(std::uint64_t offset, std::uint64_t missing) {
    return format_ == LogFormat::json ? finish() + record(time_, offset, std::format("\"lost\":{}", missing))
                                      : std::string();
}

std::string LogLines::run_begin(std::uint64_t offset) {
    return format_ == LogFormat::json ? finish() + record(time_, offset, "\"run\":\"begin\"") : std::string();
}

std::string LogLines::run_end(std::uint64_t offset, const api::RunEnd& end) {
    if (format_ != LogFormat::json) return {};
    const auto how =
        end.status < 0 ? std::string() : std::format(",\"{}\":{}", end.signaled ? "signal" : "exit", end.status);
    return finish() + record(time_, offset, "\"run\":\"end\"" + how);
}

}  // namespace xctl::client
