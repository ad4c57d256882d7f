# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the released runtimes that the suite is run with, crun 1.21 and runc 1.1, are known to do otherwise: the reason
and the names of tests, which may be patterns as of a shell. Differences by intention stand beside the test itself.
Nothing of xrun belongs here."""
from __future__ import annotations

import fnmatch

CRUN = {
    "its reader of JSON takes what it cannot use, or only says that it could not load": """
        config.annotation_not_string config.invalid_args_* config.invalid_uid_* config.invalid_readonly_text
        config.invalid_hostname_number config.invalid_cwd_* config.invalid_env_no_equals config.invalid_hook_*
        config.invalid_masked_relative config.invalid_propagation_unknown seccomp.wrong_no_default""",
    "a failed create leaves its cgroup": """
        config.invalid_namespace_unknown process.rlimit_unknown process.rlimit_soft_above_hard mounts.idmap_half
        namespaces.wrong_type namespaces.wrong_path namespaces.duplicates namespaces.time_offsets_alone
        cgroups.missing_memory cgroups.missing_cpu cgroups.missing_cpuset cgroups.missing_pids cgroups.missing_io
        cgroups.unified_wrong lifecycle.killed_create""",
    "it does not check this": """
        process.rlimit_twice identity.personality_wrong namespaces.user_without_mappings
        namespaces.mappings_without_user devices.unknown_type devices.in_the_way devices.wrong_rules cgroups.not_empty
        cgroups.missing_rdma cgroups.update_empty seccomp.wrong_metadata_alone seccomp.wrong_notify_without_listener
        seccomp.wrong_names_empty exec.cgroup_dots command_line.ids_refused""",
    "it refuses with a text that does not say why": """
        config.root_is_a_file mounts.idmap_without_userns namespaces.sysctl_escape namespaces.sysctl_unknown
        seccomp.wrong_notify_default seccomp.wrong_notify_write lifecycle.start_again lifecycle.kill
        command_line.delete_missing command_line.log_stderr texts.not_executable texts.program_is_directory""",
    "later options do not undo earlier ones": """
        mount_options.rw mount_options.suid mount_options.dev mount_options.exec mount_options.atime
        mount_options.diratime mount_options.async mount_options.bind_rw mount_options.bind_suid mount_options.bind_dev
        mount_options.bind_exec mount_options.bind_atime mount_options.bind_diratime mount_options.rrw
        mount_options.rsuid mount_options.rdev mount_options.rexec""",
    "1.21 does not know the option": """
        mount_options.nosymfollow mount_options.symfollow mount_options.bind_nosymfollow mount_options.rnosymfollow
        mount_options.iversion mount_options.noiversion mount_options.silent mount_options.loud
        features.mount_options""",
    "1.21 asks the kernel for what it refuses": """
        mount_options.rnodiratime mount_options.rdiratime mount_options.rnoatime mount_options.ratime
        mount_options.rstrictatime mount_options.rnostrictatime process.scheduler_deadline""",
    "a bind mount loses its source's flags in a user namespace": """
        mount_options.locked_flags mount_options.locked_flags_cleared""",
    "1.21 does not know netDevices or memoryPolicy": "namespaces.net_devices* memory.*",
    "propagation options apply only with others": "mounts.single_propagation",
    "the umask of the caller or the sticky bit gets into modes": "mounts.destinations_made",
    "a link to what does not exist is an error": "mounts.destination_links",
    "fails where the specification has a warning": "identity.capabilities_ungrantable",
    "waits for a frozen cgroup": "cgroups.frozen cgroups.systemd_frozen",
    "gives the cgroup away even if it is mounted read-only": "cgroups.ownership",
    "network: {} is an error": "cgroups.empty_resources",
    "knows only some properties": "cgroups.systemd_properties",
    "errnoRet counts only with some values": "seccomp.action_errno",
    "the state that exec's agent gets has no pid": "seccomp.notify_exec",
    "startContainer and poststart run at the same time": "hooks.order hooks.order_of_run hooks.arguments",
    "states of hooks are less exact": "hooks.state hooks.status_created",
    "poststop is not run after a failure": "hooks.failure_of_prestart hooks.failure_of_create*",
    "start does not wait for these hooks": """
        hooks.failure_of_startContainer hooks.failure_of_poststart hooks.timeout_of_poststart
        hooks.timeout_of_startContainer""",
    "it has no such verb": "command_line.verbs",
    "it writes through the link": "command_line.pid_file_link",
    "rootfs of the state is as in config.json": "command_line.state_fields",
    "spec --rootless has no mappings": "command_line.spec",
    "a log of text is written elsewhere": "command_line.log_text",
    "names of signals are in upper case": "command_line.kill_words",
    "--env replaces the whole environment": "exec.options",
    "exec has the root as directory": "exec.inherits",
    "--cap replaces all sets": "exec.capabilities",
    "run's terminal does not go through": "console.onlcr",
    "the waiting init still has the caller's descriptors": "descriptors.init_holds_nothing",
    "LISTEN_FDS is not set anew": "descriptors.listen_fds",
    "it goes on without a descriptor that is missing": "descriptors.preserve_missing",
    "readiness does not end start": "descriptors.notify",
    "1.21 makes devices where a link leads": "security.dev_link_without_mount security.dev_link_climbs",
    "mounts below /proc/self are made": "security.mount_below_proc",
    "a fifo holds it up": "security.etc_passwd_fifo",
    "1.21 has no architectures there": "features.seccomp",
    "an empty HOME is one": "process.empty_home",
    "a destination is never a place on the host": "mounts.host_destination",
    "a bind mount without options loses its source's flags": "mount_options.bind_flags",
    "it opens the container's /dev/null, which is not there": "paths.host_mounts",
    "without a terminal of its own it gives none": "hooks.start_hook_output",
    "spec overwrites what is there": "command_line.spec_file",
}

RUNC = {
    "1.1 does not know it": """
        process.scheduler_* process.io_priority_* process.affinity_final process.affinity_wrong identity.personality*
        namespaces.net_devices* namespaces.time_offsets* memory.* exec.process""",
    "1.1 does not check this": """
        config.invalid_hook_* config.invalid_masked_relative process.rlimit_twice namespaces.mappings_without_user
        devices.in_the_way devices.wrong_rules cgroups.not_empty seccomp.wrong_errno_of_kill
        seccomp.wrong_default_errno_of_allow seccomp.wrong_metadata_alone seccomp.wrong_no_default
        seccomp.wrong_names_empty mounts.idmap_without_userns mounts.idmap_half""",
    "users and groups end at 2147483647": "identity.additional_gids exec.user_strict",
    "1.1 has no idmapped mounts outside of user namespaces": """
        mounts.idmapped* mounts.idmap_alone mounts.ridmap mounts.idmap_of_userns""",
    "blocked signals are inherited": "process.signals_default",
    "the umask of the caller gets into modes": "mounts.destinations_made",
    "defaults is passed to the file system": "mount_options.defaults",
    "a recursive option is not undone": """
        mount_options.rrw mount_options.rsuid mount_options.rdev mount_options.rexec mount_options.rdiratime
        mount_options.ratime mount_options.rsymfollow""",
    "1.1 joins a user namespace before all others": "namespaces.host_network_of_user",
    "1.1 does not look at locked flags": "mount_options.locked_flags",
    "fails where the specification has a warning": "identity.capabilities_ungrantable",
    "it leaves its cgroup": "namespaces.inherited_pid namespaces.wrong_type lifecycle.killed_create",
    "the root does not get it": """
        paths.propagation_shared paths.propagation_rshared paths.propagation_unbindable paths.propagation_runbindable""",
    "it makes all mounts of the caller private": "paths.no_mount_namespace",
    "1.1 does not give the cgroup away": "cgroups.ownership",
    "1.1 refuses flags": "seccomp.flags_log seccomp.flags_spec_allow seccomp.flags_tsync seccomp.flags_log_spec_allow",
    "its init needs more system calls": "seccomp.denies_getcwd seccomp.default_denies",
    "poststart runs before the program": """
        hooks.order hooks.order_of_run hooks.pivot hooks.arguments hooks.state hooks.status_created
        hooks.failure_of_poststart hooks.timeout_of_poststart""",
    "start does not wait for this hook": "hooks.failure_of_startContainer",
    "1.1 makes these mounts in another order": "mounts.host_destination",
    "1.1 keeps the source's flags unless they are taken back": "mount_options.bind_flags",
    "it needs a /dev/null": "mounts.no_mounts paths.host_mounts",
    "1.1 counts hooks differently": "hooks.failure_names_hook",
    "without a terminal of its own it gives none": "hooks.start_hook_output",
    "the first poststop that fails is the last": "hooks.failure_of_poststop",
    "two commands at once are too much": "lifecycle.concurrent_create lifecycle.concurrent_start",
    "1.1 makes files where a link leads": """
        security.dev_is_link security.dev_link_without_mount security.dev_link_climbs""",
    "a fifo holds it up": "security.etc_passwd_fifo",
    "the packaged schema is older than its list": "features.schema_of_features",
}

DIFFERS = {"crun": CRUN, "runc": RUNC}


def reason(runtime: str, test: str) -> str | None:
    for why, patterns in DIFFERS.get(runtime, {}).items():
        if any(fnmatch.fnmatchcase(test, pattern) for pattern in patterns.split()):
            return why
    return None
