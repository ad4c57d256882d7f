// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/attachments.hpp"

#include <cerrno>

#include "lib/attachment/hooks.hpp"
#include "lib/attachment/resctrl.hpp"
#include "lib/plan/compile.hpp"
#include "runtime/xrun/notify_socket.hpp"

namespace xctl::runtime {
namespace {

using attachment::Scene;
using attachment::Step;
using attachment::Task;

/// The directory of the socket for sd_notify(3), which goes with the state directory.
class NotifyDirectory final : public attachment::Attachment {
public:
    explicit NotifyDirectory(const Making& making) : making_(making) {}

    [[nodiscard]] std::string_view name() const override { return "notify"; }
    [[nodiscard]] Task prepare(const Scene&) override {
        if (!has_notify_socket()) return {};
        return {[this] { return add_notify_directory(making_.container.store, making_.plan); }};
    }

private:
    const Making& making_;
};

bool is_refused(const Error& error) {
    return error.sys_errno == EACCES || error.sys_errno == EPERM || error.sys_errno == EROFS;
}

oci::Status status_at(Step step) {
    switch (step) {
        case Step::launched: return oci::Status::running;
        case Step::ended: return oci::Status::stopped;
        default: return oci::Status::created;
    }
}

std::unique_ptr<attachment::Hooks> make_hooks(const Container& container, const oci::Hooks& hooks) {
    return std::make_unique<attachment::Hooks>(
        std::vector<attachment::Hooks::Group>{{Step::created, "prestart", plan::to_hooks(hooks.prestart)},
                                              {Step::created, "createRuntime", plan::to_hooks(hooks.create_runtime)},
                                              {Step::launched, "poststart", plan::to_hooks(hooks.poststart)},
                                              {Step::ended, "poststop", plan::to_hooks(hooks.poststop)}},
        [&container](Step step, pid_t) { return state_for_hooks(container, status_at(step)); });
}

}  // namespace

Task ControlGroup::prepare(const Scene&) {
    if (making_ == nullptr || making_->placement.cgroup.empty()) return {};
    return {[this]() -> Result<> {
        auto made = make_group(making_->placement.cgroup, making_->plan.cgroup, making_->unavailable);
        if (!made && (making_->needs_cgroup || !is_refused(made.error()))) return std::unexpected(made.error());
        if (made)
            directory_ = std::move(*made);
        else
            making_->container.record.cgroup.clear();
        return {};
    }};
}

Task ControlGroup::placed(const Scene& scene) {
    if (making_ == nullptr || making_->placement.scope.empty()) return {};
    return {[this, init = scene.init_fd]() -> Result<> {
        auto& [store, record] = making_->container;
        record.cgroup =
            TRY(make_scope(making_->placement, record.id, init, making_->plan.cgroup, making_->unavailable));
        return store.save(record);
    }};
}

Task ControlGroup::ended(const Scene&) {
    return {[this] {
        const auto& record = container_.record;
        return remove_group(record.cgroup, record.scope, record.id);
    }};
}

ContainerAttachments::ContainerAttachments(const Making& making, const oci::Spec& spec) {
    if (making.notifies) attachments_.add(std::make_unique<NotifyDirectory>(making));
    add_all(making.container, &spec, std::make_unique<ControlGroup>(making));
}

ContainerAttachments::ContainerAttachments(const Container& container, const oci::Spec* spec) {
    add_all(container, spec, std::make_unique<ControlGroup>(container));
}

/// Hooks are taken down last: the specification wants the poststop hooks behind everything else.
void ContainerAttachments::add_all(const Container& container, const oci::Spec* spec,
                                   std::unique_ptr<ControlGroup> cgroup) {
    if (spec != nullptr) attachments_.add(make_hooks(container, spec->hooks));
    cgroup_ = cgroup.get();
    attachments_.add(std::move(cgroup));
    if (spec != nullptr)
        attachments_.add(std::make_unique<attachment::Resctrl>(plan::to_rdt(spec->linux_config.intel_rdt),
                                                               container.record.id));
}

Result<> ContainerAttachments::set_up(Step step, pid_t init, PidFd init_fd) {
    return attachments_.set_up(step, {.init = init, .init_fd = init_fd}, {}).value();
}

Result<> ContainerAttachments::take_down() {
    TRY(set_up(Step::recover));
    // A container that never had an init has poststop hooks, too.
    return attachments_.take_down({.init = 0}, {}).value();
}

}  // namespace xctl::runtime
