// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/health/probe_attempt.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <format>

#include "lib/kernel/namespaces.hpp"

namespace xctl::health {
namespace {

constexpr std::size_t kMaxStatusLine = 4096;

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

Address to_address(const definition::Endpoint& endpoint) {
    Address address;
    auto& four = reinterpret_cast<sockaddr_in&>(address.storage);
    if (::inet_pton(AF_INET, endpoint.host.c_str(), &four.sin_addr) == 1) {
        four.sin_family = AF_INET;
        four.sin_port = htons(endpoint.port);
        address.size = sizeof four;
        return address;
    }
    auto& six = reinterpret_cast<sockaddr_in6&>(address.storage);
    (void)::inet_pton(AF_INET6, endpoint.host.c_str(), &six.sin6_addr);
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(endpoint.port);
    address.size = sizeof six;
    return address;
}

std::string request_for(const definition::Probe& probe) {
    const auto& host = probe.endpoint.host;
    const bool six = host.contains(':');
    return std::format("GET {} HTTP/1.0\r\nHost: {}{}{}:{}\r\nUser-Agent: xctld\r\nConnection: close\r\n\r\n",
                       probe.path, six ? "[" : "", host, six ? "]" : "", probe.endpoint.port);
}

}  // namespace

void ProbeAttempt::begin(const definition::Probe& probe, int pidfd, Done done) {
    cancel();
    done_ = std::move(done);
    wants_answer_ = probe.kind == definition::ProbeKind::http;
    if (wants_answer_) request_ = request_for(probe);
    auto begun = connect(probe, pidfd);
    if (begun) {
        loop_.arm(timer_, probe.timeout, [this](std::uint32_t) {
            finish(fail(Errc::timeout, connected_ ? "no answer" : "no connection"));
        });
        return;
    }
    loop_.defer(timer_, [this, error = std::move(begun).error()](std::uint32_t) { finish(std::unexpected(error)); });
}

void ProbeAttempt::cancel() {
    source_.reset();
    timer_.reset();
    socket_.reset();
    request_.clear();
    answer_.clear();
    connected_ = false;
    done_ = nullptr;
}

Result<> ProbeAttempt::connect(const definition::Probe& probe, int pidfd) {
    const auto address = to_address(probe.endpoint);
    socket_ = TRY(kernel::make_socket_in(pidfd, address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK));
    const auto* const to = reinterpret_cast<const sockaddr*>(&address.storage);
    if (::connect(socket_.get(), to, address.size) < 0 && errno != EINPROGRESS)
        return fail_errno(errno, "connect");
    source_ = TRY(loop_.add_io(socket_.get(), EPOLLOUT, [this](std::uint32_t) { on_event(); }));
    return {};
}

void ProbeAttempt::on_event() {
    if (!connected_) {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return finish(fail_errno(error, "connect"));
        connected_ = true;
    }
    if (!wants_answer_) return finish({});
    const auto over = request_.empty() ? read_answer() : send_request();
    if (!over) return finish(std::unexpected(over.error()));
    if (*over) finish(definition::check_status_line(answer_));
}

Result<bool> ProbeAttempt::send_request() {
    const auto sent = ::send(socket_.get(), request_.data(), request_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return fail_errno(errno, "send");
    if (sent > 0) request_.erase(0, static_cast<std::size_t>(sent));
    if (request_.empty()) source_.set_events(EPOLLIN);
    return false;
}

/// True when the first line is there, or no more will come.
Result<bool> ProbeAttempt::read_answer() {
    std::array<char, kMaxStatusLine> buffer;
    const auto size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EAGAIN) return false;
    if (size < 0) return fail_errno(errno, "recv");
    answer_.append(buffer.data(), static_cast<std::size_t>(size));
    return size == 0 || answer_.contains('\n') || answer_.size() >= kMaxStatusLine;
}

void ProbeAttempt::finish(Result<> result) {
    const auto done = std::move(done_);
    cancel();
    if (done) done(std::move(result));
}

}  // namespace xctl::health
