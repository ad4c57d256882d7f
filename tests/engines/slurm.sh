#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Slurm: jobs in containers by oci.conf, on four nodes that are four slurmd of this system. What a user writes is a
# bundle, srun and sbatch.
. /src/tests/engines/lib.sh
engine=slurm
address=10.9.0.1
bundle=$stage/bundle

# Slurm resolves names only while an interface other than lo has an address.
make_network() {
    ip link add slurm0 type bridge
    ip address add $address/24 dev slurm0
    ip link set slurm0 up
    echo "$address $(hostname)" >>/etc/hosts
}

write_cluster() {
    mkdir -p /etc/slurm /var/spool/slurmctld /var/log/slurm
    cat >/etc/slurm/slurm.conf <<EOF
ClusterName=box
SlurmctldHost=$(hostname)($address)
AuthType=auth/munge
SlurmUser=root
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd.%n
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.%n.pid
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.%n.log
SlurmdParameters=config_overrides
KillWait=2
NodeName=n[1-4] NodeHostName=$(hostname) NodeAddr=$address Port=[17001-17004] CPUs=2 RealMemory=1000
PartitionName=all Nodes=ALL Default=YES State=UP
EOF
    echo CgroupPlugin=disabled >/etc/slurm/cgroup.conf
}

# Read for each job anew by its step.
write_oci_conf() { # RUNTIME-PATH
    local call="$1 --root=/run/slurm-containers"
    cat >/etc/slurm/oci.conf <<EOF
EnvExclude="^(SLURM_CONF|SLURM_CONF_SERVER)="
RunTimeEnvExclude="^(SLURM_CONF|SLURM_CONF_SERVER)="
RunTimeQuery="$call state %n.%u.%j.%s.%t"
RunTimeKill="$call kill %n.%u.%j.%s.%t"
RunTimeDelete="$call delete --force %n.%u.%j.%s.%t"
RunTimeRun="$call run --bundle %b %n.%u.%j.%s.%t"
EOF
}

nodes_are() { [ "$(sinfo --noheader --format=%D:%t | xargs)" = "$1" ]; }

prepare() {
    local node
    make_image_root
    mkdir $bundle
    cp -a $stage/rootfs $bundle/rootfs
    # The nodes' network is the job's, so that tasks find each other.
    jq '.process.terminal = false | .linux.namespaces |= map(select(.type != "network"))' $data/runc-spec.json >$bundle/config.json
    make_network
    write_cluster
    write_oci_conf /usr/bin/crun
    systemctl start munge
    slurmctld
    for node in n1 n2 n3 n4; do
        mkdir -p /var/spool/slurmd.$node
        slurmd -N $node
    done
    eventually 'four nodes are idle' nodes_are 4:idle
    useradd --create-home guest
}

clean() {
    scancel --user=root
    until_true nodes_are 4:idle || sinfo
    [ -z "$(containers "$1")" ]
}

# IDs of the containers there are.
containers() { "$(path_of "$name")" --root=/run/slurm-containers list --quiet 2>/dev/null; }
none_left() { [ -z "$(containers)" ]; }
contained() { timeout $patience srun --quiet --container=$bundle "$@"; }
use() { write_oci_conf "$runtime"; scontrol reconfigure; }
job_state() { scontrol show job "$1" | sed -n 's/.*JobState=\([A-Z]*\).*/\1/p'; }
job_is() { [ "$(job_state "$1")" = "$2" ]; }

test_run() {
    use
    prints 'a command in a container' 'n1 root:x:0:0:root:/root:/bin/sh' \
        contained -w n1 /bin/sh -c 'echo $SLURMD_NODENAME $(cat /etc/passwd)'
    check 'nothing is left' none_left
}

test_four_nodes() {
    use
    ends 'a task on each node' 0 contained -N4 -n4 /bin/sh -c 'echo $SLURM_PROCID of $SLURM_NTASKS on $SLURMD_NODENAME as $$'
    equal 'four containers' '0 of 4 on n1 as 1 1 of 4 on n2 as 1 2 of 4 on n3 as 1 3 of 4 on n4 as 1' "$(sort <<<"$out" | xargs)"
    check 'nothing is left' none_left
}

test_two_tasks() {
    use
    ends 'two tasks on a node' 0 contained -N1 -n2 /bin/sh -c 'echo task $SLURM_PROCID'
    equal 'two containers' 'task 0 task 1' "$(sort <<<"$out" | xargs)"
}

test_status() {
    use
    ends 'an exit status' 7 contained -N1 /bin/sh -c 'exit 7'
    ends 'the highest of two' 5 contained -N2 -n2 /bin/sh -c '[ $SLURM_PROCID = 0 ] || exit 5'
    ends 'a program that is not there' 1 contained -N1 /missing
}

test_input() {
    use
    prints 'the input of srun' 'through a pipe' contained -N1 /bin/cat <<<'through a pipe'
}

test_batch() {
    local job
    use
    printf '#!/bin/sh\necho batch on $SLURMD_NODENAME as $$\n' >"$work/job"
    job=$(sbatch --parsable --container=$bundle -w n2 -o "$work/output" "$work/job")
    eventually 'it is done' job_is "$job" COMPLETED
    # Beside it Slurm may complain of a query that came too late.
    equal 'its output' 'batch on n2 as' "$(sed -n 's/^\(batch.*\) [0-9]*$/\1/p' "$work/output")"
    check 'nothing is left' none_left
}

test_cancel() {
    local job
    use
    printf '#!/bin/sh\necho started\nsleep 1000\n' >"$work/job"
    job=$(sbatch --parsable --container=$bundle -o "$work/output" "$work/job")
    eventually 'it runs' has_line "$work/output" started
    equal 'in a container' 1 "$(containers | wc -l)"
    ends 'scancel' 0 scancel "$job"
    eventually 'it is cancelled' job_is "$job" CANCELLED
    eventually 'nothing is left' none_left
}

test_signal() {
    local job
    use
    printf '#!/bin/sh\necho started\nsleep 1000\n' >"$work/job"
    job=$(sbatch --parsable --container=$bundle -o "$work/output" "$work/job")
    eventually 'it runs' has_line "$work/output" started
    ends 'a signal for all of the job' 0 scancel --signal=KILL --full "$job"
    eventually 'it has ended' eval 'job_is "$job" FAILED || job_is "$job" CANCELLED'
    eventually 'nothing is left' none_left
}

test_queue() {
    use
    printf '#!/bin/sh\nsleep 1\necho done\n' >"$work/job"
    local job
    job=$(sbatch --parsable --array=1-10 --container=$bundle -o "$work/output.%a" "$work/job")
    eventually 'ten jobs take turns on eight processors' eval '[ "$(cat "$work"/output.* | grep -c done)" = 10 ]'
    eventually 'nothing is left' none_left
}

features "$@"
