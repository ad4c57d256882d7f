// SPDX-License-Identifier: LGPL-2.1-or-later
// xctl: one verb over xctld's socket.
#include <cstdio>
#include <cstdlib>
#include <span>

#include "client/arguments.hpp"
#include "client/call.hpp"
#include "client/commands.hpp"
#include "client/help.hpp"
#include "client/render.hpp"

using namespace xctl;

namespace {

std::string socket_path() {
    const char* path = std::getenv("XCTL_SOCKET");
    return path && *path ? path : std::string(api::kVarlinkSocket);
}

int report(const api::VerbRow* verb, const Error& error) {
    std::fprintf(stderr, "xctl: %s\n", client::printable(error.message).c_str());
    return client::failure_status(verb, error);
}

}  // namespace

int main(int argc, char** argv) {
    const api::VerbRow* verb = nullptr;
    const auto words = std::span<const char* const>(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0);
    const auto command = client::parse_arguments(words, verb);
    if (!command) return report(verb, command.error());
    if (command->options.version) return std::puts("xctl " XCTL_VERSION) < 0;
    if (command->options.help) return std::fputs(client::help_of(verb).c_str(), stdout) < 0;
    client::Client client(socket_path(), !command->options.no_ask_password);
    const auto status = client::run_command(client, *command);
    return status ? *status : report(verb, status.error());
}
