// SPDX-License-Identifier: LGPL-2.1-or-later
// mounts[]: options become attributes by the table of lib/oci/mount_options.hpp; every other word is a parameter
// of the file system.
#include <algorithm>
#include <array>
#include <format>

#include "lib/base/text.hpp"
#include "lib/oci/check.hpp"
#include "lib/oci/mount_options.hpp"
#include "lib/plan/compile_parts.hpp"
#include "lib/plan/path.hpp"

namespace xctl::plan {
namespace {

using oci::broken;
using oci::MountEffect;

/// Files of procfs that may be covered; anything else there would mislead code that trusts /proc.
constexpr std::array<std::string_view, 10> kCoverableProcFiles{
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/slabinfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/crypto/fips_enabled",
};

/// The kernel clears before it sets, so a bit that is set may be in both; the access time field always must.
void change_attributes(std::uint64_t& set, std::uint64_t& clear, const oci::MountOption& row) {
    set = (set & ~row.mask) | row.value;
    clear |= row.mask;
}

/// Leaves in `clear` what ends up unset, and the access time field as a whole.
void settle_attributes(std::uint64_t set, std::uint64_t& clear) {
    clear &= ~(set & ~std::uint64_t{MOUNT_ATTR__ATIME});
}

/// "CONTAINER-HOST-SIZE#CONTAINER-HOST-SIZE".
Result<std::vector<IdMap>> parse_id_maps(std::string_view text) {
    std::vector<IdMap> out;
    for (const auto& line : split(text, '#')) {
        const auto numbers = split(line, '-');
        if (numbers.size() != 3) return fail(Errc::invalid_document, "must be CONTAINER-HOST-SIZE");
        std::array<std::uint32_t, 3> values{};
        for (std::size_t i = 0; i < values.size(); ++i) {
            const auto number = parse_unsigned(numbers[i]);
            if (!number || *number > 0xffffffffU)
                return fail(Errc::invalid_document, "must be CONTAINER-HOST-SIZE in whole numbers");
            values[i] = static_cast<std::uint32_t>(*number);
        }
        out.push_back({values[0], values[1], values[2]});
    }
    return out;
}

/// "uids=MAPS;gids=MAPS".
Result<> parse_id_map_option(std::string_view text, Mount& mount) {
    for (const std::string& part : split(text, ';')) {
        if (part.starts_with("uids="))
            mount.uid_map = TRY(parse_id_maps(std::string_view(part).substr(5)));
        else if (part.starts_with("gids="))
            mount.gid_map = TRY(parse_id_maps(std::string_view(part).substr(5)));
        else
            return fail(Errc::invalid_document, "must be uids=MAPS;gids=MAPS");
    }
    if (mount.uid_map.empty() || mount.gid_map.empty())
        return fail(Errc::invalid_document, "must have both uids and gids");
    return {};
}

/// "mode=755,size=64k" is two parameters; a comma in double quotes separates nothing, and the quotes go.
void add_parameters(std::string_view word, std::vector<Parameter>& out) {
    std::string text;
    bool in_quotes = false;
    const auto flush = [&] {
        if (text.empty()) return;
        const auto equals = text.find('=');
        if (equals == std::string::npos)
            out.push_back({text, std::nullopt});
        else
            out.push_back({text.substr(0, equals), text.substr(equals + 1)});
        text.clear();
    };
    for (const char c : word) {
        if (c == '"')
            in_quotes = !in_quotes;
        else if (c == ',' && !in_quotes)
            flush();
        else
            text += c;
    }
    flush();
}

class MountCompiler {
public:
    MountCompiler(const Context& context, const oci::Mount& source, std::string pointer)
        : context_(context), source_(source), pointer_(std::move(pointer)) {}

    Result<Mount> compile() {
        out_.uid_map = to_id_maps(source_.uid_mappings);
        out_.gid_map = to_id_maps(source_.gid_mappings);
        if (source_.type == "bind") out_.kind = MountKind::bind;
        for (std::size_t i = 0; i < source_.options.size(); ++i)
            TRY(apply_word(source_.options[i], std::format("{}/options/{}", pointer_, i)));
        if (out_.kind == MountKind::bind) choose_bind_attributes();
        settle_attributes(out_.attr_set, out_.attr_clear);
        settle_attributes(out_.rec_attr_set, out_.rec_attr_clear);
        TRY(choose_target());
        choose_source();
        TRY(choose_id_maps());
        TRY(check_proc());
        if (out_.copy_up && out_.fstype != "tmpfs")
            return broken(pointer_ + "/options", "tmpcopyup is for tmpfs only");
        return std::move(out_);
    }

private:
    Result<> apply_word(const std::string& word, const std::string& pointer) {
        for (const auto prefix : {oci::kIdMapPrefix, oci::kRecursiveIdMapPrefix})
            if (word.starts_with(prefix)) {
                if (prefix == oci::kRecursiveIdMapPrefix) out_.rec_attr_set |= MOUNT_ATTR_IDMAP;
                TRY(parse_id_map_option(std::string_view(word).substr(prefix.size()), out_), pointer);
                return {};
            }
        const auto* row = find_row(oci::kMountOptions, word);
        if (row == nullptr)
            add_parameters(word, out_.parameters);
        else
            apply_row(*row);
        return {};
    }

