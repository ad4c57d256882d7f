// SPDX-License-Identifier: LGPL-2.1-or-later
// xctl-generator: makes oci@NAME.service agree with the definition of NAME, systemd.generator(7). It makes drop-ins
// only, so that what an administrator writes for the unit still counts; and it runs before file systems are mounted, so
// that a bundle that cannot be read yet is no error.
#include <fcntl.h>

#include <cstdio>
#include <filesystem>
#include <format>

#include "daemon/definition/blueprint.hpp"
#include "daemon/definition/definitions.hpp"
#include "daemon/definition/dependencies.hpp"
#include "daemon/definition/unit_names.hpp"
#include "lib/kernel/file.hpp"
#include "lib/oci/names.hpp"

namespace {

using namespace xctl;

constexpr std::string_view kDropIn = "50-xctl.conf";

Result<> generate(const ContainerId& id, const std::string& directory) {
    const auto definition = TRY(definition::Definitions::standard().load(id));
    const auto compiled = definition::compile_container(id, definition);
    const auto sources = compiled ? definition::bind_sources(compiled->plan) : std::vector<std::string>();
    const auto signal =
        compiled ? definition::stop_signal_of(definition, compiled->spec.annotations, compiled->plan.process.args)
                 : definition::stop_signal_of(definition, {}, {});
    const auto place = std::format("{}/{}.d", directory, definition::service_name(id.str()));
    std::error_code error;
    std::filesystem::create_directories(place, error);
    if (error) return fail_errno(error.value(), "make " + place);
    return kernel::replace_file_at(AT_FDCWD, std::format("{}/{}", place, kDropIn),
                                   definition::unit_drop_in(definition, sources, oci::signal_name(signal)));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2 && argc != 4) {
        std::fputs("xctl-generator is run by systemd, with one or three directories\n", stderr);
        return 2;
    }
    for (const auto& id : definition::Definitions::standard().list())
        // A broken definition costs its own container only.
        if (const auto made = generate(id, argv[1]); !made)
            std::fprintf(stderr, "xctl-generator: %s: %s\n", id.str().c_str(), made.error().message.c_str());
    return 0;
}
