// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as files of /proc: status and, after a NUL, cmdline of a process; its mountinfo; its cgroup; and, though it
// is a file of ours, the exit record. A process has no other number than the text says, and a command that is one text.
// A table of mounts that is accepted reads as the same when it is written again, and so does an exit record.
#include <cstddef>
#include <cstdint>
#include <format>
#include <string>
#include <string_view>

#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/process_info.hpp"
#include "lib/launch/exit_record.hpp"
#include "runtime/xrun/criu/mount_table.hpp"
#include "tests/fuzz/expect.hpp"

namespace {

using namespace xctl;
using fuzz::expect, fuzz::expect_message;

void expect_number_of(pid_t pid, std::string_view text) {
    expect(pid == -1 || (pid >= 0 && text.contains(std::to_string(pid))));
}

void try_process(std::string_view text) {
    const auto end = text.find('\0');
    const auto status = text.substr(0, end);
    const auto command = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const auto info = kernel::parse_process_info(status, command);
    expect_number_of(info.pid, status);
    expect_number_of(info.inner_pid, status);
    expect_number_of(info.parent, status);
    expect(info.uid == 0 || status.contains(std::to_string(info.uid)));
    expect(!info.command.empty() && !info.command.contains('\0'));
    if (const auto session = kernel::parse_session(status)) expect_number_of(*session, status);
    expect(!info.name.contains('\n') && info.command.size() <= command.size() + info.name.size() + 2);
}

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == ' ' || c == '\n' || c == '\\' || c == '\t')
            out += std::format("\\{:03o}", static_cast<unsigned char>(c));
        else
            out += c;
    }
    return out;
}

void try_mounts(std::string_view text) {
    const auto rows = runtime::parse_mount_table(text);
    if (!rows) return expect_message(rows.error().message);
    std::string written;
    for (const auto& row : *rows)
        written += std::format("{} 1 0:1 {} {} rw shared:1 - {} none rw\n", row.id, escaped(row.root),
                               escaped(row.point), row.fstype);
    const auto again = runtime::parse_mount_table(written);
    expect(again && *again == *rows);
    for (const auto& row : *rows)
        if (const auto plain = runtime::check_criu_path(row.point); !plain) expect_message(plain.error().message);
}

void try_exit_record(std::string_view text) {
    const auto status = launch::parse_exit_record(text);
    if (!status) return expect_message(status.error().message);
    expect(status->value >= 0 && status->value <= 255);
    const auto again = launch::parse_exit_record(launch::format_exit_record(*status));
    expect(again && again->value == status->value && again->signaled == status->signaled &&
           again->core_dumped == status->core_dumped);
}

void try_cgroup(std::string_view text) {
    const auto path = kernel::parse_cgroup_path(text);
    if (!path) return expect_message(path.error().message);
    expect(!path->contains('\n') && text.contains("0::" + *path));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try_process(text);
    try_mounts(text);
    try_exit_record(text);
    try_cgroup(text);
    return 0;
}
