// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/definition/check_policy.hpp"

namespace xctl::definition {
namespace {

Result<Probe> parse_probe(const ProbeWords& words) {
    Probe probe;
    probe.interval = words.interval;
    probe.timeout = words.timeout;
    int kinds = 0;
    const auto choose = [&](bool given, ProbeKind kind) {
        if (!given) return;
        probe.kind = kind;
        ++kinds;
    };
    choose(!words.exec.empty(), ProbeKind::exec);
    choose(!words.tcp.empty(), ProbeKind::tcp);
    choose(!words.http.empty(), ProbeKind::http);
    choose(!words.console.empty(), ProbeKind::console);
    choose(words.notify, ProbeKind::notify);
    if (kinds > 1) return fail(Errc::invalid_document, "asks for more than one of exec, tcp, http, console and notify");
    probe.args = words.exec;
    probe.text = words.console;
    if (!words.tcp.empty()) probe.endpoint = TRY(parse_endpoint(words.tcp));
    if (words.http.empty()) return probe;
    auto url = TRY(parse_url(words.http));
    probe.endpoint = std::move(url.endpoint);
    probe.path = std::move(url.path);
    return probe;
}

}  // namespace

Result<CheckPolicy> parse_checks(const CheckWords& words) {
    CheckPolicy policy;
    policy.readiness = TRY(parse_probe(words.readiness), "/readiness");
    policy.start_timeout = words.start_timeout;
    policy.health = TRY(parse_probe(words.health), "/health");
    policy.when_unhealthy = words.when_unhealthy;
    return policy;
}

}  // namespace xctl::definition
