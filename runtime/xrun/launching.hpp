// SPDX-License-Identifier: LGPL-2.1-or-later
// From a bundle to an init that waits for its start; shared by create, run and exec.
#pragma once

#include <functional>

#include "lib/launch/parent/launch.hpp"
#include "runtime/xrun/state/container.hpp"

namespace xctl::runtime {

/// A launched process and what connects us to it until it executes its program.
struct Session {
    UniqueFd channel;
    launch::Launched process;
    UniqueFd terminal;       // the master, unless the console socket's owner has it
    bool has_gone = false;   // it was told to execute its program
    UniqueFd notifications;  // of the program for our own manager, notify_socket.hpp
};

/// Refuses a console socket without a terminal, and a terminal that nobody would hold.
Result<> check_terminal(const Arguments& arguments, bool terminal, bool detached);

/// LISTEN_FDS of our caller and --preserve-fds: how many descriptors the program gets, and its environment says so.
Result<int> preserve_descriptors(const Arguments& arguments, plan::Process& process);

/// What the caller does while a process sets itself up; a failure ends it.
struct Assistance {
    std::function<Result<>(const launch::Launched&)> place;  // may be absent: it was born where it belongs
    std::function<Result<>(pid_t)> run_hooks;                // absent when there are none
    bool go_at_once = false;                                 // the program need not wait for us when it is ready
};

/// Launches into `descriptors.cgroup` and goes along until the process is ready. On failure it is dead.
Result<Session> launch_process(const plan::LaunchPlan& plan, launch::Descriptors descriptors,
                               const std::string& console_socket, const Assistance& assistance);

/// To a console socket's owner: one message with the name of the terminal and its master.
Result<> send_terminal(const std::string& socket_path, int master);

/// Tells a ready process to execute its program, unless it was told.
Result<> send_go(Session& session);

/// After `go`: until the program is executed, or what prevents that.
Result<> await_program(int channel, const std::function<Result<plan::LaunchPlan>()>& plan);

/// What the caller asked to be told: the pid file, and the pidfd as one message that says `what` process it is.
Result<> announce(const Arguments& arguments, const launch::Launched& process, std::string_view what);

struct Created {
    Container container;
    oci::Spec spec;
    plan::LaunchPlan plan;
    Session session;
};

/// `detached`: the init outlives us. `go_at_once`: it executes its program as soon as it can.
Result<Created> create_container(const Arguments& arguments, bool detached, bool go_at_once);

/// Before the program runs: its terminal gets the size of ours, and passes on what it prints unchanged, since ours turns
/// line feeds into what it needs.
void prepare_terminal(int master);

/// What the program has printed on its terminal, when there is nobody to attend to any more.
void drain_terminal(Session& session);

/// Standard streams, terminal and signals for a program in the foreground, until it ends; then its exit status.
Result<int> attend(Session& session);

/// Before the launch: from here on signals wait for attend().
Result<> hold_signals();

}  // namespace xctl::runtime
