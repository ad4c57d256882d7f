// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/attachment/attachments.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <utility>

namespace xctl::attachment {
namespace {

struct StepRow {
    std::string_view name;
    Task (Attachment::*begin)(const Scene&);
};

/// By Step.
constexpr std::array<StepRow, 6> kSteps{{
    {"recover", &Attachment::recover},
    {"prepare", &Attachment::prepare},
    {"placed", &Attachment::placed},
    {"created", &Attachment::created},
    {"launched", &Attachment::launched},
    {"ended", &Attachment::ended},
}};
static_assert(kSteps.size() == static_cast<std::size_t>(Step::ended) + 1);

constexpr const StepRow& row_of(Step step) { return kSteps[static_cast<std::size_t>(step)]; }

}  // namespace

std::string_view name_of(Step step) noexcept { return row_of(step).name; }

Attachments::Outcome Attachments::set_up(Step step, const Scene& scene, Done done) {
    next_ = 0;
    return begin(step, scene, std::move(done));
}

Attachments::Outcome Attachments::take_down(const Scene& scene, Done done) {
    return begin(Step::ended, scene, std::move(done));
}

Attachments::Outcome Attachments::begin(Step step, const Scene& scene, Done done) {
    cancel();
    step_ = step;
    scene_ = scene;
    result_ = {};
    auto outcome = proceed();
    if (!outcome) done_ = std::move(done);
    return outcome;
}

Attachment* Attachments::take_next() {
    if (step_ == Step::ended) return standing_ > 0 ? list_[--standing_].get() : nullptr;
    if (next_ == list_.size()) return nullptr;
    // Counted before anything is done, since a failure may leave half of it.
    if (step_ == Step::prepare || step_ == Step::recover) standing_ = std::max(standing_, next_ + 1);
    return list_[next_++].get();
}

Attachments::Outcome Attachments::proceed() {
    while (auto* const attachment = take_next()) {
        const auto task = (attachment->*row_of(step_).begin)(scene_);
        if (!task.work) continue;
        auto done = task.may_block ? execute(*attachment, task) : Outcome(task.work());
        if (!done) return std::nullopt;
        if (!note(*attachment, std::move(*done))) break;
    }
    return std::exchange(result_, {});
}

/// Whether the next one has its turn.
bool Attachments::note(const Attachment& attachment, Result<> result) {
    if (result) return true;
    auto error = std::move(result).error();
    if (error.step.empty()) error.step = std::format("{} {}", attachment.name(), name_of(step_));
    if (result_)
        result_ = std::unexpected(std::move(error));
    else
        result_.error().message += "; " + error.message;
    return step_ == Step::ended;
}

/// An executor may answer before execute() returns.
Attachments::Outcome Attachments::execute(const Attachment& attachment, const Task& task) {
    waiting_ = inside_ = true;
    executor_.execute(task.work, [this, &attachment](Result<> result) {
        if (!inside_) return on_executed(attachment, std::move(result));
        waiting_ = false;
        at_once_ = std::move(result);
    });
    inside_ = false;
    return std::exchange(at_once_, std::nullopt);
}

void Attachments::on_executed(const Attachment& attachment, Result<> result) {
    waiting_ = false;
    auto outcome = note(attachment, std::move(result)) ? proceed() : Outcome(std::exchange(result_, {}));
    if (!outcome) return;
    // Moved out, since it may begin the next step, or destroy us.
    if (const auto done = std::exchange(done_, {})) done(std::move(*outcome));
}

void Attachments::cancel() {
    if (!std::exchange(waiting_, false)) return;
    executor_.cancel();
    done_ = {};
}

}  // namespace xctl::attachment
