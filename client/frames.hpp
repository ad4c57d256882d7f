// SPDX-License-Identifier: LGPL-2.1-or-later
// Console frames (api/console_stream.hpp) cut out of, and put into, a stream of bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/console_stream.hpp"
#include "lib/base/result.hpp"

namespace xctl::client {

struct Frame {
    api::FrameHeader header;
    std::span<const char> payload;  // valid until the decoder's next space()
};

/// Read into space(), say how much with filled(), then take frames with next() until there is none.
class FrameDecoder {
public:
    [[nodiscard]] std::span<char> space();
    void filled(std::size_t bytes);
    /// Nothing when more bytes are needed; an error when these can never become a frame.
    Result<std::optional<Frame>> next();

private:
    /// One whole frame always fits, and reads stay large while small frames wait.
    static constexpr std::size_t kBufferSize = 2 * (sizeof(api::FrameHeader) + api::kMaxFramePayload);

    std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(kBufferSize);
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

void append_frame(std::string& out, api::FrameKind kind, std::string_view payload = {});
void append_resize(std::string& out, api::Size size);

/// The payload as the struct that frames of its kind carry.
Result<api::RunEnd> run_end_of(const Frame& frame);
/// Microseconds since 1970.
Result<std::uint64_t> time_of(const Frame& frame);

}  // namespace xctl::client
