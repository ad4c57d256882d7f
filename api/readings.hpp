// SPDX-License-Identifier: LGPL-2.1-or-later
// What can be read of a running container: its processes, what it uses, its network interfaces.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "api/fields.hpp"
#include "lib/base/table.hpp"

namespace xctl::api {

struct Process {
    std::uint64_t pid = 0;
    std::uint64_t inner_pid = 0;
    std::uint64_t parent = 0;
    std::uint64_t uid = 0;
    std::string state;
    std::string command;
};

inline constexpr auto kProcessFields = std::to_array<FieldRow<Process>>({
    {"pid", &Process::pid, "Process ID on the host"},
    {"innerPid", &Process::inner_pid, "Process ID inside the container"},
    {"parent", &Process::parent, "Process ID of its parent on the host"},
    {"uid", &Process::uid, "Its effective user on the host"},
    {"state", &Process::state, "Letter of its state, as proc_pid_stat(5) has it"},
    {"command", &Process::command, "Command line, at most 4096 bytes of it, or the name in brackets of a process that shows none"},
});
static_assert(names_are_unique(kProcessFields));

/// Nothing stands for what nobody knows, since the kernel does not count it there, and for a limit that there is not.
struct Stats {
    using Reading = std::optional<std::uint64_t>;

    std::string name;
    std::uint64_t time = 0;
    Reading memory, memory_peak, memory_limit;
    Reading swap, swap_limit;
    Reading cache;
    Reading oom_kills;
    Reading cpu_usec, cpu_user_usec, cpu_system_usec, throttled_usec;
    Reading read_bytes, written_bytes, reads, writes;
    Reading processes, processes_limit;
    Reading cpu_some, memory_some, memory_full, io_some, io_full;
    Reading cpu_some_usec, memory_some_usec, memory_full_usec, io_some_usec, io_full_usec;
};

inline constexpr auto kStatsFields = std::to_array<FieldRow<Stats>>({
    {"name", &Stats::name, "Name of the container"},
    {"time", &Stats::time, "When this was read, in microseconds since the epoch"},
    {"memory", &Stats::memory, "Bytes of memory in use"},
    {"memoryPeak", &Stats::memory_peak, "The most that it ever was"},
    {"memoryLimit", &Stats::memory_limit, "The most that it may be: the smaller of the container's and the unit's limit"},
    {"swap", &Stats::swap, "Bytes swapped out"},
    {"swapLimit", &Stats::swap_limit, "The most that it may be"},
    {"cache", &Stats::cache, "Bytes of memory in use that are cached files"},
    {"oomKills", &Stats::oom_kills, "Processes that the kernel killed because memory was used up"},
    {"cpuUSec", &Stats::cpu_usec, "CPU time, in microseconds as all times here"},
    {"cpuUserUSec", &Stats::cpu_user_usec, "The part of it in programs"},
    {"cpuSystemUSec", &Stats::cpu_system_usec, "The part of it in the kernel"},
    {"throttledUSec", &Stats::throttled_usec, "How long its CPU quota held it back"},
    {"readBytes", &Stats::read_bytes, "Bytes read from block devices"},
    {"writtenBytes", &Stats::written_bytes, "Bytes written to block devices"},
    {"reads", &Stats::reads, "Read requests to block devices"},
    {"writes", &Stats::writes, "Write requests to block devices"},
    {"processes", &Stats::processes, "Number of its processes and threads"},
    {"processesLimit", &Stats::processes_limit, "The most that it may be"},
    {"cpuSome", &Stats::cpu_some, "Share of the last 10 s in which some process waited for a CPU, in 1/10000"},
    {"memorySome", &Stats::memory_some, "The same for memory"},
    {"memoryFull", &Stats::memory_full, "The same, where all processes waited for memory"},
    {"ioSome", &Stats::io_some, "The same, where some process waited for input or output"},
    {"ioFull", &Stats::io_full, "The same, where all processes waited for input or output"},
    {"cpuSomeUSec", &Stats::cpu_some_usec, "How long some process waited for a CPU, ever"},
    {"memorySomeUSec", &Stats::memory_some_usec, "How long some process waited for memory"},
    {"memoryFullUSec", &Stats::memory_full_usec, "How long all processes waited for memory"},
    {"ioSomeUSec", &Stats::io_some_usec, "How long some process waited for input or output"},
    {"ioFullUSec", &Stats::io_full_usec, "How long all processes waited for input or output"},
});
static_assert(names_are_unique(kStatsFields));

struct Interface {
    std::string name;
    std::vector<std::string> addresses;
    bool up = false;
    std::uint64_t received_bytes = 0, received_packets = 0, received_errors = 0, received_dropped = 0;
    std::uint64_t sent_bytes = 0, sent_packets = 0, sent_errors = 0, sent_dropped = 0;
    std::uint64_t addresses_left_out = 0;
};

inline constexpr auto kInterfaceFields = std::to_array<FieldRow<Interface>>({
    {"name", &Interface::name, "Name of the interface inside the container"},
    {"addresses", &Interface::addresses, "Its addresses, each with the length of its prefix"},
    {"up", &Interface::up, "Whether it is up"},
    {"receivedBytes", &Interface::received_bytes, "Bytes received"},
    {"receivedPackets", &Interface::received_packets, "Packets received"},
    {"receivedErrors", &Interface::received_errors, "Packets received in error"},
    {"receivedDropped", &Interface::received_dropped, "Packets dropped on reception"},
    {"sentBytes", &Interface::sent_bytes, "Bytes sent"},
    {"sentPackets", &Interface::sent_packets, "Packets sent"},
    {"sentErrors", &Interface::sent_errors, "Packets that could not be sent"},
    {"sentDropped", &Interface::sent_dropped, "Packets dropped when sending"},
    {"addressesLeftOut", &Interface::addresses_left_out, "Number of its addresses that the answer leaves out"},
});
static_assert(names_are_unique(kInterfaceFields));

}  // namespace xctl::api
