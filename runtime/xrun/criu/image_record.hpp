// SPDX-License-Identifier: LGPL-2.1-or-later
// What xrun writes beside the images of a checkpoint, in xrun.json: how the restored container finds again what was
// not its own. Sources of mounts are not in it: they come from the config.json of the restore.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace xctl::runtime {

enum class ImageMountKind : unsigned char {
    bind,         // from the bind mount of config.json with the same target
    cgroup,       // cgroup2: the container's own cgroup, or everything without a cgroup namespace
    null_device,  // the host's /dev/null, over a masked file
};

struct ImageMount {
    ImageMountKind kind{};
    std::string target;  // of config.json, normalized; for null_device where it is
    bool operator==(const ImageMount&) const = default;
};

struct ImageRecord {
    bool terminal = false;
    bool joins_network = false;         // the network namespace was somebody else's
    std::vector<ImageMount> mounts;     // the key of each is its index, image_key()
    std::vector<std::string> streams;   // CRIU's keys of the three standard streams; empty: the container's own
    bool operator==(const ImageRecord&) const = default;
};

/// A mount's name in the images: from its index, so that nothing that a container chose becomes part of CRIU's syntax.
[[nodiscard]] std::string image_key(std::size_t index);

[[nodiscard]] std::string to_json(const ImageRecord& record);

/// Images may come from anywhere: whatever to_json() would not have written is Errc::invalid_document.
Result<ImageRecord> parse_image_record(std::string_view text);

/// pipe:[1], socket:[1] or file[a:1], or nothing.
[[nodiscard]] bool is_stream_key(std::string_view text);

}  // namespace xctl::runtime
