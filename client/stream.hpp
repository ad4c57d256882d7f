// SPDX-License-Identifier: LGPL-2.1-or-later
// One connection to a console: frames from xctld to stdout and stderr, what is typed to xctld.
//
// What must outlive a connection, since xctld may be restarted at any time, is in StreamState: the next connection
// goes on at the same byte.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "api/console_stream.hpp"
#include "client/detach_keys.hpp"
#include "client/frames.hpp"
#include "client/log_lines.hpp"
#include "client/terminal.hpp"
#include "client/terminal_output.hpp"
#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::client {

struct StreamState {
    std::optional<std::uint64_t> next;    // offset of the first byte not yet printed, once known
    std::optional<std::uint64_t> mark;    // of the last frame
    std::optional<api::RunEnd> last_end;  // of the latest run, unless the container was started again
    std::string unsent;                   // frames for xctld that the lost connection had not taken
    std::string unwritten;                // text that stdout or stderr had not taken
    bool unwritten_is_err = false;
    LogLines lines;
    bool input_ended = false;
    bool writer = false;                  // what is typed reaches the container
    bool was_live = false;                // in any connection
    TerminalOutput screen;                // of the user's terminal, if the output goes to one
    bool spoiled = false;                 // a note was written over it
};

struct StreamMode {
    std::string name;             // of the container, for notes
    bool input = false;           // send what is typed
    bool until_exit = false;      // finish when the container has stopped for good
    bool before_start = false;    // hold input back until the container's first run begins
    std::string detach_keys;      // bytes
    bool until_stop = false;      // the same as until_exit, but its status is of no interest
    bool joins = false;           // it may run already, and show a screen that it does not draw again by itself
};

enum class StreamOutcome {
    lost,      // xctld went away
    ended,     // xctld says that nothing more will come
    finished,  // the container has stopped for good; StreamState::last_end says how
    detached,  // by keys
    signaled,  // a signal asks the client to end: last_signal()
};

class Stream {
public:
    struct Descriptors {
        int in = STDIN_FILENO;
        int out = STDOUT_FILENO;
        int err = STDERR_FILENO;
    };

    Stream(UniqueFd socket, const StreamMode& mode, StreamState& state, RawTerminal& terminal, Descriptors descriptors);

    /// When it returns, the terminal is as it was before, unless the connection was lost: what is typed until the next
    /// one then waits for that.
    Result<StreamOutcome> run();
    [[nodiscard]] int last_signal() const { return signal_; }
    /// Whether it got as far as what is new.
    [[nodiscard]] bool was_live() const { return live_; }

private:
    struct Interest;

    Result<> wait(Interest& interest);
    void handle_signals();
    void read_socket();
    void write_socket();
    void read_input();
    void typed(std::string_view bytes);
    void finish_input();
    Result<> handle_frames();
    Result<> handle(const Frame& frame);
    void handle_output(const Frame& frame);
    Result<> handle_run_end(const Frame& frame);
    void handle_live(bool terminal);
    Result<> handle_role(std::uint8_t detail);
    [[nodiscard]] bool writes() const noexcept { return role_ == api::Role::writer; }
    void tell_role();
    void tell_keys();
    void ask_to_redraw();
    void end_redraw();
    void follow_terminal(bool terminal);
    void go_on_at(std::uint64_t offset);
    void print(bool to_err, std::string_view text);
    void write_pending();
    void send_size();
    void keep_for_next();
    void note(std::string_view text);
    void end_by(int signal);
    [[nodiscard]] bool is_terminal(bool err) const { return err ? err_is_terminal_ : out_is_terminal_; }
    [[nodiscard]] int pending_fd() const;
    [[nodiscard]] bool wants_input() const;
    [[nodiscard]] bool has_stopped() const;

    UniqueFd socket_;
    const StreamMode& mode_;
    StreamState& state_;
    Descriptors fds_;
    UniqueFd own_out_, own_err_;  // opened anew, so that O_NONBLOCK is only ours
    bool out_is_terminal_, err_is_terminal_;
    RawTerminal& terminal_;
    FrameDecoder decoder_;
    DetachMatcher keys_;
    std::optional<Signals> signals_;
    std::string to_send_;
    std::size_t sent_ = 0;
    std::string pending_;  // output that stdout or stderr did not take yet; no frame is handled until it is gone
    bool pending_is_err_ = false;
    bool live_ = false;
    api::Role role_ = api::Role::writer;  // until xctld says otherwise
    bool started_ = false;
    bool whole_run_ = false;  // all that the current run printed was shown
    bool keys_told_ = false;
    std::optional<std::chrono::steady_clock::time_point> redraw_end_;  // until then the terminal is a row smaller
    int signal_ = 0;
    std::optional<StreamOutcome> outcome_;
};

}  // namespace xctl::client
