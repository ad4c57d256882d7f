// SPDX-License-Identifier: LGPL-2.1-or-later
// A console's scrollback: a file, mapped here, that keeps the last N bytes with absolute offsets.
//
// Beside the bytes it keeps marks: at which offset the stream changed between stdout and stderr, and where runs
// of the container began and ended. It survives the daemon: a new one maps the same file.
//
// No byte is ever lost or doubled when the daemon is killed, because it never holds one. splice(2) moves bytes
// from the container's pipe into the file inside the kernel, and writes the new file position through a pointer
// into this mapping before it returns. A SIGKILL takes effect only when a system call returns to the program, so
// taking the bytes out of the pipe and counting them are one step as seen from outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "daemon/ring/ring_times.hpp"
#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::ring {

class Ring {
public:
    enum class MarkKind : std::uint8_t { standard_output, standard_error, run_begin, run_end };

    /// Of a run whose end nobody saw.
    static constexpr std::int32_t kUnknownStatus = -1;

    struct Mark {
        std::uint64_t offset;
        std::int32_t status;   // run_end: exit code or signal number
        MarkKind kind;
        std::uint8_t signaled;  // run_end
        std::uint8_t final;     // run_end: the restart policy will not start it again
        std::uint8_t terminal;  // run_begin: this run has a terminal
        RingTimes::Usec time = 0;  // set by add_mark()
    };

    /// Opens NAME below `directory`, or makes it with room for `size` bytes, rounded up to pages. A file of
    /// another version or a damaged one is replaced. An existing one keeps its size.
    static Result<Ring> open_at(int directory, const char* name, std::uint64_t size);
    /// Errc::not_found if there is none that is valid.
    static Result<Ring> open_existing_at(int directory, const char* name);

    /// Makes NAME below `directory` a ring of `size` bytes with the same offsets, and as much of the content as fits.
    /// Whenever this is cut short, what was there before is there. `lasting`: it is on the disk when this returns.
    Result<> copy_to(int directory, const char* name, std::uint64_t size, bool lasting) const;
    /// Writes the file NAME below `directory`, which this is or was before somebody removed it, in another size.
    Result<> resize(int directory, const char* name, std::uint64_t size);
    /// Whether resize() to this size has nothing to do.
    [[nodiscard]] bool fits(std::uint64_t size) const noexcept;

    Ring(Ring&& other) noexcept;
    Ring& operator=(Ring&& other) noexcept;
    ~Ring();

    [[nodiscard]] std::uint64_t begin() const noexcept;  // offset of the oldest byte kept
    [[nodiscard]] std::uint64_t end() const noexcept;    // offset of the next byte
    [[nodiscard]] std::uint64_t capacity() const noexcept;

    /// Where the next bytes of `stream` go: what is moved to `position` of the file, up to so many, is in the ring.
    struct Space {
        int file;
        std::int64_t& position;
        std::uint64_t counter;  // where in the file `position` is
        std::size_t room;
    };
    Space prepare(MarkKind stream) noexcept;

    /// Moves what `pipe` holds there. Returns the number moved, 0 at end of file; EAGAIN when the pipe is empty.
    static Result<std::size_t> pull(int pipe, const Space& space);

    void add_mark(Mark mark) noexcept;
    [[nodiscard]] std::uint64_t first_mark() const noexcept;  // number of the oldest mark kept
    [[nodiscard]] std::uint64_t mark_count() const noexcept;  // number of the next mark
    [[nodiscard]] const Mark& mark(std::uint64_t number) const noexcept;

    /// Whether the last boundary is the beginning of a run.
    [[nodiscard]] bool run_is_open() const noexcept;

    /// The bytes from `offset` on, up to `limit`, as far as they lie together in memory.
    [[nodiscard]] std::span<const std::byte> bytes(std::uint64_t offset, std::uint64_t limit) const noexcept;

    /// Where the last `lines` lines before `until` begin.
    [[nodiscard]] std::uint64_t line_offset(std::uint64_t lines, std::uint64_t until) const noexcept;
    /// Where the line begins that `offset` is in.
    [[nodiscard]] std::uint64_t line_begin(std::uint64_t offset) const noexcept;

    [[nodiscard]] const RingTimes& times() const noexcept;

    /// How far the journal has been told; kept here so that a restart neither repeats nor forgets.
    [[nodiscard]] std::uint64_t& journal_offset() noexcept;
    /// Lines that the journal was spared, and not yet told of.
    [[nodiscard]] std::uint64_t& journal_dropped() noexcept;

private:
    struct Header;
    Ring(UniqueFd file, Header* header, std::size_t mapped) noexcept
        : file_(std::move(file)), header_(header), mapped_(mapped) {}

    static bool is_valid(const Header& header, std::uint64_t file_size) noexcept;
    struct Draft;
    static Result<Draft> draft_at(int directory, std::uint64_t size);
    static Result<> publish(const Draft& draft, int directory, const char* name);
    Result<> copy_bytes(int file, std::uint64_t new_capacity) const;
    void wrap() noexcept;
    [[nodiscard]] MarkKind current_stream() const noexcept;
    [[nodiscard]] std::optional<std::uint64_t> last_newline(std::uint64_t until, std::uint64_t oldest) const noexcept;

    UniqueFd file_;
    Header* header_ = nullptr;
    std::size_t mapped_ = 0;
};

}  // namespace xctl::ring
