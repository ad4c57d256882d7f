// SPDX-License-Identifier: LGPL-2.1-or-later
// xrun's first instructions, before the C library's: a process that is about to execute itself again from a read-only
// mount (own_binary.hpp) need not set up libraries and their tables first. That takes longer than the execution.
//
// Nothing here may need what is not set up yet: no library function, no thread-local variable, and so no stack protector;
// and no relocation, so no table with pointers. It calls nothing that is compiled elsewhere, since that may.
// Whatever goes wrong is found again, and reported, by run_from_read_only_mount().
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <cstdint>

#include "lib/kernel/raw.hpp"
#include "runtime/xrun/options.hpp"

// What the linker knows of us.
extern "C" char __executable_start[], __init_array_start[], _end[];

namespace {

namespace raw = xctl::kernel::raw;

constexpr std::uintptr_t kPage = 4096, kUsedStack = 32 * 1024;
constexpr const char* kOwnFile = "/proc/self/exe";

bool equal(const char* word, const char* name) {
    for (; *name != '\0' && *word == *name; ++word) ++name;
    return *word == *name;
}

/// Some word is the name of such a verb; if it only looks like one, nothing is lost but time.
bool may_launch(char* const* argv) {
    for (; *argv != nullptr; ++argv)
        for (const auto& name : xctl::runtime::kLaunchingVerbs)
            if (equal(*argv, name)) return true;
    return false;
}

bool is_on_read_only_mount() {
    struct statfs info;
    return raw::call<SYS_statfs>(kOwnFile, &info) == 0 && (static_cast<unsigned long>(info.f_flags) & ST_RDONLY) != 0;
}

std::uintptr_t page_of(const void* address) { return reinterpret_cast<std::uintptr_t>(address) & ~(kPage - 1); }

void map(std::uintptr_t begin, std::uintptr_t end, int advice) {
    raw::call<SYS_madvise>(begin, end - begin, advice);
}

/// The pages that we execute, read and write, at once rather than by a fault each.
void map_ourselves(const long* stack) {
    map(page_of(__executable_start), page_of(__init_array_start), MADV_POPULATE_READ);
    map(page_of(__init_array_start), page_of(_end + kPage - 1), MADV_POPULATE_WRITE);
    map(page_of(stack) - kUsedStack, page_of(stack), MADV_POPULATE_WRITE);
}

}  // namespace

/// `stack` is the process's first: argc, argv and environ.
extern "C" void xctl_enter(long* stack) {
    const long argc = stack[0];
    auto** const argv = reinterpret_cast<char**>(stack + 1);
    char** const env = argv + argc + 1;
    if (raw::call<SYS_geteuid>() != 0 || !may_launch(argv) || is_on_read_only_mount()) return map_ourselves(stack);
    const int file = raw::call<SYS_open_tree>(AT_FDCWD, kOwnFile, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (file < 0) return;
    mount_attr read_only{};
    read_only.attr_set = MOUNT_ATTR_RDONLY;
    if (raw::call<SYS_mount_setattr>(file, "", AT_EMPTY_PATH, &read_only, sizeof read_only) >= 0)
        raw::call<SYS_execveat>(file, "", argv, env, AT_EMPTY_PATH);
    raw::close(file);
}

/// The kernel starts here with an aligned stack; what it passes in registers is for the C library.
__asm__(
    ".globl xctl_entry\n"
    ".type xctl_entry, @function\n"
    "xctl_entry:\n"
    "    endbr64\n"
    "    xor %ebp, %ebp\n"
    "    mov %rsp, %rdi\n"
    "    push %rdx\n"
    "    sub $8, %rsp\n"
    "    call xctl_enter\n"
    "    add $8, %rsp\n"
    "    pop %rdx\n"
    "    jmp _start\n"
    ".size xctl_entry, . - xctl_entry\n");
