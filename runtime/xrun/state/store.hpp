// SPDX-License-Identifier: LGPL-2.1-or-later
// The state directory: ROOT/ID with the files state.json, config.json, lock, and the socket `start`.
//
// Whoever changes a container holds its lock. It is a lock of the process (fcntl(2)), so it ends with its holder,
// however that ends, and a container's init does not inherit it. state.json is replaced as a whole: who only looks
// needs no lock.
#pragma once

#include <string>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"
#include "runtime/xrun/options.hpp"
#include "runtime/xrun/state/record.hpp"

namespace xctl::runtime {

/// One container's directory.
class Store {
public:
    /// A new one, locked. Errc::exists when there is one.
    static Result<Store> create(const Arguments& arguments);

    /// Errc::not_found when there is none. Neither locked nor read.
    static Result<Store> open(const Arguments& arguments, const std::string& id);

    /// Waits for whoever has it. Errc::not_found when the container is gone by then.
    Result<> lock();
    /// Whether somebody else has it.
    [[nodiscard]] bool is_locked() const;

    Result<Record> load() const;
    Result<> save(const Record& record) const;
    Result<std::string> load_config() const;
    Result<> save_config(std::string_view text) const;

    /// A path for us alone, short enough for a socket's address whatever the directory's name is.
    [[nodiscard]] std::string inner_path(std::string_view name) const;
    [[nodiscard]] std::string start_socket() const;
    /// The directory's name for everybody.
    Result<std::string> path() const;
    void forget_start_socket() const;

    [[nodiscard]] DirFd directory() const { return directory_; }

    /// Everything of it.
    Result<> remove() const;

private:
    Store(UniqueFd parent, std::string name, UniqueFd directory, UniqueFd lock)
        : parent_(std::move(parent)),
          name_(std::move(name)),
          directory_(std::move(directory)),
          lock_(std::move(lock)) {}

    void remove_file(const std::string& name) const;

    UniqueFd parent_;
    std::string name_;
    UniqueFd directory_;
    UniqueFd lock_;
};

Result<> check_id(std::string_view id);

[[nodiscard]] std::string root_directory(const Arguments& arguments);

/// The names of all containers, sorted; not of what is just being made or removed.
Result<std::vector<std::string>> list_names(const Arguments& arguments);

/// Those in which the extended regular expression of regex(7) is found.
Result<std::vector<std::string>> match_names(const Arguments& arguments, const std::string& pattern);

}  // namespace xctl::runtime
