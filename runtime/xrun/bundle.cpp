// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/bundle.hpp"

#include <fcntl.h>

#include <chrono>
#include <filesystem>

#include "lib/base/fd.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"
#include "lib/launch/parent/launch.hpp"
#include "lib/oci/spec_check.hpp"
#include "lib/oci/spec_json.hpp"
#include "lib/oci/unsupported.hpp"
#include "lib/plan/compile.hpp"
#include "lib/plan/path.hpp"
#include "runtime/xrun/privileges.hpp"
#include "runtime/xrun/report.hpp"

namespace xctl::runtime {

oci::Spec with_process(oci::Spec spec) {
    if (!spec.process) spec.process.emplace().cwd = "/";
    return spec;
}

Result<Bundle> load_bundle(const Arguments& arguments) {
    Bundle bundle;
    std::error_code unknown;
    bundle.path = plan::normalized(std::filesystem::current_path(unknown).native(), arguments.bundle);
    const auto& name = arguments.config;
    auto text = kernel::read_document_at(kCurrentDirectory, plan::normalized(bundle.path, name));
    if (!text && text.error().sys_errno == ENOENT)
        return fail(Errc::invalid_document, "JSON specification file " + name + " not found");
    if (!text) return std::unexpected(std::move(text).error());
    bundle.text = std::move(*text);
    bundle.spec = TRY(oci::parse_spec(bundle.text, name));
    TRY(oci::check_spec(bundle.spec), name);
    TRY(oci::check_supported(bundle.spec), name);
    TRY(plan::apply_profile(bundle.spec, false, read_profile), name);
    plan::Warnings warnings;
    bundle.plan = TRY(plan::compile(with_process(bundle.spec), bundle.path, arguments.id(), {}, &warnings),
                      name);
    bundle.plan.root.no_pivot = arguments.no_pivot;
    // The kernel lets nobody else load it, and devices that a user may not make need no rules.
    if (!is_host_root()) bundle.plan.cgroup.device_program.clear();
    for (auto& warning : launch::list_idle_labels(bundle.plan)) warnings.push_back(std::move(warning));
    for (const auto& warning : warnings) report_detail(warning);
    return bundle;
}

/// A checkpoint has to know which pipes were somebody else's, also when the program has other streams by then.
std::vector<std::string> names_of_streams() {
    std::vector<std::string> names;
    for (int stream = 0; stream < 3; ++stream)
        names.push_back(kernel::read_fd_path(stream).value_or(std::string()));
    return names;
}

Record make_record(const Arguments& arguments, const Bundle& bundle, const Placement& placement) {
    Record record;
    record.id = arguments.id();
    record.oci_version = bundle.spec.oci_version;
    record.bundle = bundle.path;
    record.rootfs = bundle.plan.root.path;
    record.created = format_time(std::chrono::system_clock::now());
    record.annotations = bundle.spec.annotations;
    record.cgroup = placement.cgroup;
    record.scope = placement.scope;
    if (!bundle.plan.process.terminal) record.streams = names_of_streams();
    return record;
}

}  // namespace xctl::runtime
