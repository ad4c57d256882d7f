// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "lib/base/table.hpp"
#include "runtime/xrun/criu/image_record.hpp"

namespace xctl::runtime {
namespace {

constexpr int kImageVersion = 1;
constexpr std::size_t kStreams = 3, kMaxImageMounts = 10'000;

constexpr std::array<Named<ImageMountKind>, 3> kImageMountKinds{{
    {"bind", ImageMountKind::bind},
    {"cgroup", ImageMountKind::cgroup},
    {"null", ImageMountKind::null_device},
}};

using ImageJson = nlohmann::ordered_json;

std::unexpected<Error> broken_image(const std::string& what) {
    return fail(Errc::invalid_document, "xrun.json beside the images: " + what);
}

bool is_image_target(std::string_view text) {
    return text.starts_with('/') && std::ranges::none_of(text, [](unsigned char c) { return c < ' '; });
}

bool all_of_letters(std::string_view text, std::string_view letters) {
    return !text.empty() && text.find_first_not_of(letters) == std::string_view::npos;
}

/// Exactly these members: one that we do not know could matter.
bool has_members(const ImageJson& json, std::initializer_list<std::string_view> names) {
    return json.is_object() && json.size() == names.size() &&
           std::ranges::all_of(names, [&](std::string_view name) { return json.contains(name); });
}

Result<ImageMount> parse_mount(const ImageJson& json) {
    if (!has_members(json, {"kind", "target"}) || !json["kind"].is_string() || !json["target"].is_string())
        return broken_image("a mount needs kind and target");
    ImageMount mount;
    const auto kind = value_of(kImageMountKinds, json["kind"].get_ref<const std::string&>());
    if (!kind) return broken_image("unknown kind of mount");
    mount.kind = *kind;
    mount.target = json["target"].get_ref<const std::string&>();
    if (!is_image_target(mount.target)) return broken_image("a target is no absolute path");
    return mount;
}

}  // namespace

std::string image_key(std::size_t index) { return "xrun-" + std::to_string(index); }

bool is_stream_key(std::string_view text) {
    if (text.empty()) return true;
    if (!text.ends_with(']')) return false;
    text.remove_suffix(1);
    for (const std::string_view start : {"pipe:[", "socket:["})
        if (text.starts_with(start)) return all_of_letters(text.substr(start.size()), "0123456789");
    if (!text.starts_with("file[")) return false;
    text.remove_prefix(5);
    const auto colon = text.find(':');
    return colon != std::string_view::npos && all_of_letters(text.substr(0, colon), "0123456789abcdef") &&
           all_of_letters(text.substr(colon + 1), "0123456789abcdef");
}

std::string to_json(const ImageRecord& record) {
    ImageJson mounts = ImageJson::array();
    for (const auto& mount : record.mounts)
        mounts.push_back({{"kind", xctl::name_of(kImageMountKinds, mount.kind)}, {"target", mount.target}});
    const ImageJson json{{"version", kImageVersion},
                         {"terminal", record.terminal},
                         {"joinsNetwork", record.joins_network},
                         {"mounts", std::move(mounts)},
                         {"streams", record.streams}};
    return json.dump(-1, ' ', false, ImageJson::error_handler_t::replace) + "\n";
}

Result<ImageRecord> parse_image_record(std::string_view text) {
    const auto json = ImageJson::parse(text, nullptr, false);
    if (!has_members(json, {"version", "terminal", "joinsNetwork", "mounts", "streams"}))
        return broken_image("not what xrun writes");
    if (json["version"] != kImageVersion) return broken_image("another version of xrun wrote it");
    if (!json["terminal"].is_boolean() || !json["joinsNetwork"].is_boolean() || !json["mounts"].is_array() ||
        json["mounts"].size() > kMaxImageMounts || !json["streams"].is_array() || json["streams"].size() != kStreams)
        return broken_image("a member has another type");
    ImageRecord record;
    record.terminal = json["terminal"].get<bool>();
    record.joins_network = json["joinsNetwork"].get<bool>();
    for (const auto& mount : json["mounts"]) record.mounts.push_back(TRY(parse_mount(mount)));
    for (const auto& stream : json["streams"]) {
        if (!stream.is_string() || !is_stream_key(stream.get_ref<const std::string&>()))
            return broken_image("a stream has no name of a pipe, a socket or a file");
        record.streams.push_back(stream.get_ref<const std::string&>());
    }
    return record;
}

}  // namespace xctl::runtime
