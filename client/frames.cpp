// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/frames.hpp"

#include <cstring>
#include <format>

namespace xctl::client {

std::span<char> FrameDecoder::space() {
    if (begin_ > 0) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    return {buffer_.get() + end_, kBufferSize - end_};
}

void FrameDecoder::filled(std::size_t bytes) { end_ += bytes; }

Result<std::optional<Frame>> FrameDecoder::next() {
    Frame frame{};
    if (end_ - begin_ < sizeof(frame.header)) return std::nullopt;
    std::memcpy(&frame.header, buffer_.get() + begin_, sizeof(frame.header));
    if (frame.header.kind > api::kLastFrameKind || frame.header.length > api::kMaxFramePayload)
        return fail(Errc::system, std::format("xctld sent a malformed console frame (kind {}, {} bytes)",
                                              static_cast<unsigned>(frame.header.kind), frame.header.length));
    if (end_ - begin_ < sizeof(frame.header) + frame.header.length) return std::nullopt;
    frame.payload = {buffer_.get() + begin_ + sizeof(frame.header), frame.header.length};
    begin_ += sizeof(frame.header) + frame.header.length;
    return frame;
}

void append_frame(std::string& out, api::FrameKind kind, std::string_view payload) {
    const api::FrameHeader header{kind, 0, 0, static_cast<std::uint32_t>(payload.size()), 0, 0};
    out.append(reinterpret_cast<const char*>(&header), sizeof(header));
    out.append(payload);
}

void append_resize(std::string& out, api::Size size) {
    append_frame(out, api::FrameKind::resize, {reinterpret_cast<const char*>(&size), sizeof(size)});
}

Result<std::uint64_t> time_of(const Frame& frame) {
    std::uint64_t usec = 0;
    if (frame.payload.size() != sizeof(usec)) return fail(Errc::system, "xctld sent a malformed time");
    std::memcpy(&usec, frame.payload.data(), sizeof(usec));
    return usec;
}

Result<api::RunEnd> run_end_of(const Frame& frame) {
    api::RunEnd end{};
    if (frame.payload.size() < sizeof(end)) return fail(Errc::system, "xctld sent a malformed end of a run");
    std::memcpy(&end, frame.payload.data(), sizeof(end));
    return end;
}

}  // namespace xctl::client
