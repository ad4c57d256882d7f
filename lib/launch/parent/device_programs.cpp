// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/parent/device_programs.hpp"

#include "lib/kernel/bpf.hpp"

namespace xctl::launch {

Result<int> DevicePrograms::load(const std::vector<std::uint64_t>& instructions) {
    if (const auto* known = loaded_.find(instructions)) return known->get();
    auto program = TRY(kernel::load_device_program(instructions));
    return loaded_.keep(instructions, std::move(program)).get();
}

}  // namespace xctl::launch
