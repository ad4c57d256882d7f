// SPDX-License-Identifier: LGPL-2.1-or-later
// update: other limits for a container that exists.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "lib/base/fd.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"
#include "lib/launch/parent/resctrl.hpp"
#include "lib/oci/spec_check.hpp"
#include "lib/oci/spec_json.hpp"
#include "lib/oci/unsupported.hpp"
#include "lib/plan/compile.hpp"
#include "runtime/xrun/cgroup/control_group.hpp"
#include "runtime/xrun/state/container.hpp"
#include "runtime/xrun/verbs.hpp"

namespace xctl::runtime {
namespace {

/// 512m, 1G, 100kb; -1 is no limit.
Result<std::int64_t> parse_amount(std::string_view text) {
    if (text == "-1") return -1;
    std::string upper(text);
    for (char& c : upper)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (upper.ends_with('B')) upper.pop_back();
    return static_cast<std::int64_t>(TRY(parse_size(upper)));
}

Result<std::int64_t> parse_count(std::string_view text) {
    if (text == "-1") return -1;
    return static_cast<std::int64_t>(TRY(parse_unsigned(text)));
}

using Signed = std::optional<std::int64_t>;
using Unsigned = std::optional<std::uint64_t>;

/// One option and the limit that it sets.
template <class Limit>
struct LimitRow {
    std::string Arguments::*option;
    std::string_view name;
    Result<std::int64_t> (*parse)(std::string_view);
    Limit& (*limit)(oci::Resources&);
};

using SignedRow = LimitRow<Signed>;
using UnsignedRow = LimitRow<Unsigned>;

constexpr std::array kSigned{
    SignedRow{&Arguments::cpu_quota, "cpu-quota", parse_count,
              [](oci::Resources& r) -> Signed& { return r.cpu.quota; }},
    SignedRow{&Arguments::rt_runtime, "cpu-rt-runtime", parse_count,
              [](oci::Resources& r) -> Signed& { return r.cpu.realtime_runtime; }},
    SignedRow{&Arguments::cpu_idle, "cpu-idle", parse_count,
              [](oci::Resources& r) -> Signed& { return r.cpu.idle; }},
    SignedRow{&Arguments::memory, "memory", parse_amount,
              [](oci::Resources& r) -> Signed& { return r.memory.limit; }},
    SignedRow{&Arguments::memory_reservation, "memory-reservation", parse_amount,
              [](oci::Resources& r) -> Signed& { return r.memory.reservation; }},
    SignedRow{&Arguments::memory_swap, "memory-swap", parse_amount,
              [](oci::Resources& r) -> Signed& { return r.memory.swap; }},
    SignedRow{&Arguments::pids_limit, "pids-limit", parse_count,
              [](oci::Resources& r) -> Signed& { return r.pids.limit; }},
};

constexpr std::array kUnsigned{
    UnsignedRow{&Arguments::cpu_shares, "cpu-share", parse_count,
              [](oci::Resources& r) -> Unsigned& { return r.cpu.shares; }},
    UnsignedRow{&Arguments::cpu_period, "cpu-period", parse_count,
              [](oci::Resources& r) -> Unsigned& { return r.cpu.period; }},
    UnsignedRow{&Arguments::rt_period, "cpu-rt-period", parse_count,
                [](oci::Resources& r) -> Unsigned& { return r.cpu.realtime_period; }},
    UnsignedRow{&Arguments::cpu_burst, "cpu-burst", parse_count,
              [](oci::Resources& r) -> Unsigned& { return r.cpu.burst; }},
};

Result<> apply_options(const Arguments& arguments, oci::Resources& resources) {
    for (const auto& row : kSigned)
        if (const auto& text = arguments.*row.option; !text.empty())
            row.limit(resources) = TRY(row.parse(text), "invalid value for " + std::string(row.name));
    for (const auto& row : kUnsigned) {
        const auto& text = arguments.*row.option;
        if (text.empty()) continue;
        const auto value = TRY(row.parse(text), "invalid value for " + std::string(row.name));
        if (value < 0) return fail(Errc::invalid_argument, "invalid value for " + std::string(row.name) + ": " + text);
        row.limit(resources) = static_cast<std::uint64_t>(value);
    }
    if (!arguments.io_weight.empty()) {
        constexpr std::uint64_t kMinWeight = 10, kMaxWeight = 1000;
        const auto weight = TRY(parse_unsigned(arguments.io_weight), "invalid value for blkio-weight");
        if (weight < kMinWeight || weight > kMaxWeight)
            return fail(Errc::invalid_argument, "invalid value for blkio-weight: " + arguments.io_weight);
        resources.block_io.weight = static_cast<std::uint16_t>(weight);
    }
    resources.cpu.cpus = arguments.cpus;
    resources.cpu.mems = arguments.mems;
    return {};
}

Result<oci::Resources> load_resources(const Arguments& arguments) {
    oci::Resources resources;
    if (arguments.resources.empty()) {
        TRY(apply_options(arguments, resources));
        return resources;
    }
    // The file may be a pipe, too, as a shell's <(...) is.
    const bool standard_input = arguments.resources == "-";
    const auto text = TRY(standard_input ? kernel::read_fd(STDIN_FILENO)
                                         : kernel::read_file_at(kCurrentDirectory, arguments.resources));
    return oci::parse_resources(text, standard_input ? "standard input" : arguments.resources);
}

/// Of a share of CPU time that is said in part the rest stays as it is: "QUOTA PERIOD" of cpu.max.
void keep_bandwidth(const Container& container, oci::CpuLimits& cpu) {
    if (cpu.quota.has_value() == cpu.period.has_value()) return;
    const auto cgroup = open_group(container.record.cgroup);
    if (!cgroup) return;
    auto text = kernel::read_file_at(directory_of(*cgroup), "cpu.max").value_or("");
    if (text.ends_with('\n')) text.pop_back();
    const auto words = split(text, ' ');
    if (words.size() != 2) return;
    const auto quota = parse_unsigned(words[0]);
    const auto period = parse_unsigned(words[1]);
    if (!cpu.quota && quota) cpu.quota = static_cast<std::int64_t>(*quota);
    if (!cpu.period && period) cpu.period = *period;
}

/// As other runtimes have it: without a limit of memory there is none of swap either, unless one is asked for.
void free_swap(oci::MemoryLimits& memory) {
    if (memory.limit == -1 && !memory.swap) memory.swap = -1;
}

/// Schemata that are not named stay as they are.
Result<> update_resctrl(const Arguments& arguments, const Container& container, const oci::Spec& spec) {
    if (arguments.l3_cache_schema.empty() && arguments.mem_bw_schema.empty()) return {};
    auto wanted = plan::to_rdt(spec.linux_config.intel_rdt);
    if (!wanted) return fail(Errc::invalid_argument, "the container was made without intelRdt: it has no schemata");
    wanted->l3_cache_schema = arguments.l3_cache_schema;
    wanted->mem_bw_schema = arguments.mem_bw_schema;
    wanted->schemata.clear();
    return launch::change_resctrl(TRY(launch::open_resctrl()), *wanted, container.record.id);
}

}  // namespace

Result<int> verb_update(const Arguments& arguments) {
    const auto container = TRY(open_container(arguments, arguments.id(), Lock::yes));
    if (status_of(container) == oci::Status::stopped) return fail(Errc::wrong_state, "container not running");
    auto spec = TRY(load_spec(container));
    spec.linux_config.resources = TRY(load_resources(arguments));
    keep_bandwidth(container, spec.linux_config.resources.cpu);
    free_swap(spec.linux_config.resources.memory);
    TRY(oci::check_resources(spec.linux_config.resources));
    TRY(oci::check_supported(spec));
    auto limits = plan::compile_cgroup(spec.linux_config.resources, spec.oci_version);
    // No rules at all leave those that the container has.
    if (spec.linux_config.resources.devices.empty()) limits.device_program.clear();
    TRY(update_resctrl(arguments, container, spec));
    TRY(change_limits(container.record.cgroup, container.record.scope, limits, unavailable_limits(arguments)));
    return 0;
}

}  // namespace xctl::runtime
