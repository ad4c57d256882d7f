// SPDX-License-Identifier: LGPL-2.1-or-later
// A console's ring whose file was damaged: one of three files that a ring wrote, with words of its header replaced or
// changed by a difference. The file is refused, or a reader comes from its beginning to its end in as many turns as
// there are marks, times and laps, by offsets that only grow and within the file; what is then printed is read back; and
// a copy is a ring with the same end.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "daemon/ring/console_cursor.hpp"
#include "daemon/ring/ring.hpp"
#include "tests/fuzz/expect.hpp"

namespace {

using namespace xctl;
using fuzz::expect;
using Kind = ring::Ring::MarkKind;

constexpr std::uint64_t kCapacity = 8192;
/// More than a ring can have of marks and times together, each told once with its time, and the laps.
constexpr std::size_t kMostItems = 4 * (2048 + 2048) + 16;

struct Workplace {
    int directory = -1;
    std::array<int, 2> pipe{};
};

const Workplace& workplace() {
    static const Workplace kPlace = [] {
        std::string path = "/tmp/fuzz-ring-XXXXXX";
        Workplace made;
        expect(::mkdtemp(path.data()) != nullptr);
        made.directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        expect(made.directory >= 0 && ::pipe2(made.pipe.data(), O_CLOEXEC | O_NONBLOCK) == 0);
        return made;
    }();
    return kPlace;
}

void print(ring::Ring& ring, Kind stream, std::string_view text) {
    while (!text.empty()) {
        const auto space = ring.prepare(stream);
        expect(space.room > 0);
        const auto part = text.substr(0, space.room);
        expect(::write(workplace().pipe[1], part.data(), part.size()) == static_cast<ssize_t>(part.size()));
        const auto moved = ring::Ring::pull(workplace().pipe[0], space);
        expect(moved && *moved == part.size());
        text.remove_prefix(part.size());
    }
}

std::string read_file(const char* name) {
    const int file = ::openat(workplace().directory, name, O_RDONLY | O_CLOEXEC);
    struct stat status{};
    expect(file >= 0 && ::fstat(file, &status) == 0);
    std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
    expect(::pread(file, bytes.data(), bytes.size(), 0) == status.st_size);
    ::close(file);
    return bytes;
}

/// What a ring has written after so many runs, each of some lines on both streams.
std::string make_file(int runs) {
    (void)::unlinkat(workplace().directory, "made", 0);
    auto ring = ring::Ring::open_at(workplace().directory, "made", kCapacity);
    expect(ring.has_value());
    for (int run = 0; run < runs; ++run) {
        ring->add_mark({ring->end(), 0, Kind::run_begin, 0, 0, 0});
        for (const auto stream : {Kind::standard_output, Kind::standard_error}) {
            if (run < 8) std::this_thread::sleep_for(std::chrono::microseconds(ring::RingTimes::kResolution));
            print(*ring, stream, "one line\nand one more\nand a rest");
        }
        if (run + 1 < runs) ring->add_mark({ring->end(), 3, Kind::run_end, 0, 1, 0});
    }
    return read_file("made");
}

/// Each change: how, which word of eight bytes, and a number.
void damage(std::string& file, std::string_view changes) {
    struct __attribute__((packed)) Change {
        std::uint8_t adds;
        std::uint16_t word;
        std::uint64_t number;
    } change;
    const auto words = (file.size() - kCapacity) / sizeof change.number;
    for (; changes.size() >= sizeof change; changes.remove_prefix(sizeof change)) {
        std::memcpy(&change, changes.data(), sizeof change);
        auto* const at = file.data() + change.word % words * sizeof change.number;
        std::uint64_t number = 0;
        std::memcpy(&number, at, sizeof number);
        number = (change.adds & 1) != 0 ? number + change.number : change.number;
        std::memcpy(at, &number, sizeof number);
    }
}

void write_file(const std::string& bytes) {
    const int file = ::openat(workplace().directory, "ring", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    expect(file >= 0 && ::pwrite(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    ::close(file);
}

void read_through(const ring::Ring& ring) {
    expect(ring.begin() <= ring.end() && ring.end() - ring.begin() <= ring.capacity());
    auto cursor = ring::ConsoleCursor::at(ring, 0);
    cursor.tell_times();
    std::size_t items = 0;
    for (auto last = cursor.offset();; last = cursor.offset()) {
        expect(++items <= kMostItems);
        const auto item = cursor.next(ring, kCapacity);
        if (std::holds_alternative<ring::ConsoleCursor::Nothing>(item)) break;
        expect(cursor.offset() >= last);
        const auto* output = std::get_if<ring::ConsoleCursor::Output>(&item);
        if (output == nullptr) continue;
        expect(!output->bytes.empty() && output->offset == cursor.offset());
        expect(output->offset >= ring.begin() && output->offset + output->bytes.size() <= ring.end());
        cursor.advance(output->bytes.size());
    }
    expect(cursor.offset() == ring.end() && cursor.mark() == ring.mark_count());
}

void look_up(const ring::Ring& ring) {
    (void)ring.run_is_open();
    for (const auto offset : {ring.begin(), ring.begin() + (ring.end() - ring.begin()) / 2, ring.end()}) {
        const auto begin = ring.line_begin(offset);
        expect(begin >= ring.begin() && begin <= offset);
        const auto lines = ring.line_offset(3, offset);
        expect(lines >= ring.begin() && lines <= offset);
        const auto span = ring.times().at(offset);
        expect(span.end > offset);
        expect(ring.times().first_since(span.time, ring.end()) <= ring.end());
    }
}

void write_more(ring::Ring& ring) {
    constexpr std::string_view kText = "what is new\n";
    const auto before = ring.end();
    print(ring, Kind::standard_error, kText);
    expect(ring.end() == before + kText.size());
    std::string read;
    while (read.size() < kText.size()) {
        const auto bytes = ring.bytes(before + read.size(), ring.end());
        expect(!bytes.empty());
        read.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    expect(read == kText);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::array<std::string, 3> kFiles{make_file(0), make_file(8), make_file(1000)};
    if (size == 0) return 0;
    auto file = kFiles[data[0] % kFiles.size()];
    damage(file, {reinterpret_cast<const char*>(data + 1), size - 1});
    write_file(file);
    auto ring = ring::Ring::open_existing_at(workplace().directory, "ring");
    if (!ring) {
        expect(ring.error().code == Errc::not_found);
        return 0;
    }
    read_through(*ring);
    look_up(*ring);
    write_more(*ring);
    read_through(*ring);
    if ((data[0] & 0x80) == 0) return 0;
    expect(ring->copy_to(workplace().directory, "copy", kCapacity / 2, false).has_value());
    const auto copy = ring::Ring::open_existing_at(workplace().directory, "copy");
    expect(copy && copy->end() == ring->end());
    read_through(*copy);
    return 0;
}
