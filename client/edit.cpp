// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/edit.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <format>
#include <memory>

#include "client/render.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/base/utf8.hpp"

namespace xctl::client {
namespace {

/// A file of our own with a text that somebody edits. It goes with us, unless it is kept.
class Draft {
public:
    static Result<Draft> make(const std::string& name, std::string_view text) {
        const char* directory = std::getenv("TMPDIR");
        auto path = std::format("{}/xctl-{}-XXXXXX.json", directory && *directory ? directory : "/tmp", name);
        constexpr int kSuffix = sizeof(".json") - 1;
        const UniqueFd file(::mkostemps(path.data(), kSuffix, O_CLOEXEC));
        if (!file) return fail_errno(errno, "make " + path);
        Draft draft(std::move(path));
        for (std::size_t done = 0; done < text.size();) {
            const auto count = ::write(file.get(), text.data() + done, text.size() - done);
            if (count < 0) return fail_errno(errno, "write " + draft.path_);
            done += static_cast<std::size_t>(count);
        }
        return draft;
    }
    ~Draft() {
        if (!path_.empty()) ::unlink(path_.c_str());
    }
    Draft(Draft&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    Draft& operator=(Draft&&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }
    void keep() { path_.clear(); }

    /// By its name: an editor may have put another file in its place.
    [[nodiscard]] Result<std::string> read() const {
        std::string text;
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path_.c_str(), "re"), std::fclose);
        if (!file) return fail_errno(errno, "read " + path_);
        std::array<char, 4096> buffer;
        while (const auto count = std::fread(buffer.data(), 1, buffer.size(), file.get()))
            text.append(buffer.data(), count);
        if (std::ferror(file.get())) return fail_errno(EIO, "read " + path_);
        return text;
    }

private:
    explicit Draft(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

/// As other programs have it: $VISUAL, $EDITOR, or vi, with words of their own.
std::string editor() {
    for (const char* name : {"VISUAL", "EDITOR"})
        if (const char* value = std::getenv(name); value && *value) return value;
    return "vi";
}

Result<> run_editor(const std::string& file) {
    const auto script = editor() + " \"$1\"";
    const pid_t child = ::fork();
    if (child < 0) return fail_errno(errno, "fork");
    if (child == 0) {
        ::execl("/bin/sh", "sh", "-c", script.c_str(), "sh", file.c_str(), nullptr);
        ::_exit(127);
    }
    // The editor's Ctrl-C is not ours.
    const auto old = std::signal(SIGINT, SIG_IGN);
    int status = 0;
    pid_t ended = -1;
    while ((ended = ::waitpid(child, &status, 0)) < 0 && errno == EINTR) continue;
    std::signal(SIGINT, old);
    if (ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    return fail(Errc::cancelled, std::format("{} failed; nothing is changed", editor()));
}

bool wants_another_try() {
    if (!::isatty(STDIN_FILENO)) return false;
    std::fputs("Edit it again? [Y/n] ", stderr);
    const int answer = std::getchar();
    for (int rest = answer; rest != '\n' && rest != EOF;) rest = std::getchar();
    return answer != EOF && answer != 'n' && answer != 'N';
}

}  // namespace

Result<int> edit_definition(Client& client, const Command& command) {
    auto request = command.request;
    auto& arguments = request.as<api::EditRequest>();
    arguments.previous = TRY(client.call(*command.verb, request)).text;
    auto draft = TRY(Draft::make(arguments.name, arguments.previous.empty() ? "{\n}\n" : arguments.previous));
    const auto begun = TRY(draft.read());
    while (true) {
        TRY(run_editor(draft.path()));
        arguments.content = TRY(draft.read());
        if (arguments.content == begun || arguments.content.empty()) {
            std::fputs("xctl: nothing is changed\n", stderr);
            return EXIT_SUCCESS;
        }
        auto saved = client.call(*command.verb, request);
        if (saved) {
            std::fputs(render_waiting(arguments.name, saved->settings).c_str(), stderr);
            return EXIT_SUCCESS;
        }
        std::fprintf(stderr, "xctl: %s\n", printable(saved.error().message).c_str());
        if (wants_another_try()) continue;
        auto error = saved.error();
        error.message = std::format("not saved; what was written is in {}", draft.path());
        draft.keep();
        return std::unexpected(std::move(error));
    }
}

}  // namespace xctl::client
