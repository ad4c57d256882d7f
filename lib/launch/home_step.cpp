// SPDX-License-Identifier: LGPL-2.1-or-later
// HOME of a program that was given none: what the image's /etc/passwd says of its user, passwd(5).
#include <fcntl.h>

#include <array>
#include <cstring>

#include "lib/kernel/raw.hpp"
#include "lib/launch/steps.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;

constexpr int kUidField = 2, kHomeField = 5;
constexpr std::uint64_t kTooLarge = 1ULL << 32;

/// Takes the file byte by byte; the image may have made it of anything.
class HomeReader {
public:
    HomeReader(std::uint32_t uid, char* home, std::size_t size) : wanted_(uid), home_(home), size_(size) {}

    /// True when `home` is complete.
    bool take(char c) {
        if (c == '\n') return end_line();
        if (c == ':') {
            ++field_;
            return false;
        }
        if (field_ == kUidField) take_digit(c);
        if (field_ == kHomeField && used_ + 1 < size_) home_[used_++] = c;
        return false;
    }

private:
    void take_digit(char c) {
        const bool digit = c >= '0' && c <= '9';
        uid_ = digit && uid_ < kTooLarge ? uid_ * 10 + static_cast<std::uint64_t>(c - '0') : kTooLarge;
        ++digits_;
    }

    bool end_line() {
        const bool found = field_ >= kHomeField && digits_ > 0 && uid_ == wanted_ && used_ > 0;
        if (found) {
            home_[used_] = '\0';
            return true;
        }
        field_ = digits_ = 0;
        uid_ = 0;
        used_ = 0;
        return false;
    }

    std::uint64_t wanted_;
    char* home_;
    std::size_t size_, used_ = 0;
    int field_ = 0, digits_ = 0;
    std::uint64_t uid_ = 0;
};

bool find_home(int file, HomeReader& reader) {
    std::array<char, 1024> buffer;
    while (true) {
        const int size = raw::call<SYS_read>(file, buffer.data(), buffer.size());
        if (size <= 0) return reader.take('\n');
        for (int i = 0; i < size; ++i)
            if (reader.take(buffer[static_cast<std::size_t>(i)])) return true;
    }
}

}  // namespace

int find_home(Context& context) {
    if (context.home_entry == nullptr) return 0;
    // A device or a pipe would keep us waiting.
    const raw::Fd file(raw::call<SYS_openat>(AT_FDCWD, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (file.failed()) return 0;
    constexpr std::string_view kName = "HOME=";
    std::memcpy(context.home, kName.data(), kName.size());
    HomeReader reader(context.plan->process.uid, context.home + kName.size(), sizeof context.home - kName.size());
    if (find_home(file.get(), reader)) *context.home_entry = context.home;
    return 0;
}

}  // namespace xctl::launch
