// SPDX-License-Identifier: LGPL-2.1-or-later
// The document's top level. The tables of its parts are in the *_fields.hpp beside this file.
#include "lib/oci/spec_json.hpp"

#include "lib/oci/document.hpp"
#include "lib/oci/fields.hpp"
#include "lib/oci/linux_fields.hpp"
#include "lib/oci/process_fields.hpp"

namespace xctl::oci {

template <>
inline constexpr auto kFields<Root> = std::tuple{
    required("path", &Root::path),
    optional("readonly", &Root::read_only),
};

template <>
inline constexpr auto kFields<Mount> = std::tuple{
    required("destination", &Mount::destination),
    optional("type", &Mount::type),
    optional("source", &Mount::source),
    optional("options", &Mount::options),
    optional("uidMappings", &Mount::uid_mappings),
    optional("gidMappings", &Mount::gid_mappings),
};

template <>
inline constexpr auto kFields<Spec> = std::tuple{
    required("ociVersion", &Spec::oci_version),
    required("root", &Spec::root),
    optional("process", &Spec::process),
    optional("hostname", &Spec::hostname),
    optional("domainname", &Spec::domainname),
    optional("mounts", &Spec::mounts),
    optional("hooks", &Spec::hooks),
    optional("annotations", &Spec::annotations),
    optional("linux", &Spec::linux_config),
};

namespace {

template <class T>
Result<T> read_document(const Value& document, std::string_view file_name) {
    T out;
    TRY(read_value(document, Place{}, out), file_name);
    return out;
}

}  // namespace

Result<Spec> parse_spec(std::string_view text, std::string_view file_name) {
    return parse_spec(text, file_name, {});
}

Result<Spec> parse_spec(std::string_view text, std::string_view file_name, std::string_view patch_text) {
    Value document = TRY(parse_document(text, file_name));
    if (!patch_text.empty()) merge_patch(document, TRY(parse_document(patch_text, "merge patch")));
    return read_document<Spec>(document, file_name);
}

Result<Resources> parse_resources(std::string_view text, std::string_view file_name) {
    return read_document<Resources>(TRY(parse_document(text, file_name)), file_name);
}

Result<Process> parse_process(std::string_view text, std::string_view file_name) {
    return read_document<Process>(TRY(parse_document(text, file_name)), file_name);
}

}  // namespace xctl::oci
