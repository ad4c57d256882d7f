// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/definition/blueprint.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <csignal>
#include <format>

#include "daemon/definition/settings.hpp"
#include "daemon/definition/shares.hpp"
#include "lib/kernel/file.hpp"
#include "lib/oci/names.hpp"
#include "lib/oci/spec_json.hpp"
#include "lib/plan/payload.hpp"

namespace xctl::definition {
namespace {

Result<std::string> read_document(const std::string& file) { return kernel::read_document_at(AT_FDCWD, file); }

struct Shared {
    oci::Device device;
    oci::DeviceRule rule;
};

Result<Shared> look_up(const DeviceShare& share) {
    struct stat info {};
    if (::stat(share.path.c_str(), &info) < 0) return fail_errno(errno, "/devices: " + share.path);
    if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode))
        return fail(Errc::invalid_argument, std::format("/devices: {} is no device", share.path));
    Shared out;
    out.device.type = out.rule.type = S_ISCHR(info.st_mode) ? "c" : "b";
    out.device.path = share.destination;
    out.device.major = out.rule.major = ::major(info.st_rdev);
    out.device.minor = out.rule.minor = ::minor(info.st_rdev);
    out.device.file_mode = info.st_mode & ALLPERMS;
    out.device.uid = info.st_uid;
    out.device.gid = info.st_gid;
    out.rule.allow = true;
    out.rule.access = share.access;
    return out;
}

enum class Missing : bool { fails, is_left_out };

/// The words of both lists have been checked.
Result<> add_shares(const Definition& definition, Missing missing, plan::Overrides& overrides) {
    for (const auto& text : definition.binds) overrides.mounts.push_back(parse_bind(text).value());
    for (const auto& text : definition.devices) {
        auto found = look_up(parse_device_share(text).value());
        if (!found && missing == Missing::is_left_out) continue;
        auto [device, rule] = TRY(std::move(found));
        overrides.devices.push_back(std::move(device));
        overrides.device_rules.push_back(std::move(rule));
    }
    return {};
}

Result<plan::Overrides> overrides_of(const Definition& definition, const std::vector<std::string>& args,
                                     Missing missing) {
    plan::Overrides overrides;
    TRY(add_shares(definition, missing, overrides));
    overrides.args = args;
    overrides.default_seccomp = definition.default_seccomp;
    overrides.read_profile = read_document;
    return overrides;
}

Result<std::string> read_config(const Definition& definition) {
    const auto file = definition.bundle + "/config.json";
    auto text = read_document(file);
    if (text) return text;
    auto error = std::move(text).error();
    error.code = Errc::invalid_document;
    return std::unexpected(std::move(error));
}

Result<Blueprint> compile_text(const ContainerId& id, const Definition& definition,
                               const std::vector<std::string>& args, std::string_view config) {
    const auto overrides = TRY(overrides_of(definition, args, Missing::fails));
    const auto compile = [&](const std::string& file, const std::string& patch) {
        return plan::compile_document(config, file, patch, definition.bundle, id.str(), overrides);
    };
    const auto file = definition.bundle + "/config.json";
    auto compiled = compile(file, definition.config_patch);
    // A bundle that is good by itself is not to blame for a fault of the definition.
    if (!compiled && !definition.config_patch.empty() && compile(file, ""))
        compiled = compile("\"config\" of the definition, over " + file, definition.config_patch);
    if (!compiled) return std::unexpected(std::move(compiled).error());
    return Blueprint{std::move(*compiled), whole_document(definition, config, args)};
}

Result<Definition> parse_running(std::string_view document) {
    return parse_definition({{"running.json", std::string(document)}});
}

Result<plan::Compiled> compile_running(const ContainerId& id, const Definition& definition, std::string_view document) {
    const auto overrides = TRY(overrides_of(definition, {}, Missing::is_left_out));
    return plan::compile_document(config_of(document), definition.bundle + "/config.json", "", definition.bundle,
                                  id.str(), overrides);
}

}  // namespace

Result<Blueprint> compile_container(const ContainerId& id, const Definition& definition,
                                    const std::vector<std::string>& args) {
    return compile_text(id, definition, args, TRY(read_config(definition)));
}

std::vector<std::string> list_unknown_members(const Definition& definition) {
    const auto text = read_config(definition);
    if (!text) return {};
    return oci::list_unknown_members(*text, "config.json", definition.config_patch).value_or(std::vector<std::string>());
}

Result<plan::Compiled> compile_whole(const ContainerId& id, std::string_view document) {
    return compile_running(id, TRY(parse_running(document)), document);
}

Result<std::shared_ptr<const Blueprint>> Blueprints::of_container(const ContainerId& id, const Definition& definition,
                                                                  const std::vector<std::string>& args) {
    auto text = TRY(read_config(definition));
    Source source{id.str(), definition, args, std::move(text), kernel::stamp_of(plan::kProfileFile)};
    if (const auto* known = containers_.find(source)) return *known;
    auto made = std::make_shared<const Blueprint>(TRY(compile_text(id, definition, args, source.text)));
    // Which numbers the host's devices have is found out each time.
    return definition.devices.empty() ? containers_.keep(std::move(source), std::move(made)) : made;
}

Result<std::shared_ptr<const plan::Compiled>> Blueprints::of_whole(const ContainerId& id, const std::string& document) {
    Source source{id.str(), {}, {}, document, kernel::stamp_of(plan::kProfileFile)};
    if (const auto* known = wholes_.find(source)) return *known;
    const auto definition = TRY(parse_running(document));
    auto made = std::make_shared<const plan::Compiled>(TRY(compile_running(id, definition, document)));
    return definition.devices.empty() ? wholes_.keep(std::move(source), std::move(made)) : made;
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

}  // namespace xctl::definition
