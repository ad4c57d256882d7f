// SPDX-License-Identifier: LGPL-2.1-or-later
// The hooks that run outside the container, as an attachment of its run. OCI runtime-spec, config.md, POSIX-platform
// hooks.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lib/attachment/attachment.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::attachment {

class Hooks final : public Attachment {
public:
    /// Hooks that run one after the other at one step. The first that fails at another step than `ended` is the last.
    struct Group {
        Step step;
        std::string kind;  // its name in config.json, which errors say; empty: they do not
        std::vector<plan::Hook> hooks;
    };
    /// The container's state as OCI wants it on a hook's standard input.
    using State = std::function<std::string(Step step, pid_t init)>;

    Hooks(std::vector<Group> groups, State state) : groups_(std::move(groups)), state_(std::move(state)) {}

    [[nodiscard]] std::string_view name() const override { return "hook"; }
    [[nodiscard]] Task created(const Scene& scene) override { return task_of(Step::created, scene); }
    [[nodiscard]] Task launched(const Scene& scene) override { return task_of(Step::launched, scene); }
    /// Only behind a first process: without one, no container was created.
    [[nodiscard]] Task ended(const Scene& scene) override;

private:
    [[nodiscard]] Task task_of(Step step, const Scene& scene) const;
    [[nodiscard]] Result<> run(const Group& group, const std::string& state) const;

    std::vector<Group> groups_;
    State state_;
};

}  // namespace xctl::attachment
