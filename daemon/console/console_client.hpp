// SPDX-License-Identifier: LGPL-2.1-or-later
// One attached client: sends a Ring over a socket from a place on, takes input.
//
// The ring is the queue. A client that reads slowly falls behind and finds a gap when it went around once; it
// never slows the container, and costs at most one frame of memory.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "api/console_stream.hpp"
#include "api/requests.hpp"
#include "api/types.hpp"
#include "daemon/console/console_words.hpp"
#include "daemon/ring/console_cursor.hpp"
#include "daemon/ring/ring.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::console {

/// What the client that writes may ask of the console.
class ConsoleInput {
public:
    virtual void write_input(std::string_view bytes) = 0;
    /// `typed`: the client that ends it has sent some.
    virtual void end_input(bool typed) = 0;
    virtual void resize(api::Size size) = 0;
    [[nodiscard]] virtual bool wants_input() const = 0;  // false: too much is queued already
    /// The program has no standard input any more, until it is started again.
    [[nodiscard]] virtual bool has_no_input() const { return false; }
    virtual void on_progress() {}                        // the client took what it could not take before

protected:
    ~ConsoleInput() = default;
};

class ConsoleClient {
public:
    struct Options {
        ring::ConsoleCursor cursor;
        bool framed = false;
        bool observe = false;   // no input
        bool follow = true;     // else ends when all that is there now was sent
        bool terminal = false;  // told with `live`
        std::optional<std::uint64_t> until;  // without follow: ends before this offset
        api::Peer peer;         // who asked for it
        api::Size size{};       // of its terminal; 0: it has none

        /// The options that a request has for its client.
        static Result<Options> of(const api::Framing& framing, const api::TerminalSize& terminal,
                                  const api::Peer& peer);
    };

    /// `socket` is non-blocking; `on_gone` runs when the client has left, and may destroy this.
    ConsoleClient(const ring::Ring& ring, ConsoleInput& input, UniqueFd socket, Options options);

    Result<> start(kernel::EventLoop& loop, std::function<void()> on_gone);

    /// Sends what is new, as far as the socket takes it.
    void pump();
    /// No more will ever come: the container was deleted.
    void finish();
    /// Where its next byte is.
    [[nodiscard]] std::uint64_t offset() const noexcept { return options_.cursor.offset(); }
    /// Reads input again after ConsoleInput::wants_input() became true.
    void update_events();

    /// Whether its input counts. Nothing it sent before is kept, except by a plain client, which cannot know.
    void set_writer(bool writes);
    /// Leaves now if the other side has closed the connection.
    void notice_departure();
    [[nodiscard]] bool may_write() const noexcept { return !options_.observe && !input_ended_; }
    [[nodiscard]] api::ClientInfo info() const;

private:
    enum class Sent : std::uint8_t { all, blocked, gone };

    void on_socket(std::uint32_t events);
    bool read_input();
    void read_last_input();
    bool take_input(std::string_view bytes);
    void write_input(std::string_view bytes);
    bool take_words();
    void take_word(const ConsoleWords::Word& word);
    [[nodiscard]] bool is_replayed() const noexcept;
    [[nodiscard]] std::size_t limit() const noexcept;
    [[nodiscard]] api::Role role() const;
    [[nodiscard]] bool takes_input() const noexcept;
    void end_input();
    Sent send_some();
    Sent flush();
    Sent put_role();
    Sent put(api::FrameKind kind, std::uint8_t detail, std::uint64_t offset, std::span<const std::byte> payload);
    Sent put_item(const ring::ConsoleCursor::Item& item);
    Sent put_output(const ring::ConsoleCursor::Output& output);
    Sent put_boundary(const ring::Ring::Mark& mark);
    void leave();

    const ring::Ring& ring_;
    ConsoleInput& input_;
    UniqueFd socket_;
    Options options_;
    std::uint64_t live_offset_;  // where the replay ends
    std::uint64_t live_mark_;
    std::uint64_t since_;  // microseconds since 1970
    bool live_sent_ = false;
    bool finishing_ = false;
    bool ended_ = false;  // `end` was said, if only a part of it was sent yet
    bool reads_ = true;
    bool writes_ = false;
    api::Role told_role_ = api::Role::writer;  // as a framed client believes by now
    bool typed_ = false;
    bool input_ended_ = false;
    bool blocked_ = false;
    std::string unsent_;  // the rest of a frame that the socket did not take
    ConsoleWords words_;
    kernel::EventSource source_;
    std::function<void()> on_gone_;
};

}  // namespace xctl::console
