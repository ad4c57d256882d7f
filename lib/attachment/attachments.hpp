// SPDX-License-Identifier: LGPL-2.1-or-later
// The attachments of one run, in order. They are set up in that order until one fails, and taken down in reverse.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "lib/attachment/attachment.hpp"

namespace xctl::attachment {

/// Does the work that may block.
class Executor {
public:
    using Done = std::function<void(Result<>)>;

    virtual ~Executor() = default;
    /// `done` once, perhaps before this returns, and not at all after cancel().
    virtual void execute(const std::function<Result<>()>& work, Done done) = 0;
    /// Ends the work that is being done.
    virtual void cancel() = 0;
};

/// Does it at once, in this thread.
class Inline final : public Executor {
public:
    void execute(const std::function<Result<>()>& work, Done done) override { done(work()); }
    void cancel() override {}
};

class Attachments {
public:
    using Done = std::function<void(Result<>)>;
    /// The result of a step in which nothing had to wait; else nothing, and `done` is called later.
    using Outcome = std::optional<Result<>>;
    using List = std::vector<std::unique_ptr<Attachment>>;

    explicit Attachments(Executor& executor) : executor_(executor) {}
    Attachments(const Attachments&) = delete;
    Attachments& operator=(const Attachments&) = delete;

    /// The last is set up last and taken down first.
    void add(std::unique_ptr<Attachment> attachment) { list_.push_back(std::move(attachment)); }

    /// A step before the end: the first failure ends it, and names the attachment and the step.
    Outcome set_up(Step step, const Scene& scene, Done done);
    /// Takes down what was prepared or recovered; a failure keeps no other from being taken down. May be asked again,
    /// and goes on where cancel() has stopped it: what was cancelled is not tried again.
    Outcome take_down(const Scene& scene, Done done);

    /// Work of a step is being done elsewhere.
    [[nodiscard]] bool is_waiting() const noexcept { return waiting_; }
    /// Ends that work and forgets `done`.
    void cancel();

private:
    Outcome begin(Step step, const Scene& scene, Done done);
    Outcome proceed();
    [[nodiscard]] Attachment* take_next();
    [[nodiscard]] Outcome execute(const Attachment& attachment, const Task& task);
    void on_executed(const Attachment& attachment, Result<> result);
    [[nodiscard]] bool note(const Attachment& attachment, Result<> result);

    Executor& executor_;
    List list_;
    std::size_t standing_ = 0;  // how many were prepared or recovered, and not taken down
    Step step_ = Step::prepare;
    std::size_t next_ = 0;
    Scene scene_;
    Result<> result_;
    Done done_;
    bool waiting_ = false;
    bool inside_ = false;  // execute() of the executor, which may answer at once
    Outcome at_once_;
};

}  // namespace xctl::attachment
