// SPDX-License-Identifier: LGPL-2.1-or-later
// The state as JSON, as hooks and engines read it.
#include <nlohmann/json.hpp>

#include "lib/oci/state.hpp"

namespace xctl::oci {
namespace {

using Json = nlohmann::ordered_json;

Json to_object(const State& state) {
    Json out{{"ociVersion", state.oci_version}, {"id", state.id}};
    out["pid"] = state.pid;  // runc writes 0 for a stopped container; engines expect the property
    out["status"] = to_string(state.status);
    out["bundle"] = state.bundle;
    if (!state.rootfs.empty()) out["rootfs"] = state.rootfs;
    if (!state.created.empty()) out["created"] = state.created;
    if (!state.annotations.empty()) out["annotations"] = state.annotations;
    if (!state.owner.empty()) out["owner"] = state.owner;
    if (!state.systemd_scope.empty()) out["systemd-scope"] = state.systemd_scope;
    return out;
}

/// A path of the host may be no UTF-8; it is shown as well as JSON can, and nothing throws.
std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string to_json(const State& state) { return to_text(to_object(state)); }

std::string to_json(const ContainerProcessState& state) {
    // The version that the specification writes here, and crun; the one of the state is in the state.
    Json out{{"ociVersion", "0.2.0"}};
    out["fds"] = {"seccompFd"};
    out["pid"] = state.pid;
    if (!state.metadata.empty()) out["metadata"] = state.metadata;
    out["state"] = to_object(state.state);
    return to_text(out);
}

}  // namespace xctl::oci
