// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/console/console_clients.hpp"

#include <algorithm>

namespace xctl::console {

Result<> ConsoleClients::add(UniqueFd socket, ConsoleClient::Options options, bool steal) {
    // One that has just been closed may not have been seen to leave yet.
    if (writer_ != nullptr) writer_->notice_departure();
    const bool writes = !options.observe && (steal || writer_ == nullptr);
    // Who steals stands before all who wait, so that whom it steals from is right behind.
    auto& entry = *entries_.emplace(steal ? entries_.begin() : entries_.end());
    entry.client = std::make_unique<ConsoleClient>(ring_, input_, std::move(socket), std::move(options));
    if (auto started = entry.client->start(loop_, [this, &entry] { on_gone(entry); }); !started) {
        entries_.remove_if([&](const Entry& other) { return &other == &entry; });
        return started;
    }
    if (writes) set_writer(entry.client.get());
    return {};
}

void ConsoleClients::set_writer(ConsoleClient* client) {
    auto* const before = std::exchange(writer_, client);
    if (before != nullptr) before->set_writer(false);
    if (client != nullptr) client->set_writer(true);
}

void ConsoleClients::choose_writer() {
    const auto next = std::ranges::find_if(entries_, [](const Entry& e) { return !e.gone && e.client->may_write(); });
    set_writer(next == entries_.end() ? nullptr : next->client.get());
}

void ConsoleClients::release_writer() { choose_writer(); }

/// Removed in the next turn of the loop, since the client is in the middle of what made it leave.
void ConsoleClients::on_gone(Entry& entry) {
    entry.gone = true;
    if (entry.client.get() == writer_) {
        writer_ = nullptr;
        choose_writer();
    }
    loop_.defer(purge_source_, [this](std::uint32_t) { purge(); });
    input_.on_progress();
}

void ConsoleClients::purge() {
    entries_.remove_if([](const Entry& entry) { return entry.gone; });
    purge_source_.reset();
}

void ConsoleClients::pump() {
    for (auto& entry : entries_)
        if (!entry.gone) entry.client->pump();
}

void ConsoleClients::finish() {
    for (auto& entry : entries_)
        if (!entry.gone) entry.client->finish();
}

void ConsoleClients::update_events() {
    for (auto& entry : entries_)
        if (!entry.gone) entry.client->update_events();
}

std::size_t ConsoleClients::count() const noexcept {
    return static_cast<std::size_t>(std::ranges::count(entries_, false, &Entry::gone));
}

std::uint64_t ConsoleClients::slowest_offset() const noexcept {
    auto slowest = ring_.end();
    for (const auto& entry : entries_)
        if (!entry.gone) slowest = std::min(slowest, entry.client->offset());
    return slowest;
}

std::vector<api::ClientInfo> ConsoleClients::list() const {
    std::vector<api::ClientInfo> out;
    for (const auto& entry : entries_)
        if (!entry.gone) out.push_back(entry.client->info());
    return out;
}

}  // namespace xctl::console
