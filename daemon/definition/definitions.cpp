// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/definition/definitions.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <format>
#include <map>

#include "daemon/definition/settings.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"

namespace xctl::definition {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".json";
constexpr std::time_t kSettled = 2;  // seconds; the clock of files may be coarse
constexpr std::string_view kSetDropIn = "/50-set.json";
constexpr std::string_view kRuntimeDropIn = "/60-set-runtime.json";  // later, so that it counts while it is there

/// Sorted; none if there is no such directory.
std::vector<std::string> list_names(const std::string& directory) {
    auto names = kernel::list_directory(AT_FDCWD, directory).value_or(std::vector<std::string>());
    std::ranges::sort(names);
    return names;
}

/// One that is made is flushed into its parent: what will be in it must not go with it.
Result<> make_directory(const fs::path& directory) {
    std::error_code error;
    if (fs::is_directory(directory, error)) return {};
    TRY(make_directory(directory.parent_path()));
    fs::create_directory(directory, error);
    if (error) return fail_errno(error.value(), "make " + directory.string());
    const auto parent = TRY(kernel::open_at(AT_FDCWD, directory.parent_path(), O_RDONLY | O_DIRECTORY));
    if (::fsync(parent.get()) < 0) return fail_errno(errno, "fsync of the directory of " + directory.string());
    return {};
}

Result<> save_file(const std::string& file, const std::string& text) {
    TRY(make_directory(fs::path(file).parent_path()));
    TRY(kernel::replace_file_at(AT_FDCWD, file, text, 0644, kernel::Durable::yes), "save " + file);
    return {};
}

Result<NamedText> read_named(const std::string& file) {
    auto text = TRY(kernel::read_document_at(AT_FDCWD, file));
    return NamedText{file, std::move(text)};
}

std::vector<ContainerId> list_containers(const std::vector<std::vector<std::string>>& directories) {
    std::vector<ContainerId> ids;
    for (const auto& names : directories)
        for (const std::string_view name : names)
            if (name.ends_with(kSuffix))
                if (auto id = ContainerId::parse(name.substr(0, name.size() - kSuffix.size())))
                    ids.push_back(std::move(*id));
    std::ranges::sort(ids);
    const auto again = std::ranges::unique(ids);
    ids.erase(again.begin(), again.end());
    return ids;
}

/// Also of a link that leads nowhere: its container is there, and to read it says what is wrong.
bool is_there(const std::string& file) {
    struct stat status {};
    return ::lstat(file.c_str(), &status) == 0;
}

void add_stamp(const std::string& file, std::string& out) {
    if (const auto stamp = kernel::stamp_of(file); !stamp.empty()) out += std::format("{} {}\n", file, stamp);
}

}  // namespace

Definitions Definitions::standard() {
    return Definitions({"/etc/xctl/containers", "/run/xctl/containers", "/usr/lib/xctl/containers"});
}

std::string Definitions::file_of(std::size_t directory, const ContainerId& id) const {
    return directories_[directory] + "/" + id.str() + std::string(kSuffix);
}

