// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/blueprint.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <csignal>

#include "daemon/settings.hpp"
#include "lib/kernel/file.hpp"
#include "lib/oci/names.hpp"
#include "lib/plan/payload.hpp"

namespace xctl {
namespace {

/// A regular file; anything else might keep us waiting for ever.
Result<std::string> read_document(const std::string& file) {
    const auto opened = TRY(kernel::open_at(AT_FDCWD, file, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    struct stat status {};
    if (::fstat(opened.get(), &status) < 0) return fail_errno(errno, "fstat");
    if (!S_ISREG(status.st_mode))
        return fail(Errc::invalid_document, S_ISDIR(status.st_mode) ? "is a directory" : "is not a regular file");
    return kernel::read_fd(opened.get());
}

plan::Overrides overrides_of(const Definition& definition, const std::vector<std::string>& args) {
    plan::Overrides overrides;
    overrides.args = args;
    overrides.default_seccomp = definition.default_seccomp;
    overrides.read_profile = read_document;
    return overrides;
}

}  // namespace

Result<Blueprint> compile_container(const ContainerId& id, const Definition& definition,
                                    const std::vector<std::string>& args) {
    const auto file = definition.bundle + "/config.json";
    const auto text = read_document(file);
    if (!text) {
        auto error = text.error();
        error.code = Errc::invalid_document;
        return std::unexpected(std::move(error).context(file));
    }
    auto compiled = TRY(plan::compile_document(*text, file, definition.config_patch, definition.bundle, id.str(),
                                               overrides_of(definition, args)));
    return Blueprint{std::move(compiled), whole_document(definition, *text, args)};
}

Result<plan::Compiled> compile_whole(const ContainerId& id, std::string_view document) {
    const auto definition = TRY(parse_definition({{"running.json", std::string(document)}}));
    return plan::compile_document(config_of(document), definition.bundle + "/config.json", "", definition.bundle, id.str(),
                                  overrides_of(definition, {}));
}

int stop_signal_of(const Definition& definition, const std::map<std::string, std::string>& annotations,
                   const std::vector<std::string>& args) {
    auto word = definition.stop_signal;
    if (word.empty()) {
        const auto it = annotations.find("org.opencontainers.image.stopSignal");
        if (it != annotations.end()) word = it->second;
    }
    if (word.empty()) word = plan::default_stop_signal(args);
    return oci::parse_signal(word).value_or(SIGTERM);
}

}  // namespace xctl
