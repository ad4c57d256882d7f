// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/definitions.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"

namespace xctl {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".json";
constexpr std::string_view kAutostartDropIn = "/50-autostart.json";

std::vector<fs::path> list_directory(const std::string& directory) {
    std::vector<fs::path> out;
    std::error_code ignored;
    for (auto it = fs::directory_iterator(directory, ignored); it != fs::directory_iterator(); it.increment(ignored))
        out.push_back(it->path());
    return out;
}

Result<> save_file(const std::string& file, const std::string& text) {
    std::error_code error;
    fs::create_directories(fs::path(file).parent_path(), error);
    if (error) return fail_errno(error.value(), "make " + fs::path(file).parent_path().string());
    TRY(kernel::replace_file_at(AT_FDCWD, file, text, 0644, kernel::Durable::yes), "save " + file);
    return {};
}

Result<NamedText> read_named(const std::string& file) {
    return NamedText{file, TRY(kernel::read_file_at(AT_FDCWD, file), file)};
}

}  // namespace

Definitions Definitions::standard() {
    return Definitions({"/etc/xctl/containers", "/run/xctl/containers", "/usr/lib/xctl/containers"});
}

std::string Definitions::file_of(std::size_t directory, const ContainerId& id) const {
    return directories_[directory] + "/" + id.str() + std::string(kSuffix);
}

std::vector<ContainerId> Definitions::list() const {
    std::set<ContainerId> ids;
    for (const auto& directory : directories_) {
        for (const auto& path : list_directory(directory)) {
            if (path.extension() != kSuffix) continue;
            if (auto id = ContainerId::parse(path.stem().string())) ids.insert(std::move(*id));
        }
    }
    return {ids.begin(), ids.end()};
}

bool Definitions::exists(const ContainerId& id) const {
    for (std::size_t i = 0; i < directories_.size(); ++i)
        if (std::error_code ignored; fs::exists(file_of(i, id), ignored)) return true;
    return false;
}

Result<NamedText> Definitions::read_base(const ContainerId& id) const {
    for (std::size_t i = 0; i < directories_.size(); ++i)
        if (std::error_code ignored; fs::exists(file_of(i, id), ignored)) return read_named(file_of(i, id));
    return fail(Errc::not_found, "no container " + xctl::quoted(id.str()));
}

std::vector<std::string> Definitions::drop_ins_of(const ContainerId& id) const {
    std::map<std::string, std::string> by_name;  // emplace keeps the first, which has the higher priority
    for (std::size_t i = 0; i < directories_.size(); ++i)
        for (const auto& path : list_directory(file_of(i, id) + ".d"))
            if (path.extension() == kSuffix) by_name.emplace(path.filename().string(), path.string());
    std::vector<std::string> files;
    for (auto& [name, file] : by_name) files.push_back(file);
    return files;
}

Result<Definition> Definitions::load(const ContainerId& id) const {
    const auto base = TRY(read_base(id));
    std::vector<NamedText> drop_ins;
    for (const auto& file : drop_ins_of(id)) drop_ins.push_back(TRY(read_named(file)));
    return parse_definition(base, drop_ins);
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
    if (fs::exists(file_of(directories_.size() - 1, id), error))
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
    const auto base = TRY(read_base(id));
    const bool vendor = base.file == file_of(directories_.size() - 1, id);
    const bool has_drop_ins = !drop_ins_of(id).empty();
    if (!vendor && !has_drop_ins) return save_file(base.file, TRY(with_autostart(base, autostart)));
    const auto drop_in = file_of(0, id) + ".d" + std::string(kAutostartDropIn);
    return save_file(drop_in, TRY(with_autostart({drop_in, "{}"}, autostart)));
}

}  // namespace xctl
