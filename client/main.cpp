// SPDX-License-Identifier: LGPL-2.1-or-later
// xctl: one verb over xctld's socket.
#include <cstdio>
#include <span>

#include "client/arguments.hpp"
#include "client/call.hpp"
#include "client/commands.hpp"
#include "client/environment.hpp"
#include "client/help.hpp"
#include "client/remote.hpp"
#include "lib/base/utf8.hpp"
#include "lib/kernel/standard_streams.hpp"

using namespace xctl;

namespace {

Result<std::string> socket_path() {
    return TRY(client::read_variable("XCTL_SOCKET")).value_or(std::string(api::kVarlinkSocket));
}

std::string help_for(const client::Command& command) {
    if (command.verb) return client::help_of(*command.verb);
    return command.group ? client::help_of(*command.group) : client::help_of();
}

int report(const api::VerbRow* verb, const Error& error) {
    std::fprintf(stderr, "xctl: %s\n", printable(error.message).c_str());
    return client::failure_status(verb, error);
}

}  // namespace

int main(int argc, char** argv) {
    kernel::fill_standard_streams(0);
    const api::VerbRow* verb = nullptr;
    const auto words = std::span<const char* const>(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0);
    const auto command = client::parse_arguments(words, verb);
    if (!command) return report(verb, command.error());
    if (command->options.version) return std::puts("xctl " XCTL_VERSION) < 0;
    if (command->options.help) return std::fputs(help_for(*command).c_str(), stdout) < 0;
    const auto socket = socket_path();
    if (!socket) return report(verb, socket.error());
    client::Client client(*socket, command->options.host, !command->options.no_ask_password);
    const auto status =
        command->options.bridge ? client::run_bridge(*socket) : client::run_command(client, *command);
    return status ? *status : report(verb, status.error());
}
