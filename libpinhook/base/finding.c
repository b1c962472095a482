// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/finding.h"

#include <string.h>

static const FindingKind kinds[FINDING_COUNT] = {
    [FINDING_CONFIG_UNREADABLE] = { "config-unreadable", SEVERITY_ERROR,
        "The VM's config file cannot be read, or has a value on which Proxmox or QEMU ends the "
        "start.",
        "What cannot be read cannot be checked, and the VM would not run.",
        "Correct the named line with qm set, or the file in /etc/pve/qemu-server." },
    [FINDING_UNKNOWN_OPTION] = { "unknown-option", SEVERITY_ERROR,
        "The config uses an option for pinning that Proxmox does not have (cpuaffinity, cpuset).",
        "Tutorials name it, but it does nothing, and Proxmox drops it when it next writes the "
        "file: the VM only looks pinned.",
        "Use affinity: qm set VMID --affinity LIST. That also drops the wrong line.", TRUE },
    [FINDING_OPTION_IGNORED] = { "option-ignored", SEVERITY_WARNING,
        "Proxmox does not take a line of the VM's config as it is written, or QEMU soon will not.",
        "The VM runs without what the line asks for, and Proxmox drops it when it next writes the "
        "file.",
        "Write the value as the message says, with qm set; else comment the line out.", TRUE },
    [FINDING_AFFINITY_INVALID] = { "affinity-invalid", SEVERITY_ERROR,
        "The VM's affinity is no list of CPUs, or none that taskset takes.",
        "Proxmox ignores what is no list, and the VM would run on any CPU; of blanks in a list "
        "taskset ends the start.",
        "Write it as 0,5,8-11: qm set VMID --affinity LIST.", TRUE },
    [FINDING_POLICY_INVALID] = { "policy-invalid", SEVERITY_ERROR,
        "A line of /etc/pve/pinhook.conf is not understood.",
        "A misspelt rule would otherwise pass as if it were obeyed. In a group for other VMs or "
        "nodes it is only a warning.",
        "Correct the named line. The keys and their values are in pinhook.conf(5)." },
    [FINDING_CELL_CPUS] = { "cell-cpus", SEVERITY_ERROR,
        "The vCPU ids of the numa lines are out of range, missing or given twice.",
        "cpus= in numa0 are ids of the guest's vCPUs, counted from 0. They are not CPUs of the "
        "host, though many tutorials take them for that.",
        "Give each vCPU to one cell: qm set VMID --numa0 cpus=0-3,hostnodes=0,…" },
    [FINDING_CELL_MEMORY] = { "cell-memory", SEVERITY_ERROR,
        "The memory of the cells does not add up to the VM's, or hostnodes has no policy.",
        "Proxmox or QEMU then fails the start with a message that is harder to read.",
        "Make the cells' memory add up, and give policy=bind with hostnodes." },
    [FINDING_CELL_GAP] = { "cell-gap", SEVERITY_ERROR,
        "A numa line is missing before another: numa2 without numa1.",
        "QEMU then fails the start: Node ID missing.",
        "Number the cells from 0 on: qm set VMID --numa0 … --numa1 … --delete numa2" },
    [FINDING_HOSTNODES_LIST] = { "hostnodes-list", SEVERITY_ERROR,
        "hostnodes of a numa line is a list such as 0;2.",
        "Proxmox joins such a list wrongly: of 0;2 comes node 2 alone, and with others QEMU fails "
        "the start.",
        "Name one node or a range (0-1), or give the guest a cell for each node." },
    [FINDING_NODE_MISSING] = { "node-missing", SEVERITY_ERROR,
        "hostnodes names a NUMA node that this host does not have.",
        "The memory cannot be bound there; after a migration this is a common surprise.",
        "Name a node that the host has: lscpu lists them." },
    [FINDING_HUGEPAGES] = { "hugepages", SEVERITY_ERROR,
        "The VM's memory cannot be made of hugepages as its config has it.",
        "Proxmox then fails the start: it wants numa: 1, each cell bound to one node from 0 to 9, "
        "and its memory a multiple of the page.",
        "qm set VMID --numa 1 --numa0 cpus=…,hostnodes=NODE,memory=…,policy=bind, or other "
        "hugepages: any, 2 or 1024." },
    [FINDING_HOTPLUG_MEMORY] = { "hotplug-memory", SEVERITY_ERROR,
        "hotplug names memory, and the VM's memory cannot be plugged.",
        "Proxmox then fails the start: it wants numa: 1 without numa lines, 1 GiB at least, and "
        "memory that comes in whole DIMMs.",
        "Without it: qm set VMID --hotplug network,disk,usb" },
    [FINDING_CPU_MISSING] = { "cpu-missing", SEVERITY_ERROR,
        "The pool names CPUs that this host does not have or that are offline.",
        "Linux cuts such CPUs from an affinity mask without a word.",
        "Name CPUs that lscpu shows as online: qm set VMID --affinity LIST." },
    [FINDING_TOO_FEW_CPUS] = { "too-few-cpus", SEVERITY_ERROR,
        "There are fewer usable CPUs than the VM has vCPUs.",
        "Two vCPUs on one CPU take turns: the guest stalls where it expects to run.",
        "Give the VM more CPUs (affinity), isolate more, or give it fewer vCPUs." },
    [FINDING_NUMA_MISALIGNED] = { "numa-misaligned", SEVERITY_ERROR,
        "The VM's memory is bound to a node whose CPUs the VM may not use.",
        "Every access to memory would cross to the other node, at 1.5 to 3 times the latency.",
        "Take CPUs of the cell's node, or bind the cell to the node of the CPUs." },
    [FINDING_CPU_TAKEN] = { "cpu-taken", SEVERITY_ERROR,
        "CPUs that this VM needs are held by another VM or container.",
        "Two guests on one CPU take turns, and each sees the other as latency.",
        "Move one of the two, or stop the other before this one starts. VMs that are to share CPUs "
        "go without the hookscript." },
    [FINDING_CORE_TAKEN] = { "core-taken", SEVERITY_ERROR,
        "A CPU of this VM shares its physical core with a CPU that another VM holds.",
        "Siblings share the core's caches and pipelines; each slows the other, and can see "
        "something of what it does.",
        "Give each VM whole cores: lscpu -e shows which CPUs share one.", TRUE },
    [FINDING_NOT_ISOLATED] = { "not-isolated", SEVERITY_ERROR,
        "A CPU for a vCPU is not isolated from the host's scheduler.",
        "The host may run its own work there at any time, in the middle of the guest's.",
        "Take isolated CPUs, or isolate these: isolcpus= on the kernel command line. To start "
        "without isolation: check.not-isolated = warning in the policy.",
        TRUE },
    [FINDING_SIBLING_NOT_ISOLATED] = { "sibling-not-isolated", SEVERITY_ERROR,
        "The sibling of an isolated CPU for a vCPU is not isolated.",
        "The host's work on the sibling takes half of the core.",
        "Isolate whole cores: name the siblings in isolcpus= too.", TRUE },
    [FINDING_NODE_MEMORY] = { "node-memory", SEVERITY_ERROR,
        "A node has less free memory, or free hugepages, than the cells bound to it need.",
        "With policy=bind the kernel kills the VM, or QEMU fails, once the node is full. Page "
        "cache "
        "counts as free, and so does what ZFS's cache can give back where it certainly lies on the "
        "node; where it may lie on another one this is a warning.",
        "Free memory there, bind the cell to another node, or use policy=preferred.", TRUE },
    [FINDING_HUGEPAGES_LATE] = { "hugepages-late", SEVERITY_WARNING,
        "A node has fewer free hugepages of 1 GiB than the VM takes from it, or it cannot be told.",
        "Proxmox has the rest made at the start, and that takes 1 GiB of memory in one piece: once "
        "a host has run for a while the kernel seldom finds any, and the start fails.",
        "Reserve them at boot: hugepagesz=1G hugepages=NODE:COUNT on the kernel command line, the "
        "node from Linux 5.13 on. Or take small ones, which can be made: qm set VMID --hugepages "
        "2.",
        TRUE },
    [FINDING_MEMORY_SPREAD] = { "memory-spread", SEVERITY_WARNING,
        "The VM has more memory than is free where its vCPUs go.",
        "The rest of it lies on other nodes, at 1.5 to 3 times the latency, or nowhere at all.",
        "Give the VM less memory, or free some there.", TRUE },
    [FINDING_NO_HOUSEKEEPING] = { "no-housekeeping", SEVERITY_ERROR,
        "No CPU is left for QEMU's other threads and the host.",
        "They would run on the vCPUs' cores and stop them at every disk or network request.",
        "Leave a core to the host: give the VM fewer CPUs.", TRUE },
    [FINDING_NOTHING_ISOLATED] = { "nothing-isolated", SEVERITY_NOTE,
        "The host isolates no CPU at all.",
        "All its threads may run on every CPU, in the middle of any guest.",
        "Leave the host two cores, and write the other CPUs into "
        "isolcpus=domain,managed_irq,LIST on the kernel command line.",
        TRUE },
    [FINDING_ISOLCPUS_IGNORED] = { "isolcpus-ignored", SEVERITY_WARNING,
        "isolcpus= is on the kernel command line but isolates nothing, or less than it says.",
        "A wrong flag or list drops the whole parameter, and managed_irq or nohz alone does not "
        "isolate from the scheduler.",
        "Write isolcpus=domain,managed_irq,LIST on the kernel command line.", TRUE },
    [FINDING_ISOLCPUS_MISSING] = { "isolcpus-missing", SEVERITY_WARNING,
        "nohz_full= or rcu_nocbs= is on the kernel command line, and isolcpus= is not.",
        "They take the timer tick and RCU's callbacks off these CPUs, and leave all threads of the "
        "host there: alone they isolate nothing.",
        "Write isolcpus=domain,managed_irq,LIST beside them on the kernel command line.", TRUE },
    [FINDING_MEMORY_UNBOUND] = { "memory-unbound", SEVERITY_WARNING,
        "The host has several nodes and the VM's memory is bound to none.",
        "The memory may lie on another node than the vCPUs, and may move there later.",
        "qm set VMID --numa 1 --numa0 cpus=…,hostnodes=NODE,memory=…,policy=bind", TRUE },
    [FINDING_NOT_FROZEN] = { "not-frozen", SEVERITY_WARNING,
        "The VM starts running before its vCPUs are bound.",
        "For the first moments the guest runs wherever Linux puts it, and its memory with it.",
        "qm set VMID --freeze 1: pinhook lets it run once the placement is proven.", TRUE },
    [FINDING_IRQ_ON_CPUS] = { "irq-on-cpus", SEVERITY_WARNING,
        "Device interrupts are delivered to CPUs of vCPUs, or it cannot be told.",
        "Each one stops the guest there until the host has handled it.",
        "Send them elsewhere: echo LIST > /proc/irq/N/smp_affinity_list. A driver may manage its "
        "own and refuse; isolcpus=managed_irq,… on the kernel command line keeps those off.",
        TRUE },
    [FINDING_IRQBALANCE] = { "irqbalance", SEVERITY_WARNING,
        "irqbalance runs and may send interrupts to CPUs of vCPUs, or it cannot be told.",
        "It leaves alone what isolcpus= and nohz_full= name, not what a cgroup isolates; and once "
        "it is given a list, only what is on that list.",
        "Name the CPUs in IRQBALANCE_BANNED_CPULIST in /etc/default/irqbalance and restart it, or "
        "systemctl disable --now irqbalance.",
        TRUE },
    [FINDING_TUNED] = { "tuned", SEVERITY_WARNING,
        "tuned runs with a profile that moves the threads of VMs, or it cannot be told.",
        "Such profiles (cpu-partitioning, realtime) take all threads but those named qemu-kvm off "
        "the isolated CPUs whenever tuned starts; on Proxmox a VM is named kvm.",
        "Use a profile of your own that includes it and has cgroup_ps_blacklist=/qemu.slice/ in "
        "[scheduler], or tuned-adm off.",
        TRUE },
    [FINDING_NUMA_BALANCING] = { "numa-balancing", SEVERITY_WARNING,
        "The kernel's NUMA balancing is on while the host has several nodes, or it cannot be told.",
        "It unmaps pages to see who uses them: the guest stalls at each, and memory may move.",
        "sysctl -w kernel.numa_balancing=0, and the same line in /etc/sysctl.d to keep it.", TRUE },
    [FINDING_GOVERNOR] = { "governor", SEVERITY_WARNING,
        "CPUs of vCPUs do not always run at full speed, or it cannot be told.",
        "The kernel lowers the frequency of an idle CPU, and the guest waits while it rises.",
        "Write performance into /sys/devices/system/cpu/cpuN/cpufreq/scaling_governor.", TRUE },
    [FINDING_HOST_STARVED] = { "host-starved", SEVERITY_WARNING,
        "Fewer than two whole cores are left to the host.",
        "Its network, storage and Proxmox itself, and QEMU's other threads, need room; without it "
        "all VMs wait for them.",
        "Isolate fewer CPUs (isolcpus= on the kernel command line), or bind fewer to guests.",
        TRUE },
    [FINDING_IRQ_DEFAULT] = { "irq-default", SEVERITY_NOTE,
        "Interrupts of devices that are to come may begin on CPUs of vCPUs, or it cannot be told.",
        "Each one stops the guest there until the host has handled it; a device that is plugged in "
        "or a driver that starts anew brings some.",
        "Write a mask of the host's own CPUs into /proc/irq/default_smp_affinity; to keep it, "
        "irqaffinity=LIST on the kernel command line.",
        TRUE },
    [FINDING_WORKQUEUES] = { "workqueues", SEVERITY_NOTE,
        "Work of the kernel that is bound to no CPU may run on CPUs of vCPUs, or it cannot be "
        "told.",
        "It takes moments from the guest; the kernel keeps it off CPUs that isolcpus= names unless "
        "somebody has changed that.",
        "Write a mask of the host's own CPUs into /sys/devices/virtual/workqueue/cpumask.", TRUE },
    [FINDING_WATCHDOG] = { "watchdog", SEVERITY_NOTE,
        "The kernel's watchdogs for lockups run on CPUs of vCPUs, or it cannot be told.",
        "Every few seconds a timer and a thread of the kernel stop the guest for some "
        "microseconds. "
        "With nohz_full= they leave these CPUs by themselves.",
        "sysctl -w kernel.watchdog_cpumask=LIST with the host's own CPUs, and the same line in "
        "/etc/sysctl.d to keep it.",
        TRUE },
    [FINDING_DEEP_SLEEP] = { "deep-sleep", SEVERITY_NOTE,
        "CPUs of vCPUs may sleep so deeply that waking up takes more than 10 us, or it cannot be "
        "told.",
        "A guest that was idle begins that much later. Sleep saves power, and lets other cores run "
        "faster.",
        "Write 10 into /sys/devices/system/cpu/cpuN/power/pm_qos_resume_latency_us. What a program "
        "holds against sleep through /dev/cpu_dma_latency, as some of tuned's profiles do, does "
        "not show there.",
        TRUE },
    [FINDING_KSM] = { "ksm", SEVERITY_NOTE,
        "The kernel merges equal pages of guests (KSM), or it cannot be told.",
        "A guest that writes to a merged page waits until it has been copied, and can find out "
        "what "
        "others have in memory.",
        "systemctl disable --now ksmtuned; echo 0 > /sys/kernel/mm/ksm/run. To take apart what is "
        "merged, 2 in place of 0: that needs the memory.",
        TRUE },
    [FINDING_HUGE_FOR_ALL] = { "huge-for-all", SEVERITY_NOTE,
        "The kernel makes huge pages for all processes (THP is `always`), or it cannot be told.",
        "It moves memory to make them, and who uses it waits. Guests' memory is asked for as huge "
        "pages by QEMU itself.",
        "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled; to keep it, "
        "transparent_hugepage=madvise on the kernel command line.",
        TRUE },
    [FINDING_NOHZ_FULL_MISSING] = { "nohz-full-missing", SEVERITY_WARNING,
        "An isolated CPU of a vCPU is not in nohz_full.",
        "The host's timer tick goes on there and stops the guest 100 to 1000 times a second.",
        "Name the CPUs in nohz_full= too, on the kernel command line, and reboot. CPUs that a "
        "cgroup isolates at run time need that as well. To do without: check.nohz-full-missing = "
        "off in the policy.",
        TRUE },
    [FINDING_RCU_NOCBS_MISSING] = { "rcu-nocbs-missing", SEVERITY_WARNING,
        "An isolated CPU of a vCPU is neither in rcu_nocbs nor in nohz_full, or it cannot be told.",
        "RCU's callbacks, by which the kernel frees things later, run there amid the guest's work.",
        "Name the CPUs in rcu_nocbs= too, on the kernel command line, and reboot; nohz_full= "
        "implies it.",
        TRUE },
    [FINDING_ISOLATION_LISTS_DIFFER] = { "isolation-lists-differ", SEVERITY_WARNING,
        "isolcpus, nohz_full and rcu_nocbs on the kernel command line name different CPUs.",
        "A CPU that one of them leaves out is only half isolated, and nothing else says so.",
        "Give all three the same list, of whole cores, and reboot.", TRUE },
    [FINDING_CPU0_USED] = { "cpu0-used", SEVERITY_WARNING,
        "The VM uses the core of CPU 0, or of the first CPU online.",
        "The kernel keeps work there that cannot be moved: it keeps the time, and what it set up "
        "at boot interrupts it.",
        "Give the VM other CPUs, and leave this core to the host.", TRUE },
    [FINDING_CONTAINER_ON_CPUS] = { "container-on-cpus", SEVERITY_WARNING,
        "A running container may use cores of vCPUs, or it cannot be told.",
        "Proxmox spreads containers over all CPUs, isolated ones too; what runs there takes turns "
        "with the guest.",
        "Bind the container elsewhere: lxc.cgroup2.cpuset.cpus: LIST in /etc/pve/lxc/VMID.conf, "
        "then pct reboot VMID.",
        TRUE },
    [FINDING_GUEST_SMT] = { "guest-smt", SEVERITY_ERROR,
        "The guest is told of threads on its cores that it cannot have, or is told other ones than "
        "the plan was made for.",
        "The guest puts work that belongs together on siblings; where they are none it decides "
        "wrongly all the time.",
        "Tell the guest what there is: qm set VMID --args '-smp 4,sockets=1,cores=4,threads=1'" },
    [FINDING_SMT_EXPOSED] = { "smt-exposed", SEVERITY_WARNING,
        "vCPUs share a physical core, and the guest takes each for a core of its own.",
        "The guest puts two busy tasks on one core while another is idle, and cannot keep apart "
        "what must not share a core.",
        "Tell it: qm set VMID --args '-smp 4,sockets=1,cores=2,threads=2'. Or give each vCPU a "
        "core: isolate more, or smt = isolate in the policy.",
        TRUE },
    [FINDING_SMT_HIDDEN] = { "smt-hidden", SEVERITY_WARNING,
        "QEMU is told of threads on a core, and the guest's CPU does not pass it on: on AMD that "
        "takes the flag topoext, which host and most models lack.",
        "The guest takes each vCPU for a core of its own, puts two busy tasks on one core while "
        "another is idle, and cannot keep apart what must not share a core.",
        "Set the flag beside Proxmox's own: qm set VMID --args '-smp 4,sockets=1,cores=2,threads=2 "
        "-global host-x86_64-cpu.topoext=on'. Or take a model that has it, such as EPYC.",
        TRUE },
    [FINDING_LLC_SPLIT] = { "llc-split", SEVERITY_WARNING,
        "The vCPUs lie in more last-level caches than this host would need for so many.",
        "What vCPUs share goes from cache to cache, at a multiple of the latency.",
        "Take CPUs that share a cache, or isolate such: lscpu -e shows the caches.", TRUE },
    [FINDING_NODE_SPLIT] = { "node-split", SEVERITY_WARNING,
        "vCPUs that the guest takes for one NUMA node lie on several nodes of the host.",
        "The guest cannot tell near memory from far, and its scheduler moves tasks away from "
        "their memory.",
        "Give the guest a cell for each node: qm set VMID --numa 1 --numa0 … --numa1 …", TRUE },
    [FINDING_KIND_MIXED] = { "kind-mixed", SEVERITY_WARNING,
        "vCPUs lie on performance cores and on efficiency cores.",
        "The guest takes all vCPUs for alike: work that is split evenly waits for the slow ones.",
        "Take CPUs of one kind, or fewer vCPUs: lscpu -e shows the cores' frequencies.", TRUE },
    [FINDING_KIND_SLOW] = { "kind-slow", SEVERITY_WARNING,
        "All vCPUs lie on slower cores while faster ones of the VM's CPUs are free.",
        "An efficiency core does about half of what a performance core does. It is taken where the "
        "faster ones are too few for all vCPUs, are not isolated, or lie on another node.",
        "Isolate the faster ones too, or give the VM no more vCPUs than they have CPUs. Where slow "
        "cores will do: kind = slow, or any, in the policy.",
        TRUE },
    [FINDING_LLC_SMALLER] = { "llc-smaller", SEVERITY_NOTE,
        "The last-level caches of this host differ in size, and the VM gets a smaller one.",
        "Games, databases and much else run faster in the larger one (3D V-Cache), where they "
        "leave "
        "it to nobody else. By itself pinhook keeps it for the VM that fits it best.",
        "llc = largest in the policy takes it, on siblings if it must be." },
    [FINDING_CPU_LIMIT] = { "cpu-limit", SEVERITY_WARNING,
        "cpulimit gives the VM less CPU time than it has vCPUs.",
        "The kernel stops all vCPUs at once, for up to a tenth of a second, when the time is used "
        "up, though their CPUs are idle.",
        "qm set VMID --delete cpulimit", TRUE },
    [FINDING_BALLOON] = { "balloon", SEVERITY_WARNING,
        "balloon lets Proxmox take memory from the VM and give it back.",
        "What comes back may lie on another node, and taking it stops the guest at work.",
        "qm set VMID --balloon 0", TRUE },
    [FINDING_HOTPLUG_CPU] = { "hotplug-cpu", SEVERITY_WARNING,
        "vCPUs may be plugged while the VM runs, and nothing would bind them.",
        "Proxmox calls no hook then: the new vCPU runs where QEMU's other threads do, until "
        "somebody calls pinhook repair.",
        "systemctl enable --now pinhook-repair.timer. Or plug none: qm set VMID --hotplug "
        "network,disk,usb",
        TRUE },
    [FINDING_DEVICE_REMOTE] = { "device-remote", SEVERITY_WARNING,
        "A passed-through device is on another node than the VM, or it is not known where it is.",
        "Each of its interrupts and transfers crosses to the other node.",
        "Take CPUs of the device's node: cat /sys/bus/pci/devices/ADDRESS/numa_node", TRUE },
    [FINDING_UNPINNABLE] = { "unpinnable", SEVERITY_ERROR,
        "This VM has no vCPU threads that could be bound.",
        "A template never runs, and with thread=single QEMU emulates all vCPUs in one thread.",
        "Clone the template: qm clone VMID NEWID. Emulate with thread=multi." },
    [FINDING_VCPU_MISSING] = { "vcpu-missing", SEVERITY_ERROR,
        "QEMU's vCPUs are not those of the plan, or a vCPU's thread is not QEMU's.",
        "A vCPU without a thread or without a place in the plan cannot be bound.",
        "Look at pinhook status VMID, and at the VM's args and vcpus." },
    [FINDING_NOT_BOUND] = { "not-bound", SEVERITY_ERROR, "A thread may run elsewhere than planned.",
        "A cgroup's cpuset or another tool cut or replaced its mask; Linux says nothing.",
        "Find who changes it: cat /proc/TID/cgroup, and tools such as tuned or taskset hooks." },
    [FINDING_THREAD_UNMOVABLE] = { "thread-unmovable", SEVERITY_ERROR,
        "A thread of QEMU refuses to be moved and may run on a vCPU's core.",
        "Some kernel workers keep their own mask; on the vCPU's core they interrupt it.",
        "Keep the work elsewhere, such as aio=native or threads in place of io_uring." },
    [FINDING_MEMORY_REMOTE] = { "memory-remote", SEVERITY_ERROR,
        "Less of the VM's memory than wanted lies on the nodes of its vCPUs, or it cannot be seen.",
        "Every access to another node takes longer, and shares the link with all others.",
        "Bind it before the start: qm set VMID --numa 1 --numa0 …,hostnodes=NODE,policy=bind. Move "
        "it after: memory = migrate in the policy." },
    [FINDING_QMP_TIMEOUT] = { "qmp-timeout", SEVERITY_ERROR,
        "QEMU did not answer on its QMP socket in time.",
        "Only QEMU knows which thread is which vCPU; without it nothing is bound.",
        "See who else holds the socket. A longer wait: deadline = MS in the policy." },
    [FINDING_QMP_FAILED] = { "qmp-failed", SEVERITY_ERROR,
        "QEMU's QMP socket is missing, closed, or gave no usable answer.",
        "Only QEMU knows which thread is which vCPU; without it nothing is bound.",
        "Ask it yourself: qm monitor VMID, then info cpus." },
    [FINDING_VM_GONE] = { "vm-gone", SEVERITY_ERROR,
        "The VM is not running, or it ended while pinhook was at work.",
        "There is nothing left to bind.",
        "The VM's task log says why it ended: journalctl -b | grep VMID." },
};

