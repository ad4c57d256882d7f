// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/process_info.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"

namespace xctl::kernel {
namespace {

template <class Number>
Number number_at(const std::vector<std::string>& words, std::size_t index, Number standard) {
    if (index >= words.size()) return standard;
    const auto number = parse_unsigned(words[index]);
    // What does not fit must not become another process or user.
    return number && std::in_range<Number>(*number) ? static_cast<Number>(*number) : standard;
}

/// "Key:\tword\tword".
void take_line(ProcessInfo& info, const std::string& line) {
    const auto words = split(line, '\t');
    if (words.size() < 2) return;
    const std::string_view key = words[0];
    if (key == "Name:") info.name = words[1];
    if (key == "State:" && !words[1].empty()) info.state = words[1].front();
    if (key == "Pid:") info.pid = number_at(words, 1, info.pid);
    if (key == "PPid:") info.parent = number_at(words, 1, info.parent);
    if (key == "Uid:") info.uid = number_at(words, 2, info.uid);
    if (key == "NSpid:") info.inner_pid = number_at(words, words.size() - 1, info.inner_pid);
}

}  // namespace

ProcessInfo parse_process_info(std::string_view status, std::string_view command_line) {
    ProcessInfo info;
    for (const auto& line : split(status, '\n')) take_line(info, line);
    info.command = command_line;
    while (info.command.ends_with('\0')) info.command.pop_back();
    std::ranges::replace(info.command, '\0', ' ');
    if (info.command.empty()) info.command = "[" + info.name + "]";
    return info;
}

/// Behind the name, which may hold anything: state, parent, process group, session.
std::optional<pid_t> parse_session(std::string_view stat) {
    constexpr std::size_t kSession = 4;
    const auto name_end = stat.rfind(')');
    if (name_end == std::string_view::npos) return std::nullopt;
    const auto session = number_at<pid_t>(split(stat.substr(name_end + 1), ' '), kSession, -1);
    return session < 0 ? std::nullopt : std::optional(session);
}

Result<pid_t> read_session(pid_t pid) {
    const auto session = parse_session(TRY(read_file_at(kCurrentDirectory, "/proc/" + std::to_string(pid) + "/stat")));
    if (!session) return fail(Errc::system, "a stat file without a session");
    return *session;
}

Result<ProcessInfo> read_process_info(pid_t pid, std::size_t limit) {
    const auto directory = "/proc/" + std::to_string(pid);
    const auto status = TRY(read_file_at(kCurrentDirectory, directory + "/status"));
    const auto command = read_beginning_at(kCurrentDirectory, directory + "/cmdline", limit);
    return parse_process_info(status, command.value_or(std::string()));
}

}  // namespace xctl::kernel
