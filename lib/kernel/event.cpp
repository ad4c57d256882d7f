// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/event.hpp"

#include <sys/epoll.h>

namespace xctl::kernel {
namespace {

using Handler = EventSource::Handler;

/// Keeps the handler alive while it runs, since it may destroy its own source.
int dispatch(void* userdata, std::uint32_t events) noexcept {
    const auto handler = static_cast<Handler*>(userdata);
    (*handler)(events);
    return 0;
}

int on_io(sd_event_source*, int, std::uint32_t events, void* userdata) noexcept {
    const auto keep = *static_cast<std::shared_ptr<Handler>*>(userdata);
    return dispatch(keep.get(), events);
}

int on_time(sd_event_source*, std::uint64_t, void* userdata) noexcept {
    const auto keep = *static_cast<std::shared_ptr<Handler>*>(userdata);
    return dispatch(keep.get(), 0);
}

int on_defer(sd_event_source*, void* userdata) noexcept {
    const auto keep = *static_cast<std::shared_ptr<Handler>*>(userdata);
    return dispatch(keep.get(), 0);
}

int on_prepare(sd_event_source*, void* userdata) noexcept {
    const auto keep = *static_cast<std::shared_ptr<Handler>*>(userdata);
    return dispatch(keep.get(), 0);
}

int on_signal(sd_event_source*, const struct signalfd_siginfo*, void* userdata) noexcept {
    const auto keep = *static_cast<std::shared_ptr<Handler>*>(userdata);
    return dispatch(keep.get(), 0);
}

/// run() returns this error, a negative errno.
void end_loop(sd_event* event, int error) { (void)sd_event_exit(event, error); }

void destroy_handler(void* userdata) { delete static_cast<std::shared_ptr<Handler>*>(userdata); }

/// Hands a reference of the handler to sd-event, which frees it with the source.
Result<EventSource> adopt(int r, sd_event_source* source, std::shared_ptr<Handler>* shared, std::string_view what) {
    if (r < 0) {
        delete shared;
        return fail_errno(-r, what);
    }
    sd_event_source_set_destroy_callback(source, destroy_handler);
    return EventSource(source, *shared);
}

}  // namespace

EventSource& EventSource::operator=(EventSource&& other) noexcept {
    if (this != &other) {
        reset();
        source_ = std::exchange(other.source_, nullptr);
        handler_ = std::move(other.handler_);
    }
    return *this;
}

void EventSource::reset() noexcept {
    if (auto* source = std::exchange(source_, nullptr)) sd_event_source_disable_unref(source);
    handler_.reset();
}

void EventSource::set_events(std::uint32_t events) noexcept {
    if (source_ == nullptr) return;
    if (const int r = sd_event_source_set_io_events(source_, events); r < 0)
        end_loop(sd_event_source_get_event(source_), r);
}

Result<EventLoop> EventLoop::open() {
    sd_event* event = nullptr;
    if (const int r = sd_event_default(&event); r < 0) return fail_errno(-r, "sd_event_default");
    return EventLoop(event);
}

Result<EventSource> EventLoop::add_io(int fd, std::uint32_t events, Handler handler) {
    auto* shared = new std::shared_ptr<Handler>(std::make_shared<Handler>(std::move(handler)));
    sd_event_source* source = nullptr;
    const int r = sd_event_add_io(event_, &source, fd, events, on_io, shared);
    return adopt(r, source, shared, "sd_event_add_io");
}

Result<EventSource> EventLoop::add_timer(std::chrono::microseconds delay, Handler handler) {
    auto* shared = new std::shared_ptr<Handler>(std::make_shared<Handler>(std::move(handler)));
    sd_event_source* source = nullptr;
    const int r = sd_event_add_time_relative(event_, &source, CLOCK_MONOTONIC,
                                             static_cast<std::uint64_t>(delay.count()), 1000, on_time, shared);
    return adopt(r, source, shared, "sd_event_add_time_relative");
}

Result<EventSource> EventLoop::add_defer(Handler handler) {
    auto* shared = new std::shared_ptr<Handler>(std::make_shared<Handler>(std::move(handler)));
    sd_event_source* source = nullptr;
    const int r = sd_event_add_defer(event_, &source, on_defer, shared);
    return adopt(r, source, shared, "sd_event_add_defer");
}

void EventLoop::arm(EventSource& slot, std::chrono::microseconds delay, Handler handler) {
    put(slot, add_timer(delay, std::move(handler)));
}

void EventLoop::defer(EventSource& slot, Handler handler) { put(slot, add_defer(std::move(handler))); }

void EventLoop::put(EventSource& slot, Result<EventSource> added) {
    if (added)
        slot = std::move(*added);
    else
        end_loop(event_, -added.error().sys_errno);
}

/// Only a source that is enabled is prepared, so it is a timer that never fires.
Result<EventSource> EventLoop::add_prepare(Handler handler) {
    auto* shared = new std::shared_ptr<Handler>(std::make_shared<Handler>(std::move(handler)));
    sd_event_source* source = nullptr;
    int r = sd_event_add_time(event_, &source, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_time, shared);
    auto adopted = adopt(r, source, shared, "sd_event_add_time");
    if (!adopted) return adopted;
    r = sd_event_source_set_prepare(source, on_prepare);
    if (r < 0) return fail_errno(-r, "sd_event_source_set_prepare");
    return adopted;
}

Result<EventSource> EventLoop::add_signal(int signal, Handler handler) {
    auto* shared = new std::shared_ptr<Handler>(std::make_shared<Handler>(std::move(handler)));
    sd_event_source* source = nullptr;
    const int r = sd_event_add_signal(event_, &source, signal, on_signal, shared);
    return adopt(r, source, shared, "sd_event_add_signal");
}

Result<> EventLoop::keep_watchdog() {
    if (const int r = sd_event_set_watchdog(event_, 1); r < 0) return fail_errno(-r, "sd_event_set_watchdog");
    return {};
}

Result<> EventLoop::run() {
    if (const int r = sd_event_loop(event_); r < 0) return fail_errno(-r, "sd_event_loop");
    return {};
}

}  // namespace xctl::kernel
