// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests and answers as D-Bus has them, made from the rows of api/: a verb's required parameters are positional, the
// others go into a{sv} options, so that new ones never change a signature. On a container's own object its name is left
// out.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "api/verbs.hpp"
#include "lib/base/result.hpp"

namespace xctl::transport {

using Dictionary = std::map<std::string, sdbus::Variant>;

struct DbusArguments {
    std::string signature;
    std::vector<std::string> names;
};
/// `container` is empty on the manager's object.
[[nodiscard]] DbusArguments input_of(const api::VerbRow& verb, const std::string& container);
[[nodiscard]] DbusArguments output_of(const api::VerbRow& verb);
/// A stream comes as a descriptor.
[[nodiscard]] DbusArguments stream_output();

/// Throws what sdbus-c++ throws on a malformed message, which it answers itself.
Result<> read_request(const api::VerbRow& verb, const std::string& container, sdbus::Message& message,
                      api::Request& request);

void append_reply(sdbus::Message& message, const api::VerbRow& verb, const api::Reply& reply);
/// Cannot write a field that may be without a value.
void append_field(sdbus::Message& message, const api::FieldRow<api::ContainerInfo>& row, const api::ContainerInfo& info);
[[nodiscard]] const char* signature_of(const api::FieldRow<api::ContainerInfo>& row);
[[nodiscard]] Dictionary to_dictionary(const api::Event& event);

/// sdbus-c++ throws when the bus is gone or refuses a message; sending then fails for that one message.
Result<> attempt(const std::function<void()>& send);
/// The same, with an entry in the log if it fails.
void try_to(const std::function<void()>& send);

}  // namespace xctl::transport
