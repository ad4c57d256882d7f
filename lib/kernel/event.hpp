// SPDX-License-Identifier: LGPL-2.1-or-later
// Owning wrappers for sd-event(3): one loop, sources that end with their owner.
#pragma once

#include <systemd/sd-event.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "lib/base/result.hpp"

namespace xctl::kernel {

/// A registered event source. Destroying it, even from its own handler, removes the registration.
class EventSource {
public:
    using Handler = std::function<void(std::uint32_t events)>;

    EventSource() noexcept = default;
    EventSource(sd_event_source* source, std::shared_ptr<Handler> handler) noexcept
        : source_(source), handler_(std::move(handler)) {}
    EventSource(EventSource&& other) noexcept
        : source_(std::exchange(other.source_, nullptr)), handler_(std::move(other.handler_)) {}
    EventSource& operator=(EventSource&& other) noexcept;
    EventSource(const EventSource&) = delete;
    EventSource& operator=(const EventSource&) = delete;
    ~EventSource() { reset(); }

    void reset() noexcept;
    [[nodiscard]] explicit operator bool() const noexcept { return source_ != nullptr; }
    /// For I/O sources: which epoll events to wait for; 0: errors only. A descriptor has one source in a loop, since
    /// epoll(7) refuses to watch it twice. A failure ends the loop, as that of EventLoop::arm() does.
    void set_events(std::uint32_t events) noexcept;

private:
    sd_event_source* source_ = nullptr;
    std::shared_ptr<Handler> handler_;
};

/// The one loop of a process. Handlers must not throw.
///
/// arm() and defer() cannot be refused: a timer that is silently missing stops a container's life. When sd-event has no
/// memory for a source, the loop ends and run() returns the error; the next daemon takes up all that runs.
class EventLoop {
public:
    static Result<EventLoop> open();
    EventLoop(EventLoop&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
    EventLoop& operator=(EventLoop&&) = delete;
    ~EventLoop() { sd_event_unref(event_); }

    [[nodiscard]] sd_event* get() const noexcept { return event_; }

    /// `fd` stays the caller's and must outlive the source: epoll(7) goes on to watch a file that is closed here while
    /// another process has it open, and a child has all of ours open for a moment.
    Result<EventSource> add_io(int fd, std::uint32_t events, EventSource::Handler handler);
    /// Calls `handler` once, `delay` from now on CLOCK_MONOTONIC. `slot` owns the timer, and loses what it held before.
    void arm(EventSource& slot, std::chrono::microseconds delay, EventSource::Handler handler);
    /// Calls `handler` once, in the next iteration. `slot` as for arm().
    void defer(EventSource& slot, EventSource::Handler handler);
    /// Before every wait of the loop, for as long as the source is there; sd_event_source_set_prepare(3).
    Result<EventSource> add_prepare(EventSource::Handler handler);
    /// The signal must be blocked.
    Result<EventSource> add_signal(int signal, EventSource::Handler handler);

    /// Tells systemd while the loop turns that it does, if the unit has WatchdogSec=: sd_event_set_watchdog(3).
    Result<> keep_watchdog();
    Result<> run();
    void exit(int status) noexcept { sd_event_exit(event_, status); }

private:
    explicit EventLoop(sd_event* event) noexcept : event_(event) {}
    Result<EventSource> add_timer(std::chrono::microseconds delay, EventSource::Handler handler);
    Result<EventSource> add_defer(EventSource::Handler handler);
    void put(EventSource& slot, Result<EventSource> added);
    sd_event* event_ = nullptr;
};

}  // namespace xctl::kernel
