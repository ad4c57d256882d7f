// SPDX-License-Identifier: LGPL-2.1-or-later
// The console of one container: its descriptors while a run lasts, its ring, its attached clients.
//
// Without a terminal the container writes to two pipes, which are spliced into the ring. A terminal cannot be
// spliced into a file directly, so its bytes pass through a pipe of ours; that pipe is parked with the other
// descriptors, so bytes on their way survive the daemon too. The container's own pipes are left to the pipe workers.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "daemon/console/console_clients.hpp"
#include "daemon/console/pipe_workers.hpp"
#include "daemon/model/container.hpp"
#include "daemon/ring/ring.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::console {

/// What a console descriptor is, written as one letter into the parking lot.
enum class ConsoleRole : char {
    terminal = 'M',       // the pty's master
    transit_read = 'T',   // from the terminal to the ring
    transit_write = 'U',
    standard_input = 'I',
    standard_output = 'O',
    standard_error = 'E',
};

class Console final : public ConsoleInput {
public:
    struct Held {
        ConsoleRole role;
        int fd;
    };

    Console(kernel::EventLoop& loop, PipeWorkers& workers, ring::Ring ring)
        : loop_(loop), workers_(workers), ring_(std::move(ring)), clients_(loop, ring_, *this) {}
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    /// Called when bytes or boundaries were added.
    void set_listener(std::function<void()> listener) { listener_ = std::move(listener); }
    /// Called when what held() returns has shrunk, so that parked copies must go too.
    void set_shrink_listener(std::function<void()> listener) { on_shrink_ = std::move(listener); }
    /// Called when the container keeps a pipe locked, with the process that waits for that and should be in the
    /// container's unit; see PipeWorkers::Task.
    void set_hang_listener(const std::function<void(pid_t)>& listener) {
        pull_task_.set_hang_listener(listener);
        input_task_.set_hang_listener(listener);
    }

    /// A run without a terminal begins: makes the pipes, returns the container's ends for stdin, stdout, stderr.
    Result<std::array<UniqueFd, 3>> open_pipes();
    /// A run with a terminal begins; its master follows when the container has made it.
    Result<> open_terminal();
    Result<> set_terminal(UniqueFd master);
    void mark_run_begin(bool terminal);

    /// One of the container's pipes took longer than a turn of the loop, so that what it holds is not here yet.
    [[nodiscard]] bool is_late() const noexcept {
        return pull_task_.is_pending() || rest_timer_ || input_task_.is_pending();
    }

    /// All that must survive the daemon.
    [[nodiscard]] std::vector<Held> held() const;
    /// Takes back what was held and goes on reading.
    Result<> adopt(std::vector<std::pair<ConsoleRole, UniqueFd>> held);

    /// The container is gone: takes in what it had written, closes its descriptors.
    void close_run();
    /// `final`: nothing starts it again.
    void mark_run_end(const model::ExitRecord& exit, bool final);

    /// Serves one more client over `socket`.
    Result<> attach(UniqueFd socket, ConsoleClient::Options options, bool steal = false);
    [[nodiscard]] const ConsoleClients& clients() const noexcept { return clients_; }
    /// The container was deleted: tells the clients that nothing more will come.
    void finish_clients() { clients_.finish(); }

    /// Gives the ring's file NAME below `directory` another size; what fits is kept.
    Result<> resize_ring(int directory, const char* name, std::uint64_t size);

    /// What a client has not got yet is never overwritten: the writer waits for it instead, if there is a client.
    void set_lossless() noexcept { lossless_ = true; }
    /// Lossless: takes in no output until a client has come back, or this time is over.
    void hold(std::chrono::microseconds time);

    [[nodiscard]] ring::Ring& ring() noexcept { return ring_; }
    [[nodiscard]] const ring::Ring& ring() const noexcept { return ring_; }
    [[nodiscard]] bool has_terminal() const noexcept { return terminal_run_; }

    void write_input(std::string_view bytes) override;
    void end_input(bool typed) override;
    void resize(api::Size size) override;
    [[nodiscard]] bool wants_input() const override { return pending_.size() < kMaxPending; }
    [[nodiscard]] bool has_no_input() const override;
    void on_progress() override;

private:
    static constexpr std::size_t kMaxPending = 64 * 1024;

    struct Stream {
        UniqueFd fd;
        ring::Ring::MarkKind kind = ring::Ring::MarkKind::standard_output;
        kernel::EventSource source;
    };

    Result<> watch(Stream& stream);
    Result<> watch_terminal();
    void wait_for_terminal();
    void on_terminal(std::uint32_t events);
    void on_readable(Stream& stream);
    void take_terminal();
    enum class Pulled : std::uint8_t { all, end, later, stuck };
    Pulled pull_all(Stream& stream);
    Result<std::size_t> pull(Stream& stream, const ring::Ring::Space& space);
    void on_pulled();
    void take_rest(Stream& stream, std::size_t limit);
    void retry_later();
    [[nodiscard]] bool has_room() const noexcept;
    void wait_for_room();
    void watch_all();
    void stop_watching();
    void pull_terminal();
    Result<> hold_slave();
    void notify();
    void flush_input();
    Result<> wait_for_input();
    void type_end();
    Result<std::size_t> write_some(int fd);
    bool take_off_input(const Result<std::size_t>& written);
    [[nodiscard]] int input_fd() const noexcept;

    kernel::EventLoop& loop_;
    PipeWorkers& workers_;
    ring::Ring ring_;
    bool terminal_run_ = false;
    api::Size size_{};  // as the writer said; a terminal that is made later gets it
    UniqueFd terminal_;
    UniqueFd slave_;  // keeps the terminal from hanging up while the container has it closed
    UniqueFd transit_write_;
    Stream transit_;
    Stream output_;
    Stream error_;
    UniqueFd input_;
    bool input_ending_ = false;
    bool types_end_ = false;  // with input_ending_: into a terminal, too
    bool in_line_ = false;    // what was typed last does not end a line
    std::string pending_;  // input that the container has not taken yet
    kernel::EventSource terminal_source_;  // for both directions: epoll(7) watches a descriptor once
    bool reads_terminal_ = false;
    kernel::EventSource input_source_;  // of a pipe
    kernel::EventSource retry_timer_;
    kernel::EventSource hold_timer_;
    kernel::EventSource progress_source_;
    kernel::EventSource rest_timer_;
    PipeWorkers::Task pull_task_;  // one for both streams, which share the ring's position
    PipeWorkers::Task input_task_;
    bool lossless_ = false;
    bool waits_for_room_ = false;
    std::function<void()> listener_;
    std::function<void()> on_shrink_;
    ConsoleClients clients_;
};

}  // namespace xctl::console