const char *severity_name(Severity severity)
{
    static const char *const names[] = {
        [SEVERITY_OFF] = "off",
        [SEVERITY_NOTE] = "note",
        [SEVERITY_WARNING] = "warning",
        [SEVERITY_ERROR] = "error",
    };

    return names[severity];
}

const FindingKind *finding_kind(FindingCode code)
{
    g_return_val_if_fail(code < FINDING_COUNT, NULL);
    return &kinds[code];
}

gboolean finding_lookup(const char *name, FindingCode *code)
{
    for (guint i = 0; i < FINDING_COUNT; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *code = (FindingCode)i;
            return TRUE;
        }
    }
    return FALSE;
}

Finding *finding_new(FindingCode code, Severity severity, char *message)
{
    Finding *finding = g_new(Finding, 1);

    *finding = (Finding){ .code = code, .severity = severity, .message = message };
    finding->fixes = g_ptr_array_new_with_free_func((GDestroyNotify)fix_free);
    return finding;
}

void finding_offer(Finding *finding, Fix *fix)
{
    if (fix != NULL && fix->changes->len > 0) {
        g_ptr_array_add(finding->fixes, fix);
    } else {
        fix_free(fix);
    }
}

Fix *finding_accept(FindingCode code, Severity severity)
{
    g_autofree char *key = g_strdup_printf("check.%s", finding_kind(code)->name);

    return fix_accepts(fix_rule(fix_new(), key, severity == SEVERITY_OFF ? "off" : "warning"));
}

