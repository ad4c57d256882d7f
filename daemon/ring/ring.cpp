// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/ring/ring.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <string>
#include <cstring>
#include <utility>

namespace xctl::ring {
namespace {

constexpr std::uint64_t kMagic = 0x32676e6972746378;  // "xctring2"
constexpr std::uint32_t kMarks = 2048;
constexpr std::uint64_t kPage = 4096;
constexpr std::size_t kMaxPull = 256 * 1024;
/// No console prints so much, and no sum of offsets overflows.
constexpr std::uint64_t kMaxOffset = std::uint64_t{1} << 62;

RingTimes::Usec now_usec() {
    timespec now{};
    (void)::clock_gettime(CLOCK_REALTIME_COARSE, &now);  // a few milliseconds are far below the resolution
    return static_cast<RingTimes::Usec>(now.tv_sec) * 1'000'000 + static_cast<RingTimes::Usec>(now.tv_nsec) / 1000;
}

constexpr std::uint64_t round_up(std::uint64_t size) { return (size + kPage - 1) / kPage * kPage; }

}  // namespace

/// The file: this header with the marks and times, then the data from a page boundary on.
///
/// `position` is written by the kernel. When it reaches the end of the file, the other slot is prepared with
/// the next lap and then made the active one by a single store, so every moment shows one valid offset.
struct Ring::Header {
    std::uint64_t magic;
    std::uint64_t capacity;
    std::uint64_t journal_offset;
    std::atomic<std::uint64_t> mark_count;
    std::atomic<std::uint32_t> active;
    std::uint32_t reserved;
    struct Slot {
        std::uint64_t lap_offset;  // absolute offset of the first data byte in the file, in this lap
        std::int64_t position;     // file position of the next byte
    } slots[2];
    std::uint64_t journal_dropped;
    Mark marks[kMarks];
    RingTimes times;

    static constexpr std::uint64_t data_begin() { return round_up(sizeof(Header)); }
    Slot& slot() { return slots[active.load(std::memory_order_relaxed) & 1]; }
    [[nodiscard]] std::uint64_t first_mark() const;
    [[nodiscard]] bool has_valid_marks(std::uint64_t end) const;
    [[nodiscard]] const Slot& slot() const { return slots[active.load(std::memory_order_relaxed) & 1]; }
};

std::uint64_t Ring::Header::first_mark() const {
    // The ring keeps one slot free, so that a mark being written never overwrites a mark that is still shown.
    const auto count = mark_count.load(std::memory_order_relaxed);
    return count >= kMarks ? count - kMarks + 1 : 0;
}

bool Ring::Header::has_valid_marks(std::uint64_t end) const {
    const auto count = mark_count.load(std::memory_order_relaxed);
    std::uint64_t last = 0;
    for (auto number = first_mark(); number < count; ++number) {
        const auto& mark = marks[number % kMarks];
        if (mark.kind > MarkKind::run_end || mark.offset < last || mark.offset > end) return false;
        last = mark.offset;
    }
    return true;
}

/// A reader of the ring goes from mark to mark and from time to time, so these must be in order and within the ring.
bool Ring::is_valid(const Header& header, std::uint64_t file_size) noexcept {
    if (header.magic != kMagic || file_size != Header::data_begin() + header.capacity) return false;
    if (header.capacity == 0 || header.capacity % kPage != 0) return false;
    const auto& slot = header.slot();
    const auto position = static_cast<std::uint64_t>(slot.position);
    if (position < Header::data_begin() || position > file_size) return false;
    if (slot.lap_offset % header.capacity != 0 || slot.lap_offset > kMaxOffset) return false;
    const auto end = slot.lap_offset + position - Header::data_begin();
    return header.has_valid_marks(end) && header.times.is_valid(end) && header.journal_offset <= end;
}

/// A ring that has no name yet.
struct Ring::Draft {
    Draft(UniqueFd opened, Header* mapped) noexcept : file(std::move(opened)), header(mapped) {}
    Draft(Draft&& other) noexcept : file(std::move(other.file)), header(std::exchange(other.header, nullptr)) {}
    Draft& operator=(Draft&&) = delete;
    ~Draft() {
        if (header != nullptr) ::munmap(header, Header::data_begin());
    }

