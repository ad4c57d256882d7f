// SPDX-License-Identifier: LGPL-2.1-or-later
// One verb over xctld's varlink socket.
#pragma once

#include <functional>
#include <string>

#include "api/verbs.hpp"
#include "lib/base/result.hpp"

typedef struct sd_varlink sd_varlink;

namespace xctl::client {

class Client {
public:
    /// `host`: of the xctld, by ssh; empty: the one behind `socket`. `interactive`: polkit may ask for a password.
    Client(std::string socket, std::string host, bool interactive)
        : socket_(std::move(socket)), host_(std::move(host)), interactive_(interactive) {}
    /// For a password, from now on.
    void ask_nobody() noexcept { interactive_ = false; }

    /// Takes as long as the verb does: there is no timeout.
    Result<api::Reply> call(const api::VerbRow& verb, const api::Request& request);

    /// The same, but goes on trying for kPatience while xctld is being restarted. Only for verbs that change nothing.
    /// A call that xctld has begun kMostCutOffs times without an answer is not repeated; `wait` is, which is long.
    Result<api::Reply> call_patiently(const api::VerbRow& verb, const api::Request& request);

    /// Until the descriptor has one of the events of poll(2); false gives the call up.
    using Wait = std::function<bool(int fd, short events)>;
    /// How call() waits from now on; by itself it waits for xctld only.
    void set_wait(Wait wait) { wait_ = std::move(wait); }

    using Take = std::function<bool(api::Reply)>;

    /// Hands over replies until the connection ends, which is an error, or `take` answers false.
    Result<> observe(const api::VerbRow& verb, const api::Request& request, const Take& take);

    /// Whether the last error means that nobody answered, as while xctld is being restarted.
    [[nodiscard]] bool disconnected() const { return disconnected_; }
    /// Whether that came after the call had been sent.
    [[nodiscard]] bool was_cut_off() const { return cut_off_; }

private:
    [[nodiscard]] Result<> lost(bool was_lost);
    Result<api::Reply> collect(const api::VerbRow& verb, const api::Request& request);
    Result<api::Reply> call_once(const api::VerbRow& verb, const api::Request& request);
    Result<> wait_for(sd_varlink* link) const;

    std::string socket_;
    std::string host_;
    Wait wait_;
    bool answered_ = false;  // the other host, ever
    bool interactive_;
    bool disconnected_ = false;
    bool cut_off_ = false;  // the last call, after it was sent
};

}  // namespace xctl::client