void finding_free(Finding *finding)
{
    if (finding == NULL) {
        return;
    }
    g_free(finding->message);
    g_ptr_array_unref(finding->fixes);
    g_free(finding);
}

GPtrArray *finding_list_new(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
}

/// Adds those of @severity to @told.
static void tell(GArray *told, const GPtrArray *findings, Severity severity)
{
    guint last[FINDING_COUNT] = { 0 }, count[FINDING_COUNT] = { 0 };

    for (guint i = 0; i < findings->len; i++) {
        const Finding *finding = findings->pdata[i];
        if (finding->severity != severity) {
            continue;
        }
        if (++count[finding->code] <= FINDING_TOLD) {
            FindingTold one = { .finding = finding };
            last[finding->code] = told->len;
            g_array_append_val(told, one);
        } else {
            g_array_index(told, FindingTold, last[finding->code]).more++;
        }
    }
}

GArray *finding_list_told(const GPtrArray *findings, Severity least)
{
    GArray *told = g_array_new(FALSE, FALSE, sizeof(FindingTold));

    for (guint severity = SEVERITY_ERROR; severity >= least; severity--) {
        tell(told, findings, (Severity)severity);
    }
    return told;
}

guint finding_list_count(const GPtrArray *findings, Severity severity)
{
    guint count = 0;

    for (guint i = 0; i < findings->len; i++) {
        count += ((const Finding *)findings->pdata[i])->severity == severity;
    }
    return count;
}