    void apply_row(const oci::MountOption& row) {
        relatime_ |= row.name == "relatime";
        switch (row.effect) {
            case MountEffect::attribute: return change_attributes(out_.attr_set, out_.attr_clear, row);
            case MountEffect::recursive_attribute:
                return change_attributes(out_.rec_attr_set, out_.rec_attr_clear, row);
            case MountEffect::superblock: return out_.parameters.push_back({std::string(row.flag), std::nullopt});
            case MountEffect::propagation:
                out_.propagation = row.value & ~std::uint64_t{MS_REC};
                out_.recursive_propagation = (row.value & MS_REC) != 0;
                return;
            case MountEffect::recursive_bind: out_.recursive = true; [[fallthrough]];
            case MountEffect::bind: out_.kind = MountKind::bind; return;
            case MountEffect::copy_up: out_.copy_up = true; return;
            case MountEffect::recursive_id_map: out_.rec_attr_set |= MOUNT_ATTR_IDMAP; [[fallthrough]];
            case MountEffect::id_map: wants_id_map_ = true; return;
            case MountEffect::source_link: out_.source_link = true; return;
            case MountEffect::copy_link: out_.copy_link = true; return;
            case MountEffect::target_link: out_.target_link = true; return;
            case MountEffect::change: changes_ = true; return;
            case MountEffect::none: return;
        }
    }

    /// A bind mount with any of these options has just those, as after mount(2) with MS_REMOUNT, whatever its source has;
    /// without any it is like its source. The access time stays unless a mode of it is asked for.
    void choose_bind_attributes() {
        if ((out_.attr_set | out_.attr_clear) == 0) return;
        constexpr std::uint64_t kOwn = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
                                       oci::option_rows::kNoSymFollow;
        out_.attr_default = kOwn & ~(out_.attr_set | out_.attr_clear);
        const bool asks_for_atime =
            (out_.attr_set & (MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME)) != 0 || relatime_;
        constexpr std::uint64_t kAccessTime = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
        out_.attr_clear = (out_.attr_clear & ~kAccessTime) | (asks_for_atime ? kAccessTime : 0);
    }

    Result<> choose_target() {
        if (!source_.destination.starts_with('/'))
            context_.warnings.push_back(pointer_ +
                                        "/destination: is relative; it is taken from the container's root");
        out_.target = normalized("/", source_.destination);
        // The host's path of a place in the root, as older documents have it.
        const auto root = normalized(context_.bundle, context_.spec.root.path);
        if (out_.target.starts_with(root + "/")) out_.target.erase(0, root.size());
        if (out_.target == "/")
            return fail(Errc::unsupported,
                        pointer_ + "/destination: a mount over the root is not supported by this version");
        return {};
    }

    void choose_source() {
        if (changes_) {
            // With "bind" only the mount changes, as in mount(8).
            if (out_.kind == MountKind::bind) out_.parameters.clear();
            out_.kind = MountKind::change;
            return;
        }
        if (out_.kind == MountKind::bind) {
            out_.source = normalized(context_.bundle, source_.source);
            if (!out_.parameters.empty())
                context_.warnings.push_back(pointer_ +
                                            "/options: a bind mount has no options of a file system: ignored " +
                                            ignored_parameters());
            out_.parameters.clear();
            return;
        }
        out_.source = source_.source;
        out_.fstype = source_.type;
        if (source_.type == "cgroup" || source_.type == "cgroup2") {
            out_.kind = MountKind::cgroup;
            out_.fstype = "cgroup2";
        } else if ((out_.attr_set & MOUNT_ATTR_RDONLY) != 0 && out_.source.starts_with('/')) {
            // A read-only medium refuses a writable file system, so the attribute of the mount is not enough.
            out_.parameters.push_back({"ro", std::nullopt});
        }
    }

    std::string ignored_parameters() const {
        std::vector<std::string> words;
        for (const auto& [key, value] : out_.parameters) words.push_back(value ? key + "=" + *value : key);
        return xctl::quoted(join(words, ","));
    }

    /// Without maps of its own an idmapped mount shows ids as the container's user namespace does.
    Result<> choose_id_maps() {
        if (!wants_id_map_ || !out_.uid_map.empty()) return {};
        out_.uid_map = to_id_maps(context_.spec.linux_config.uid_mappings);
        out_.gid_map = to_id_maps(context_.spec.linux_config.gid_mappings);
        if (!out_.uid_map.empty() && !out_.gid_map.empty()) return {};
        const auto* users = oci::find_namespace(context_.spec, oci::NamespaceType::user);
        if (users == nullptr || users->path.empty() || !out_.uid_map.empty() || !out_.gid_map.empty())
            return broken(pointer_ + "/options", "idmap needs uidMappings and gidMappings here or in /linux, "
                                                 "or a user namespace to join");
        // The one that is joined has them.
        out_.attr_set |= MOUNT_ATTR_IDMAP;
        return {};
    }

    Result<> check_proc() const {
        if (!is_within(out_.target, "/proc")) return {};
        const bool is_proc =
            out_.target == "/proc" && (out_.kind == MountKind::change || out_.fstype == "proc" ||
                                       (out_.kind == MountKind::bind && is_within(out_.source, "/proc")));
        if (is_proc || std::ranges::contains(kCoverableProcFiles, out_.target)) return {};
        return broken(pointer_ + "/destination",
                      out_.target == "/proc" ? "must be a procfs" : "must not be inside /proc");
    }

    const Context& context_;
    const oci::Mount& source_;
    std::string pointer_;
    Mount out_;
    bool wants_id_map_ = false;
    bool changes_ = false;
    bool relatime_ = false;  // asked for by its name; it is also what is left when others are taken back
};

}  // namespace

Result<std::vector<Mount>> compile_mounts(const Context& context) {
    std::vector<Mount> out;
    for (std::size_t i = 0; i < context.spec.mounts.size(); ++i)
        out.push_back(TRY(MountCompiler(context, context.spec.mounts[i], std::format("/mounts/{}", i)).compile()));
    return out;
}

}  // namespace xctl::plan
