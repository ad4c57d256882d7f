// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a packet between xctld and xctl-launch, as one of a container's init, and as a parked line: they are
// refused with a message, or what was read of them makes the same bytes again. A failure that the init tells of becomes
// a text whatever its numbers are, with a path only of the plan.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "daemon/run/parking.hpp"
#include "lib/launch/channel.hpp"
#include "lib/launch/parent/failure_text.hpp"
#include "lib/launch/service_protocol.hpp"
#include "tests/fuzz/expect.hpp"

namespace {

using namespace xctl;
using fuzz::expect, fuzz::expect_message;
using Bytes = std::span<const std::byte>;

/// A row for every list that a step may count in.
plan::LaunchPlan make_plan() {
    plan::LaunchPlan plan;
    plan.namespaces.push_back({.kind = {}, .path = "/run/netns/x"});
    plan.root.path = "/srv/root";
    plan.root.mounts.resize(2);
    plan.root.mounts[0].target = "/sys";
    plan.root.mounts[0].fstype = "sysfs";
    plan.root.devices.resize(1);
    plan.root.links.resize(1);
    plan.root.masked_paths = {"/proc/kcore"};
    plan.root.read_only_paths = {"/proc/sys"};
    plan.sysctls.push_back({.file = "net/ipv4/ip_forward", .value = "1", .pointer = {}});
    plan.process.args = {"sh"};
    plan.process.cwd = "/work";
    plan.process.rlimits.push_back({.resource = 7, .soft = 1, .hard = 1});
    plan.hooks.create_container.resize(1);
    plan.hooks.start_container.resize(1);
    plan.net_devices.resize(1);
    return plan;
}

void try_message(Bytes bytes) {
    static const auto kPlan = make_plan();
    const auto parsed = launch::parse_message(bytes);
    if (!parsed) return expect_message(parsed.error().message);
    const auto* message = &parsed->message;
    const bool mounted = message->kind == launch::MessageKind::mounted;
    expect(message->kind <= launch::MessageKind::mounted);
    expect(bytes.size() == (mounted ? sizeof *parsed : sizeof *message));
    expect(std::memcmp(&*parsed, bytes.data(), bytes.size()) == 0);
    const auto error = launch::describe_failure(*message, kPlan);
    expect(error.code == Errc::launch_failed && error.sys_errno == message->error);
    expect_message(error.message);
    expect(error.message.size() < 1024);
}

void try_service(Bytes bytes) {
    const auto message = launch::parse_service(bytes);
    if (!message) return expect_message(message.error().message);
    expect(message->text.size() <= launch::kMaxText);
    expect(std::ranges::equal(launch::encode_service(*message), bytes));
}

void try_parked(std::string_view text) {
    const auto line = run::parse_parked(text);
    if (!line) return expect_message(line.error().message);
    expect(line->serial > 0 && line->serial + 1 > line->serial);
    expect(!line->key.contains(' ') && !line->text.contains('\n'));
    const auto again = run::parse_parked(run::format_parked(*line));
    expect(again && again->key == line->key && again->serial == line->serial && again->text == line->text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    try_message(bytes);
    try_service(bytes);
    try_parked({reinterpret_cast<const char*>(data), size});
    return 0;
}
