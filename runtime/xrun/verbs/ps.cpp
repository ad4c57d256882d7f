// SPDX-License-Identifier: LGPL-2.1-or-later
// ps: the processes of a container, as numbers or as ps(1) shows them.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "lib/base/text.hpp"
#include "lib/base/utf8.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/cgroup_tree.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/process.hpp"
#include "runtime/xrun/cgroup/control_group.hpp"
#include "runtime/xrun/state/container.hpp"
#include "runtime/xrun/verbs.hpp"

namespace xctl::runtime {
namespace {

/// Of the cgroup and all below it.
Result<std::vector<pid_t>> list_processes(const Record& record) {
    const auto cgroup = open_group(record.cgroup);
    if (!cgroup && cgroup.error().sys_errno == ENOENT) return std::vector<pid_t>();
    if (!cgroup) return std::unexpected(cgroup.error());
    return kernel::read_tree(*cgroup);
}

std::string as_json(const std::vector<pid_t>& pids) {
    if (pids.empty()) return "null\n";
    std::string text;
    for (const auto pid : pids) text += (text.empty() ? "[" : ",") + std::to_string(pid);
    return text + "]\n";
}

Result<std::string> output_of_ps(std::vector<std::string> words) {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) < 0) return fail_errno(errno, "pipe2");
    const UniqueFd output(ends[0]);
    UniqueFd input(ends[1]);
    std::vector<char*> args{const_cast<char*>("ps")};
    if (words.empty()) words = {"-ef"};
    for (auto& word : words) args.push_back(word.data());
    args.push_back(nullptr);
    const auto child = TRY(kernel::clone_process({}));
    if (child.pid == 0) {
        ::dup2(input.get(), STDOUT_FILENO);
        ::execvp("ps", args.data());
        ::_exit(127);
    }
    input.reset();
    auto text = kernel::read_fd(output.get());
    const auto status = TRY(kernel::wait_exit(child.pidfd));
    if (status.signaled || status.value != 0) return fail(Errc::system, "ps failed");
    return text;
}

std::vector<std::string> words_of(const std::string& line) {
    auto words = split(line, ' ');
    std::erase(words, std::string());
    return words;
}

/// The lines of ps whose column PID is one of ours, after its title.
Result<std::string> only_ours(const std::string& listing, const std::vector<pid_t>& pids) {
    const auto lines = split(listing, '\n');
    const auto title = words_of(lines.front());
    const auto column = static_cast<std::size_t>(std::ranges::find(title, "PID") - title.begin());
    if (column == title.size()) return fail(Errc::system, "couldn't find PID field in ps output");
    std::string text = lines.front() + "\n";
    for (const auto& line : lines) {
        const auto words = words_of(line);
        if (words.size() <= column) continue;
        const auto pid = parse_unsigned(words[column]);
        if (pid && std::ranges::contains(pids, static_cast<pid_t>(*pid))) text += line + "\n";
    }
    return text;
}

}  // namespace

Result<int> verb_ps(const Arguments& arguments) {
    if (arguments.format != "table" && arguments.format != "json")
        return fail(Errc::invalid_argument, "invalid format option");
    const auto container = TRY(open_container(arguments, arguments.id(), Lock::no));
    const auto pids = TRY(list_processes(container.record));
    if (arguments.format == "json") {
        TRY(print(as_json(pids)));
        return 0;
    }
    const auto listing = TRY(output_of_ps({arguments.words.begin() + 1, arguments.words.end()}));
    const auto lines = TRY(only_ours(listing, pids));
    // Not every ps replaces control characters.
    TRY(print(printable_lines(lines)));
    return 0;
}

}  // namespace xctl::runtime
