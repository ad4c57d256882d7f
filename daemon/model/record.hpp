// SPDX-License-Identifier: LGPL-2.1-or-later
// What the daemon knows about a container beyond its definition; kept in /run/xctl/state/NAME, gone with the boot.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/model/container.hpp"
#include "daemon/model/health.hpp"
#include "daemon/model/run_history.hpp"
#include "lib/base/container_id.hpp"
#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl {

enum class Placement : std::uint8_t { scope, unit };
inline constexpr std::array<Named<Placement>, 2> kPlacements{{{"scope", Placement::scope}, {"unit", Placement::unit}}};

/// A new id of a life: that of a container, from its creation until it is deleted, or of an exec.
[[nodiscard]] std::string make_life();

struct Record {
    std::string life;  // whose record this is; what was parked in another life is not taken up
    Machine machine;
    TimePoint started{};     // when the program of the current or last run began, and when the next run is due: what
    TimePoint next_start{};  // the wall clock said when the machine learnt of these
    Placement placement = Placement::scope;
    std::string unit;               // of the current or last run
    pid_t pid = -1;                 // of the current run's init
    std::vector<std::string> args;  // given with the last start; restarts by the policy use them again
    std::string bundle;             // of the current or last run, should its definition be taken away meanwhile
    std::string oci_version = "1.3.0";
    std::map<std::string, std::string> annotations;
    EndRequest end_request;         // of the current run
    std::string quarantine;         // why the current run cannot end
    bool frozen_by_unit = false;    // the current run is paused, and not by us
    bool ready = false;             // the current run
    Health health;
    std::uint64_t console_start = 0;  // where its output begins
    std::vector<RunRecord> history;

    /// After the machine took a step at this time.
    void note_times(Instant now);
};

[[nodiscard]] std::string to_json(const Record& record);
Result<Record> parse_record(std::string_view text);

/// The directory /run/xctl/state/NAME: record, console ring, exit file.
class RunDirectory {
public:
    /// Makes the directory where there is none.
    static Result<RunDirectory> open(const std::string& base, const ContainerId& id);
    /// Errno is ENOENT when there is no directory.
    static Result<RunDirectory> open_existing(const std::string& base, const ContainerId& id);
    /// Removes the directory with all it holds, the record first: a removal that is cut short leaves a directory that
    /// says nothing of any run. Nothing happens when there is no directory.
    static Result<> remove(const std::string& base, const ContainerId& id);
    /// Whose directories there are. A directory that has no container's name is left out.
    [[nodiscard]] static std::vector<ContainerId> list(const std::string& base);

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    /// Makes the directory again if somebody has removed it: true if so. It is empty then; fd() stays the same number.
    Result<bool> restore() const;
    /// The saved record; one of a new life when there is none, or when it cannot be read, which is logged.
    [[nodiscard]] Record load() const;
    Result<> save(const Record& record) const;
    /// What the current or last run was started with, see whole_document(); empty when there was none.
    [[nodiscard]] std::string load_running() const;
    Result<> save_running(std::string_view document) const;

private:
    RunDirectory(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
    std::string path_;
    UniqueFd fd_;
};

}  // namespace xctl
