// SPDX-License-Identifier: LGPL-2.1-or-later
// A container's class of processor caches and memory bandwidth. The launch enters it; it is left when the run has ended.
#pragma once

#include <optional>
#include <string>

#include "lib/attachment/attachment.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::attachment {

class Resctrl final : public Attachment {
public:
    Resctrl(std::optional<plan::IntelRdt> wanted, std::string id) : wanted_(std::move(wanted)), id_(std::move(id)) {}

    [[nodiscard]] std::string_view name() const override { return "resctrl"; }
    [[nodiscard]] Task ended(const Scene&) override;

private:
    std::optional<plan::IntelRdt> wanted_;
    std::string id_;
};

}  // namespace xctl::attachment
