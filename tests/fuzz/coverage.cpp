// SPDX-License-Identifier: LGPL-2.1-or-later
// Coverage for libFuzzer from what g++ can produce. clang gives every edge a counter of its own; g++ calls a function
// at every basic block, which libFuzzer no longer listens to. Here the calls are counted the way clang's are: the
// address that a call returns to gets a counter when it is first seen.
#include <cstddef>
#include <cstdint>

// libFuzzer has a __sanitizer_cov_trace_pc, too, which complains and exits; the linker's --wrap leads to ours.
extern "C" {
void __sanitizer_cov_8bit_counters_init(std::uint8_t* start, std::uint8_t* stop);
void __sanitizer_cov_pcs_init(const std::uintptr_t* start, const std::uintptr_t* stop);
void __wrap___sanitizer_cov_trace_pc();
void __sanitizer_cov_trace_cmpf(float, float);
void __sanitizer_cov_trace_cmpd(double, double);
const char* __ubsan_default_options();
const char* __asan_default_options();
extern const char __executable_start[];  // of GNU ld
}

#define NOT_COUNTED __attribute__((no_sanitize_coverage, no_sanitize("address", "undefined")))

namespace {

/// libFuzzer looks at all counters after every run, so there are not more than a slot's number can tell apart.
constexpr std::size_t kCounters = std::size_t{1} << 16;
/// Larger than the code of any fuzzer. Pages that no call returns to take no memory.
constexpr std::size_t kCodeBytes = std::size_t{32} << 20;

struct Place {
    std::uintptr_t address;
    std::uintptr_t flags;
};

// Zeroed before any constructor runs: code that is counted may run in one.
std::uint8_t counters[kCounters];
Place places[kCounters];
std::uint16_t slots[kCodeBytes];  // by the distance from the program's start; 0: not seen yet
std::uint16_t last_slot;

__attribute__((constructor)) NOT_COUNTED void tell_libfuzzer() {
    __sanitizer_cov_8bit_counters_init(counters, counters + kCounters);
    __sanitizer_cov_pcs_init(&places->address, &(places + kCounters)->address);
}

}  // namespace

NOT_COUNTED void __wrap___sanitizer_cov_trace_pc() {
    const auto address = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
    auto& slot = slots[(address - reinterpret_cast<std::uintptr_t>(__executable_start)) % kCodeBytes];
    if (slot == 0) {
        if (last_slot < kCounters - 1) ++last_slot;
        slot = last_slot;
        places[slot] = {address, 0};
    }
    // A counter that wrapped to zero would be taken for code that did not run.
    if (counters[slot] < 0xff) ++counters[slot];
}

// g++ reports comparisons of floating point numbers, of which libFuzzer knows nothing.
NOT_COUNTED void __sanitizer_cov_trace_cmpf(float, float) {}
NOT_COUNTED void __sanitizer_cov_trace_cmpd(double, double) {}

// The sanitizers' libraries are separate ones with g++, and only an abort of theirs makes libFuzzer save the input.
NOT_COUNTED const char* __ubsan_default_options() { return "abort_on_error=1:print_stacktrace=1"; }
NOT_COUNTED const char* __asan_default_options() { return "quarantine_size_mb=32:malloc_context_size=12"; }
