// SPDX-License-Identifier: LGPL-2.1-or-later
// The field tables of the top level of config.json.
#pragma once

#include "lib/oci/fields.hpp"
#include "lib/oci/linux_fields.hpp"
#include "lib/oci/process_fields.hpp"
#include "lib/oci/spec.hpp"

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

}  // namespace xctl::oci