std::shared_ptr<const Survey> Definitions::survey() const {
    Survey now;
    now.settled = true;
    for (const auto& directory : directories_) {
        struct stat status {};
        if (::stat(directory.c_str(), &status) < 0) status = {};
        now.stamp += std::format("{} {}.{}\n", status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
        now.settled &= ::time(nullptr) - status.st_mtim.tv_sec > kSettled;
    }
    if (survey_ && survey_->settled && survey_->stamp == now.stamp) return survey_;
    for (const auto& directory : directories_) now.names.push_back(list_names(directory));
    now.ids = list_containers(now.names);
    survey_ = std::make_shared<const Survey>(std::move(now));
    return survey_;
}

bool Definitions::exists(const ContainerId& id) const {
    for (std::size_t i = 0; i < directories_.size(); ++i)
        if (is_there(file_of(i, id))) return true;
    return false;
}

std::optional<std::string> Definitions::base_of(const ContainerId& id, const NamedText* replaced) const {
    for (std::size_t i = 0; i < directories_.size(); ++i) {
        auto file = file_of(i, id);
        if ((replaced && replaced->file == file) || is_there(file)) return file;
    }
    return std::nullopt;
}

std::vector<std::string> Definitions::drop_ins_of(const ContainerId& id, const NamedText* replaced) const {
    std::map<std::string, std::string> by_name;  // emplace keeps the first, which has the higher priority
    for (std::size_t i = 0; i < directories_.size(); ++i) {
        auto files = drop_ins_in(i, id);
        if (replaced && fs::path(replaced->file).parent_path() == file_of(i, id) + ".d")
            files.push_back(replaced->file);
        for (auto& file : files) by_name.emplace(fs::path(file).filename().string(), std::move(file));
    }
    std::vector<std::string> files;
    for (auto& [name, file] : by_name) files.push_back(file);
    return files;
}

/// In the order of their names.
std::vector<std::string> Definitions::drop_ins_in(std::size_t directory, const ContainerId& id) const {
    const auto place = file_of(directory, id) + ".d";
    std::vector<std::string> files;
    for (const auto& name : list_names(place))
        if (name.ends_with(kSuffix) && !name.starts_with('.')) files.push_back(place + "/" + name);
    return files;
}

bool Definitions::is_vendors(const ContainerId& id, const std::string& file) const {
    return file == file_of(directories_.size() - 1, id);
}

Result<std::vector<NamedText>> Definitions::read(const ContainerId& id, const NamedText* replaced) const {
    const auto base = base_of(id, replaced);
    if (!base) return fail(Errc::not_found, "no container " + xctl::quoted(id.str()));
    auto files = drop_ins_of(id, replaced);
    files.insert(files.begin(), *base);
    std::vector<NamedText> out;
    for (const auto& file : files)
        out.push_back(replaced && replaced->file == file ? *replaced : TRY(read_named(file)));
    return out;
}

Result<Definition> Definitions::load(const ContainerId& id) const {
    return parse_definition(TRY(read(id)));
}

/// The text may name files that are hidden by others of the same name: these count as well.
std::string Definitions::stamp(const ContainerId& id) const {
    std::string out;
    for (std::size_t i = 0; i < directories_.size(); ++i) {
        add_stamp(file_of(i, id), out);
        for (const auto& file : drop_ins_in(i, id)) add_stamp(file, out);
    }
    return out;
}

std::string Definitions::stamp(const ContainerId& id, const Survey& survey) const {
    const auto name = id.str() + std::string(kSuffix), drop_ins = name + ".d";
    std::string out;
    for (std::size_t i = 0; i < directories_.size(); ++i) {
        if (std::ranges::binary_search(survey.names[i], name)) add_stamp(file_of(i, id), out);
        if (!std::ranges::binary_search(survey.names[i], drop_ins)) continue;
        for (const auto& file : drop_ins_in(i, id)) add_stamp(file, out);
    }
    return out;
}

Result<> Definitions::save(const ContainerId& id, const Definition& definition, Lifetime lifetime) const {
    return save_file(file_of(lifetime == Lifetime::lasting ? 0 : 1, id), to_json(definition));
}

void Definitions::withdraw(const ContainerId& id, Lifetime lifetime) const {
    std::error_code ignored;
    fs::remove(file_of(lifetime == Lifetime::lasting ? 0 : 1, id), ignored);
}

Result<> Definitions::remove(const ContainerId& id) const {
    std::error_code error;
    if (is_there(file_of(directories_.size() - 1, id)))
        return fail(Errc::denied, "the definition of " + xctl::quoted(id.str()) + " in " + directories_.back() +
                                      " belongs to a package and stays");
    for (std::size_t i = 0; i < std::min<std::size_t>(2, directories_.size()); ++i) {
        fs::remove(file_of(i, id), error);
        if (error) return fail_errno(error.value(), "remove " + file_of(i, id));
        fs::remove_all(file_of(i, id) + ".d", error);
    }
    return {};
}

Result<> Definitions::set_autostart(const ContainerId& id, bool autostart) const {
    const auto base = base_of(id, nullptr);
    if (!base) return fail(Errc::not_found, "no container " + xctl::quoted(id.str()));
    const bool in_base = !is_vendors(id, *base) && drop_ins_of(id, nullptr).empty();
    const auto file = in_base ? *base : TRY(file_to_set(id, Lifetime::lasting));
    auto text = TRY(text_to_edit(id, file));
    text = TRY(with_assignments({file, std::move(text)}, {{"/autostart", autostart ? "true" : "false"}}));
    return write({file, std::move(text)});
}

Result<std::string> Definitions::file_to_set(const ContainerId& id, Lifetime lifetime) const {
    const auto base = base_of(id, nullptr);
    if (!base) return fail(Errc::not_found, "no container " + xctl::quoted(id.str()));
    if (lifetime == Lifetime::this_boot) return file_of(1, id) + ".d" + std::string(kRuntimeDropIn);
    // What changes a definition that ends with the boot does so as well.
    return file_of(*base == file_of(1, id) ? 1 : 0, id) + ".d" + std::string(kSetDropIn);
}

void Definitions::remove_runtime(const ContainerId& id) const {
    std::error_code ignored;
    const auto directory = file_of(1, id) + ".d";
    if (fs::remove(directory + std::string(kRuntimeDropIn), ignored)) fs::remove(directory, ignored);
}

Result<std::string> Definitions::file_to_edit(const ContainerId& id, std::string_view drop_in) const {
    const auto base = base_of(id, nullptr);
    if (!base) return fail(Errc::not_found, "no container " + xctl::quoted(id.str()));
    if (drop_in.empty()) return is_vendors(id, *base) ? file_of(0, id) : *base;
    if (drop_in.ends_with(kSuffix)) drop_in.remove_suffix(kSuffix.size());
    if (!ContainerId::parse(drop_in))
        return fail(Errc::invalid_argument,
                    std::format("{}: a drop-in is named like a container", xctl::quoted(drop_in)));
    return std::format("{}.d/{}{}", file_of(0, id), drop_in, kSuffix);
}

Result<std::string> Definitions::text_to_edit(const ContainerId& id, const std::string& file) const {
    auto text = kernel::read_document_at(AT_FDCWD, file);
    if (text || text.error().sys_errno != ENOENT) return text;
    if (file != file_of(0, id)) return std::string();
    return TRY(read(id)).front().text;
}

Result<> Definitions::write(const NamedText& file) const { return save_file(file.file, file.text); }

}  // namespace xctl::definition
