// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/bpf.hpp"

#include <linux/bpf.h>

#include <array>
#include <string>
#include <vector>

#include "lib/kernel/raw.hpp"

namespace xctl::kernel {
namespace {

constexpr std::size_t kMaxPrograms = 64;

int bpf(int command, bpf_attr& attributes) { return raw::call<SYS_bpf>(command, &attributes, sizeof attributes); }

Result<std::vector<std::uint32_t>> list_device_programs(CgroupFd cgroup) {
    std::array<std::uint32_t, kMaxPrograms> ids{};
    bpf_attr attributes{};
    attributes.query.target_fd = static_cast<std::uint32_t>(cgroup.get());
    attributes.query.attach_type = BPF_CGROUP_DEVICE;
    attributes.query.prog_ids = reinterpret_cast<std::uintptr_t>(ids.data());
    attributes.query.prog_cnt = ids.size();
    TRY(lift(bpf(BPF_PROG_QUERY, attributes), "list the device programs of the cgroup"));
    return std::vector<std::uint32_t>(ids.begin(), ids.begin() + attributes.query.prog_cnt);
}

Result<UniqueFd> open_program(std::uint32_t id) {
    bpf_attr attributes{};
    attributes.prog_id = id;
    return lift_fd(bpf(BPF_PROG_GET_FD_BY_ID, attributes), "open a device program");
}

Result<> attach(CgroupFd cgroup, int program, int replaced) {
    bpf_attr attributes{};
    attributes.target_fd = static_cast<std::uint32_t>(cgroup.get());
    attributes.attach_bpf_fd = static_cast<std::uint32_t>(program);
    attributes.attach_type = BPF_CGROUP_DEVICE;
    attributes.attach_flags = BPF_F_ALLOW_MULTI | (replaced >= 0 ? BPF_F_REPLACE : 0U);
    if (replaced >= 0) attributes.replace_bpf_fd = static_cast<std::uint32_t>(replaced);
    return lift(bpf(BPF_PROG_ATTACH, attributes), "attach the device program");
}

Result<> detach(CgroupFd cgroup, int program) {
    bpf_attr attributes{};
    attributes.target_fd = static_cast<std::uint32_t>(cgroup.get());
    attributes.attach_bpf_fd = static_cast<std::uint32_t>(program);
    attributes.attach_type = BPF_CGROUP_DEVICE;
    return lift(bpf(BPF_PROG_DETACH, attributes), "detach a device program");
}

}  // namespace

Result<UniqueFd> load_device_program(std::span<const std::uint64_t> instructions) {
    static constexpr char kLicense[] = "GPL";
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attributes.insns = reinterpret_cast<std::uintptr_t>(instructions.data());
    attributes.insn_cnt = static_cast<std::uint32_t>(instructions.size());
    attributes.license = reinterpret_cast<std::uintptr_t>(kLicense);
    return lift_fd(bpf(BPF_PROG_LOAD, attributes), "load the device program");
}

Result<> set_device_program(CgroupFd cgroup, int program) {
    const auto ids = TRY(list_device_programs(cgroup));
    if (ids.empty()) return attach(cgroup, program, -1);
    const auto first = TRY(open_program(ids.front()));
    TRY(attach(cgroup, program, first.get()));
    for (std::size_t i = 1; i < ids.size(); ++i) {
        const auto other = TRY(open_program(ids[i]));
        TRY(detach(cgroup, other.get()));
    }
    return {};
}

}  // namespace xctl::kernel
