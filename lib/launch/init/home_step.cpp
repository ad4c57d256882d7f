// SPDX-License-Identifier: LGPL-2.1-or-later
// HOME of a program that was given none: what the image's /etc/passwd says of its user, passwd(5).
#include <fcntl.h>

#include <array>
#include <cstring>

#include "lib/kernel/root_path.hpp"
#include "lib/launch/init/steps.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;

constexpr int kUidField = 2, kHomeField = 5;
constexpr std::uint64_t kTooLarge = 1ULL << 32;
constexpr std::size_t kMaxFileSize = 1U << 20;  // what is behind is not looked at

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

/// In the container's root, whatever links are there, and only if it is a file.
int open_passwd(const Context& context) {
    const raw::Fd node(raw::open_in_root(context.root, "/etc/passwd", O_PATH));
    return node.failed() ? node.get() : raw::open_regular(context.proc, node.get());
}

bool find_home(int file, HomeReader& reader) {
    std::array<char, 1024> buffer;
    for (std::size_t total = 0; total < kMaxFileSize;) {
        const int size = raw::call<SYS_read>(file, buffer.data(), buffer.size());
        if (size <= 0) break;
        total += static_cast<std::size_t>(size);
        for (int i = 0; i < size; ++i)
            if (reader.take(buffer[static_cast<std::size_t>(i)])) return true;
    }
    return reader.take('\n');
}

}  // namespace

int find_home(Context& context) {
    if (context.home_entry == nullptr) return 0;
    const raw::Fd file(open_passwd(context));
    if (file.failed()) return 0;
    constexpr std::string_view kName = "HOME=";
    std::memcpy(context.home, kName.data(), kName.size());
    HomeReader reader(context.plan->process.uid, context.home + kName.size(), sizeof context.home - kName.size());
    if (find_home(file.get(), reader)) *context.home_entry = context.home;
    return 0;
}

}  // namespace xctl::launch
