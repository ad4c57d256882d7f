// SPDX-License-Identifier: LGPL-2.1-or-later
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/xrun/state/record.hpp"

namespace xctl::runtime {
namespace {

using Json = nlohmann::ordered_json;

/// A path of the host may be no UTF-8; nothing throws.
std::string dump(const Json& json, int indent = -1) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

template <class T>
void read(const Json& json, const char* name, T& out) {
    const auto at = json.find(name);
    if (at == json.end()) return;
    if constexpr (std::is_same_v<T, std::string>) {
        if (at->is_string()) out = at->template get_ref<const std::string&>();
    } else {
        // A number that does not fit would become another one, and so the number of another process.
        if (at->is_number_unsigned() && std::in_range<T>(at->template get<std::uint64_t>()))
            out = at->template get<T>();
    }
}

}  // namespace

std::string to_json(const Record& record) {
    return dump(Json{{"id", record.id},
                     {"ociVersion", record.oci_version},
                     {"bundle", record.bundle},
                     {"rootfs", record.rootfs},
                     {"created", record.created},
                     {"annotations", record.annotations},
                     {"pid", record.pid},
                     {"startTime", record.start_time},
                     {"cgroup", record.cgroup},
                     {"scope", record.scope},
                     {"streams", record.streams}});
}

Result<Record> parse_record(std::string_view text) {
    const auto json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return fail(Errc::invalid_document, "the container's state file is broken");
    Record record;
    read(json, "id", record.id);
    read(json, "ociVersion", record.oci_version);
    read(json, "bundle", record.bundle);
    read(json, "rootfs", record.rootfs);
    read(json, "created", record.created);
    read(json, "pid", record.pid);
    read(json, "startTime", record.start_time);
    read(json, "cgroup", record.cgroup);
    read(json, "scope", record.scope);
    if (const auto at = json.find("streams"); at != json.end() && at->is_array())
        for (const auto& value : *at)
            if (value.is_string()) record.streams.push_back(value.get_ref<const std::string&>());
    if (const auto at = json.find("annotations"); at != json.end() && at->is_object())
        for (const auto& [name, value] : at->items())
            if (value.is_string()) record.annotations[name] = value.get_ref<const std::string&>();
    return record;
}

std::string to_json(const std::vector<oci::State>& states) {
    if (states.empty()) return "null";
    std::string text;
    for (const auto& state : states) text += (text.empty() ? "[" : ",") + oci::to_json(state);
    return text + "]";
}

std::string log_line_json(std::string_view level, std::string_view message, std::string_view time) {
    return dump(Json{{"level", level}, {"msg", message}, {"time", time}}) + "\n";
}

}  // namespace xctl::runtime