    UniqueFd file;
    Header* header;
};

Result<Ring::Draft> Ring::draft_at(int directory, std::uint64_t size) {
    UniqueFd file(::openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!file) return fail_errno(errno, "make the console ring");
    const auto capacity = round_up(std::max<std::uint64_t>(size, 1));
    if (::ftruncate(file.get(), static_cast<off_t>(Header::data_begin() + capacity)) < 0)
        return fail_errno(errno, "size the console ring");
    // The header is written through a mapping, where a full file system would be a signal instead of an error.
    if (const int error = ::posix_fallocate(file.get(), 0, static_cast<off_t>(Header::data_begin())); error != 0)
        return fail_errno(error, "make room for the console ring");
    auto* memory = ::mmap(nullptr, Header::data_begin(), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (memory == MAP_FAILED) return fail_errno(errno, "map the console ring");
    auto* header = static_cast<Header*>(memory);
    header->capacity = capacity;
    header->slots[0] = {0, static_cast<std::int64_t>(Header::data_begin())};
    header->magic = kMagic;
    return Draft(std::move(file), header);
}

/// In one step, so that one of both is there at every moment.
Result<> Ring::publish(const Draft& draft, int directory, const char* name) {
    const auto link = "/proc/self/fd/" + std::to_string(draft.file.get());
    const auto aside = std::string(name) + ".new";
    (void)::unlinkat(directory, aside.c_str(), 0);
    if (::linkat(AT_FDCWD, link.c_str(), directory, aside.c_str(), AT_SYMLINK_FOLLOW) < 0 ||
        ::renameat(directory, aside.c_str(), directory, name) < 0)
        return fail_errno(errno, "name the console ring");
    return {};
}

Result<Ring> Ring::open_existing_at(int directory, const char* name) {
    UniqueFd file(::openat(directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) < 0) {
        const bool absent = errno == ENOENT || errno == ELOOP;
        return fail_errno(errno, "open the console ring", absent ? Errc::not_found : Errc::system);
    }
    const auto mapped = static_cast<std::size_t>(status.st_size);
    if (mapped <= Header::data_begin()) return fail(Errc::not_found, "the console ring is cut off");
    auto* memory = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (memory == MAP_FAILED) return fail_errno(errno, "map the console ring");
    auto* header = static_cast<Header*>(memory);
    if (!is_valid(*header, mapped)) {
        ::munmap(memory, mapped);
        return fail(Errc::not_found, "the console ring is damaged, or of another version");
    }
    // The kernel must never have to wait for this page while it counts bytes.
    (void)::mlock(header, kPage);
    // Processes that we fork have no use for it, and some may outlive the file's name.
    (void)::madvise(header, mapped, MADV_DONTFORK);
    return Ring(std::move(file), header, mapped);
}

Result<Ring> Ring::open_at(int directory, const char* name, std::uint64_t size) {
    auto existing = open_existing_at(directory, name);
    if (existing || existing.error().code != Errc::not_found) return existing;
    const auto draft = TRY(draft_at(directory, size));
    TRY(publish(draft, directory, name));
    return open_existing_at(directory, name);
}

/// By writing, not through a mapping: the file system may be full.
Result<> Ring::copy_bytes(int file, std::uint64_t new_capacity) const {
    const auto oldest = end() > new_capacity ? end() - new_capacity : 0;
    for (auto offset = std::max(begin(), oldest); offset < end();) {
        const auto place = offset % new_capacity;
        const auto part = bytes(offset, offset + new_capacity - place);
        const auto written = ::pwrite(file, part.data(), part.size(), static_cast<off_t>(Header::data_begin() + place));
        if (written <= 0) return fail_errno(written < 0 ? errno : ENOSPC, "copy the console ring");
        offset += static_cast<std::uint64_t>(written);
    }
    return {};
}

Result<> Ring::copy_to(int directory, const char* name, std::uint64_t size, bool lasting) const {
    const auto draft = TRY(draft_at(directory, size));
    auto& header = *draft.header;
    TRY(copy_bytes(draft.file.get(), header.capacity));
    const auto place = end() % header.capacity;
    header.slots[0] = {end() - place, static_cast<std::int64_t>(Header::data_begin() + place)};
    header.journal_offset = header_->journal_offset;
    header.journal_dropped = header_->journal_dropped;
    header.mark_count = mark_count();
    std::memcpy(header.marks, header_->marks, sizeof header.marks);
    std::memcpy(static_cast<void*>(&header.times), &header_->times, sizeof header.times);
    if (lasting && ::fsync(draft.file.get()) < 0) return fail_errno(errno, "save the console ring");
    TRY(publish(draft, directory, name));
    if (lasting) (void)::fsync(directory);
    return {};
}

Result<> Ring::resize(int directory, const char* name, std::uint64_t size) {
    if (fits(size)) return {};
    TRY(copy_to(directory, name, size, false));
    *this = TRY(open_existing_at(directory, name));
    return {};
}

bool Ring::fits(std::uint64_t size) const noexcept {
    struct stat status {};
    const bool has_name = ::fstat(file_.get(), &status) == 0 && status.st_nlink > 0;
    return has_name && round_up(size) == capacity();
}

Ring::Ring(Ring&& other) noexcept
    : file_(std::move(other.file_)), header_(std::exchange(other.header_, nullptr)), mapped_(other.mapped_) {}

Ring& Ring::operator=(Ring&& other) noexcept {
    file_ = std::move(other.file_);
    std::swap(header_, other.header_);
    std::swap(mapped_, other.mapped_);
    return *this;
}

Ring::~Ring() {
    if (header_ != nullptr) ::munmap(header_, mapped_);
}

const RingTimes& Ring::times() const noexcept { return header_->times; }

std::uint64_t Ring::capacity() const noexcept { return header_->capacity; }

std::uint64_t Ring::end() const noexcept {
    const auto& slot = header_->slot();
    return slot.lap_offset + static_cast<std::uint64_t>(slot.position) - Header::data_begin();
}

std::uint64_t Ring::begin() const noexcept {
    const auto last = end();
    const auto oldest = last > capacity() ? last - capacity() : 0;
    // Bytes older than the oldest mark kept cannot be told apart by stream any more once marks were dropped.
    return first_mark() > 0 ? std::max(oldest, mark(first_mark()).offset) : oldest;
}

std::uint64_t& Ring::journal_offset() noexcept { return header_->journal_offset; }
std::uint64_t& Ring::journal_dropped() noexcept { return header_->journal_dropped; }

void Ring::wrap() noexcept {
    const auto active = header_->active.load(std::memory_order_relaxed) & 1;
    auto& next = header_->slots[active ^ 1];
    next.lap_offset = header_->slots[active].lap_offset + capacity();
    next.position = static_cast<std::int64_t>(Header::data_begin());
    header_->active.store(active ^ 1, std::memory_order_release);
}

Ring::MarkKind Ring::current_stream() const noexcept {
    for (auto number = mark_count(); number > first_mark(); --number) {
        const auto kind = mark(number - 1).kind;
        if (kind == MarkKind::run_begin) break;
        if (kind != MarkKind::run_end) return kind;
    }
    return MarkKind::standard_output;
}

Ring::Space Ring::prepare(MarkKind stream) noexcept {
    if (static_cast<std::uint64_t>(header_->slot().position) == mapped_) wrap();
    if (current_stream() != stream) add_mark({end(), 0, stream, 0, 0, 0});
    header_->times.note(end(), now_usec(), capacity());
    auto& position = header_->slot().position;
    const auto counter = reinterpret_cast<const std::byte*>(&position) - reinterpret_cast<const std::byte*>(header_);
    const auto room = std::min(kMaxPull, mapped_ - static_cast<std::size_t>(position));
    return {file_.get(), position, static_cast<std::uint64_t>(counter), room};
}

Result<std::size_t> Ring::pull(int pipe, const Space& space) {
    const auto moved =
        ::splice(pipe, nullptr, space.file, &space.position, space.room, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (moved < 0) return fail_errno(errno, "splice into the console ring");
    return static_cast<std::size_t>(moved);
}

void Ring::add_mark(Mark mark) noexcept {
    const auto number = header_->mark_count.load(std::memory_order_relaxed);
    mark.time = now_usec();
    header_->marks[number % kMarks] = mark;
    header_->mark_count.store(number + 1, std::memory_order_release);
}

std::uint64_t Ring::mark_count() const noexcept { return header_->mark_count.load(std::memory_order_relaxed); }

std::uint64_t Ring::first_mark() const noexcept { return header_->first_mark(); }

const Ring::Mark& Ring::mark(std::uint64_t number) const noexcept { return header_->marks[number % kMarks]; }

bool Ring::run_is_open() const noexcept {
    for (auto number = mark_count(); number > first_mark(); --number) {
        const auto kind = mark(number - 1).kind;
        if (kind == MarkKind::run_begin || kind == MarkKind::run_end) return kind == MarkKind::run_begin;
    }
    // Streams change only within a run, so when their marks have pushed out all others, that run goes on.
    return first_mark() > 0;
}

std::span<const std::byte> Ring::bytes(std::uint64_t offset, std::uint64_t limit) const noexcept {
    const auto place = offset % capacity();
    const auto available = std::min(limit, end()) - offset;
    const auto together = std::min<std::uint64_t>(available, capacity() - place);
    return {reinterpret_cast<const std::byte*>(header_) + Header::data_begin() + place,
            static_cast<std::size_t>(together)};
}

/// Offset of the last newline below `until`, down to `oldest`.
std::optional<std::uint64_t> Ring::last_newline(std::uint64_t until, std::uint64_t oldest) const noexcept {
    while (until > oldest) {
        // The part that lies together in memory and ends here.
        const auto from = std::max(oldest, (until - 1) / capacity() * capacity());
        const auto part = bytes(from, until);
        const auto* found = static_cast<const std::byte*>(::memrchr(part.data(), '\n', part.size()));
        if (found != nullptr) return from + static_cast<std::uint64_t>(found - part.data());
        until = from;
    }
    return std::nullopt;
}

std::uint64_t Ring::line_offset(std::uint64_t lines, std::uint64_t until) const noexcept {
    auto offset = until;
    const auto oldest = begin();
    if (lines == 0) return offset;
    // A newline at the very end closes the last line; it does not begin another.
    for (std::uint64_t seen = 0; offset > oldest;) {
        const auto newline = last_newline(offset == until ? offset - 1 : offset, oldest);
        if (!newline) break;
        if (++seen >= lines) return *newline + 1;
        offset = *newline;
    }
    return oldest;
}

std::uint64_t Ring::line_begin(std::uint64_t offset) const noexcept {
    const auto newline = last_newline(offset, begin());
    return newline ? *newline + 1 : begin();
}

}  // namespace xctl::ring
