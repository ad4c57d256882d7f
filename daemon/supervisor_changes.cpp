// SPDX-License-Identifier: LGPL-2.1-or-later
// What a container's files amount to, where that differs from what runs, and changing what runs.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <format>

#include "daemon/definition_keys.hpp"
#include "daemon/limit_changes.hpp"
#include "daemon/settings.hpp"
#include "daemon/supervisor.hpp"
#include "lib/kernel/file.hpp"

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

plan::Overrides overrides_of(const Definition& definition, std::vector<std::string> args) {
    plan::Overrides overrides;
    overrides.args = std::move(args);
    overrides.default_seccomp = definition.default_seccomp;
    overrides.read_profile = read_document;
    return overrides;
}

/// Changes of these keys are in force as soon as the files say so.
bool counts_at_once(const api::Setting& setting) {
    const auto* key = find_row(kKeys, setting.key);
    return key != nullptr && key->applies == Applies::at_once;
}

constexpr std::array kChangeable{kResources, kAnnotations};

std::vector<std::string> changeable(const std::vector<std::string>& keys) {
    std::vector<std::string> out;
    for (const auto& key : keys)
        for (const auto whole : kChangeable)
            if (is_within(key, whole) && !std::ranges::contains(out, whole)) out.emplace_back(whole);
    return out;
}

}  // namespace

Result<Blueprint> Supervisor::compile(const std::vector<std::string>& args) const {
    return compile(id_, definition_, args);
}

Result<Blueprint> Supervisor::compile(const ContainerId& id, const Definition& definition,
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

Result<plan::Compiled> Supervisor::compile_document(std::string_view document) const {
    const auto definition = TRY(parse_definition({{"running.json", std::string(document)}}));
    return plan::compile_document(config_of(document), definition.bundle + "/config.json", "", definition.bundle, id_.str(),
                                  overrides_of(definition, {}));
}

Result<plan::Compiled> Supervisor::compile_running() const { return compile_document(directory_.load_running()); }

Result<std::vector<api::Setting>> Supervisor::diff() const {
    if (!run_) return {};
    const auto now = TRY(compile({}));
    auto out = differences(directory_.load_running(), now.document);
    std::erase_if(out, counts_at_once);
    return out;
}

Result<> Supervisor::change_run(const Definition& definition, const std::vector<std::string>& keys) {
    const auto whole = changeable(keys);
    if (!run_ || whole.empty()) return {};
    const auto running = directory_.load_running();
    const auto now = TRY(compile(id_, definition, {}));
    const auto next = with_values_of(running, now.document, whole);
    const auto before = TRY(compile_document(running));
    const auto after = TRY(compile_document(next));
    if (std::ranges::contains(whole, kResources)) {
        const auto limits = TRY(limits_to_change(before.plan.cgroup, after.plan.cgroup));
        if (auto changed = run_->change_limits(limits); !changed) {
            // All of them or none. What was in force a moment ago can be had again.
            if (const auto back = limits_to_change(after.plan.cgroup, before.plan.cgroup)) (void)run_->change_limits(*back);
            return changed;
        }
    }
    record_.annotations = after.spec.annotations;
    save();
    return directory_.save_running(next);
}

}  // namespace xctl
