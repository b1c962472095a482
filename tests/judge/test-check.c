// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/verdict.h"

#include "base/cmdline.h"
#include "judge/mend.h"
#include "place/planner.h"
#include "bind/ledger.h"
#include "fakes/fake-fix.h"
#include "fakes/fake-host.h"
#include "fakes/fake-qm.h"
#include "fakes/fake-scene.h"

#include <string.h>

static Verdict *judge_on(
    const VmConfig *vm, const Policy *policy, const Host *host, const Taken *taken)
{
    return scene_judge_request(
        &(Request){ .vm = vm, .policy = policy, .host = host, .taken = taken });
}

static const Finding *find(const Verdict *verdict, FindingCode code)
{
    for (guint i = 0; i < verdict->findings->len; i++) {
        const Finding *finding = verdict->findings->pdata[i];
        if (finding->code == code) {
            return finding;
        }
    }
    return NULL;
}

/// The @way'th of the alternatives that a fix has, round and round.
static gboolean apply_way(Scene *scene, const char *fix, guint way)
{
    g_auto(GStrv) ways = g_strsplit(fix, "\n", -1);

    return scene_paste(scene, ways[way % g_strv_length(ways)]);
}

/* Findings: where each appears, and where it just does not. */

#define TWO_NODES "numa:2 l3:1 core:4 pu:2"
#define X3D "numa:1 l3:2 core:4 pu:2"
#define TWO_NODES_ISOLATED "2-7,10-15"
#define GOOD "memory: 512\nfreeze: 1\n"
#define CELL "numa: 1\nnuma0: "

typedef struct {
    const char *name;
    FindingCode code;
    const char *message; // NULL: it must not be found
    const char *fix;     // NULL: whatever mends it
    const char *config;  // behind GOOD, which is two lines
    const char *rules;
    const char *shape;    // NULL: TWO_NODES, and
    const char *isolated; // TWO_NODES_ISOLATED
    const char *held;
    const char *cmdline;
    const char *isolates;   // the fix isolates these; NULL: see `fix`
    const char *nohz_full;  // NULL: what is isolated
    const char *containers; // see scene_add_containers(); NULL: none
    gboolean shows;         // the fix only shows what is wrong
    const char *devices;
    HostVendor vendor;
    const char *llcs; // see set_llc_sizes()
    gboolean timer;   // systemd knows pinhook-repair.timer
} Example;

static const Example examples[] = {
    { "config/hugepages", FINDING_CONFIG_UNREADABLE, "line 3: 'hugepages: 3' is not any, 2 or 1024",
        "qm set 100 --hugepages any --numa 1 --numa0 "
        "cpus=0,hostnodes=0,memory=512,policy=bind",
        "hugepages: 3\n" },
    { "config/device", FINDING_CONFIG_UNREADABLE,
        "line 3: 'hostpci0: pcie=1' names not one of an address and a mapping",
        "qm set 100 --delete hostpci0", "hostpci0: pcie=1\n" },
    { "config/more-vcpus-than-there-can-be", FINDING_CONFIG_UNREADABLE,
        "line 4: 8 vCPUs, where the VM can have 4 and QEMU at most 4096",
        "qm set 100 --delete vcpus", "cores: 4\nvcpus: 8\n" },
    { "config/args", FINDING_CONFIG_UNREADABLE,
        "line 4: args: '-smp cores=lots' is not what QEMU takes", "qm set 100 --delete args",
        "cores: 2\nargs: -smp cores=lots\n" },
    { "config/other-args-stay", FINDING_CONFIG_UNREADABLE,
        "line 4: args: sockets, cores and threads of -smp do not multiply to 2 vCPUs",
        "qm set 100 --args '-vga none'", "cores: 2\nargs: -smp cores=3 -vga none\n" },
    { "config/smp-and-hotplug", FINDING_CONFIG_UNREADABLE,
        "line 5: args: with hotplug of CPUs Proxmox plugs them in itself, and -smp takes their "
        "place",
        "qm set 100 --hotplug disk", "cores: 2\nhotplug: disk,cpu\nargs: -smp 2\n" },
    { "config/good", FINDING_CONFIG_UNREADABLE, NULL, NULL, "cores: 2\n" },

    { "option/of-tutorials", FINDING_UNKNOWN_OPTION, "line 4: Proxmox has no option 'cpuaffinity'",
        "qm set 100 --affinity 4-7", "cores: 2\ncpuaffinity: 4-7\n" },
    { "option/of-tutorials-that-is-no-list", FINDING_UNKNOWN_OPTION,
        "line 4: Proxmox has no option 'cpuset'", NULL, "cores: 2\ncpuset: all\n" },
    { "option/of-tutorials-beside-the-policys-cpus", FINDING_UNKNOWN_OPTION,
        "line 4: Proxmox has no option 'cpuaffinity'", NULL, "cores: 2\ncpuaffinity: 4-7\n",
        "[defaults]\ncpus = 4-7\n" },
    { "option/good", FINDING_UNKNOWN_OPTION, NULL, NULL, "cores: 2\naffinity: 4-7\n" },

    { "ignored/option-like-ours", FINDING_OPTION_IGNORED,
        "line 4: Proxmox has no option 'afinity', which is like 'affinity', and drops the line",
        "sed -i 's/^afinity: 4-7\\s*$/#&/' /etc/pve/qemu-server/100.conf",
        "cores: 2\nafinity: 4-7\n" },
    { "ignored/option-like-none-of-ours", FINDING_OPTION_IGNORED, NULL, NULL,
        "cores: 2\nfuture: 1\n" },

    { "ignored/value", FINDING_OPTION_IGNORED,
        "line 3: 'cores: lots' is not a number: Proxmox drops the line",
        "sed -i 's/^cores: lots\\s*$/#&/' /etc/pve/qemu-server/100.conf", "cores: lots\n" },
    { "ignored/line", FINDING_OPTION_IGNORED,
        "line 4: '[?/*' is no 'key: value': Proxmox drops the line",
        "sed -i 's/^\\[?\\/\\*\\s*$/#&/' /etc/pve/qemu-server/100.conf", "cores: 2\n[?/*  \n" },
    { "ignored/line-that-a-shell-would-take-apart", FINDING_OPTION_IGNORED,
        "line 3: 'memory: $(id)\\t\xc3\xa4'`' is not a number of MiB from 16 on: Proxmox drops "
        "the "
        "line",
        "LC_ALL=C sed -i 's/^memory: \\$(id)...'\\''`\\s*$/#&/' /etc/pve/qemu-server/100.conf",
        "memory: $(id)\t\xc3\xa4'`\n" },
    { "ignored/words-of-the-shell", FINDING_OPTION_IGNORED,
        "line 5: 'hotplug: disk,cpu,$(touch${IFS}x)' is not 0, 1 or of network, disk, cpu, memory, "
        "usb and cloudinit: Proxmox drops the line",
        "sed -i 's/^hotplug: disk,cpu,\\$(touch\\${IFS}x)\\s*$/#&/' /etc/pve/qemu-server/100.conf",
        "cores: 2\nvcpus: 1\nhotplug: disk,cpu,$(touch${IFS}x)\n" },
    { "ignored/affinity-0", FINDING_OPTION_IGNORED,
        "line 4: 'affinity: 0' is no affinity to Proxmox", "qm set 100 --delete affinity",
        "cores: 2\naffinity: 0\n" },
    { "ignored/smp-0", FINDING_OPTION_IGNORED, "line 4: args: QEMU refuses a 0 in -smp from 9.0 on",
        "qm set 100 --args '-vga none -smp 2,sockets=1,cores=2,threads=1'",
        "cores: 2\nargs: -smp cores=2,threads=0 -vga none\n" },
    { "ignored/smp-0-with-hotplug", FINDING_OPTION_IGNORED,
        "line 5: args: QEMU refuses a 0 in -smp from 9.0 on", "qm set 100 --delete args",
        "cores: 2\nhotplug: cpu\nargs: -smp threads=0\n" },
    { "ignored/empty-values", FINDING_OPTION_IGNORED, NULL, NULL,
        "cores: 2\nargs: \ntags: \nboot: \nhotplug: \n" },
    { "ignored/replaced", FINDING_OPTION_IGNORED, NULL, NULL, "cores: lots\ncores: 2\n" },

    { "affinity/blank", FINDING_AFFINITY_INVALID, "line 4: 'affinity: 4, 6' is no list to taskset",
        "qm set 100 --affinity 4,6", "cores: 2\naffinity: 4, 6\n" },
    { "affinity/comma-at-the-end", FINDING_AFFINITY_INVALID,
        "line 4: 'affinity: 4,6,' is no list to taskset", "qm set 100 --affinity 4,6",
        "cores: 2\naffinity: 4,6,\n" },
    { "affinity/no-list", FINDING_AFFINITY_INVALID, "line 4: affinity: '4-' is no list like 0-3,8",
        "qm set 100 --affinity 2,4", "cores: 2\naffinity: 4-\n" },
    { "affinity/no-list-and-nothing-isolated", FINDING_AFFINITY_INVALID,
        "line 4: affinity: '4-' is no list like 0-3,8", "qm set 100 --delete affinity",
        "cores: 2\naffinity: 4-\n", NULL, TWO_NODES, "" },
    { "affinity/good", FINDING_AFFINITY_INVALID, NULL, NULL, "cores: 2\naffinity: 4,6\n" },

    { "policy/key", FINDING_POLICY_INVALID,
        "/etc/pve/pinhook.conf line 2: [defaults] 'moed' is no key",
        "sed -i '2s/^/#/' /etc/pve/pinhook.conf", "cores: 2\n", "[defaults]\nmoed = warn\n" },
    { "policy/value", FINDING_POLICY_INVALID,
        "/etc/pve/pinhook.conf line 3: [vm 100] smt: 'off' is not auto, isolate or pair", NULL,
        "cores: 2\n", "# ours\n[vm 100]\nsmt = off\n" },
    { "policy/good", FINDING_POLICY_INVALID, NULL, NULL, "cores: 2\n", "[vm 100]\nsmt = auto\n" },

    { "cell-cpus/cpus-of-the-host", FINDING_CELL_CPUS,
        "numa0: cpus=4-7 are ids of vCPUs, and this VM has vCPU 0-3",
        "qm set 100 --numa0 cpus=0-3,hostnodes=0,memory=512,policy=bind # vCPUs share cores",
        "cores: 4\n" CELL "cpus=4-7,hostnodes=0,memory=512,policy=bind\n" },
    { "cell-cpus/missing", FINDING_CELL_CPUS, "vCPU 2-3 is in no cell",
        "qm set 100 --numa0 cpus=0-3,hostnodes=0,memory=512,policy=bind # vCPUs share cores",
        "cores: 4\n" CELL "cpus=0-1,hostnodes=0,memory=512,policy=bind\n" },
    { "cell-cpus/doubled", FINDING_CELL_CPUS, "vCPU 1 is in several cells",
        "qm set 100 --numa0 cpus=0-1,memory=256 --numa1 cpus=2-3,memory=256",
        "cores: 4\n" CELL "cpus=0-1,memory=256\nnuma1: cpus=1-3,memory=256\n" },
    { "cell-cpus/more-cells-than-vcpus", FINDING_CELL_CPUS, "vCPU 0 is in several cells", NULL,
        "cores: 1\n" CELL "cpus=0,memory=256\nnuma1: cpus=0,memory=256\n" },
    { "cell-cpus/those-to-be-hot-plugged", FINDING_CELL_CPUS, NULL, NULL,
        "cores: 4\nvcpus: 2\n" CELL "cpus=0-3,memory=512\n" },
    { "cell-cpus/lists-with-semicolons", FINDING_CELL_CPUS, NULL, NULL,
        "cores: 4\n" CELL "cpus=0;2,memory=256\nnuma1: cpus=1;3,memory=256\n" },

    { "cell-memory/sum", FINDING_CELL_MEMORY, "the cells have 384 MiB, the VM 512",
        "qm set 100 --numa0 cpus=0-1,memory=256 --numa1 cpus=2-3,memory=256",
        "cores: 4\n" CELL "cpus=0-1,memory=256\nnuma1: cpus=2-3,memory=128\n" },
    { "cell-memory/no-policy", FINDING_CELL_MEMORY, "numa0 has hostnodes but no policy",
        "qm set 100 --numa0 cpus=0-1,hostnodes=1,memory=512,policy=bind",
        "cores: 2\n" CELL "cpus=0-1,hostnodes=1,memory=512\n" },
    { "cell-memory/none", FINDING_CELL_MEMORY, "numa0 has no memory",
        "qm set 100 --numa0 cpus=0-1,memory=512", "cores: 2\n" CELL "cpus=0-1\n" },
    { "cell-memory/good", FINDING_CELL_MEMORY, NULL, NULL,
        "cores: 3\n" CELL "cpus=0-1,memory=384\nnuma1: cpus=2,memory=128\n" },

    { "cell-memory/by-socket", FINDING_CELL_MEMORY,
        "without numa lines each of 3 sockets gets a part of 512 MiB, which does not come out even",
        "qm set 100 --numa 1 --numa0 cpus=0-2,hostnodes=0-1,memory=512,policy=bind",
        "sockets: 3\nnuma: 1\n" },
    { "cell-memory/by-socket-on-one-node", FINDING_CELL_MEMORY,
        "without numa lines each of 3 sockets gets a part of 512 MiB, which does not come out even",
        "qm set 100 --memory 513", "sockets: 3\nnuma: 1\n", NULL, "numa:1 core:8 pu:1", "1-7" },
    { "cell-memory/by-socket-of-what-is-there-at-once", FINDING_CELL_MEMORY,
        "without numa lines each of 3 sockets gets a part of 1024 MiB, which does not come out "
        "even",
        "qm set 100 --hotplug disk", "memory: 3072\nsockets: 3\nnuma: 1\nhotplug: disk,memory\n" },
    { "cell-memory/by-socket-in-half-mebibytes", FINDING_CELL_MEMORY, NULL, NULL,
        "memory: 513\nsockets: 2\nnuma: 1\n" },
    { "cell-memory/decimals", FINDING_CELL_MEMORY, NULL, NULL,
        "cores: 2\n" CELL "cpus=0,memory=255.5\nnuma1: cpus=1,memory=+256.50\n" },
    { "cell-memory/no-whole-bytes", FINDING_CELL_MEMORY, "numa0: 255.9 MiB are no whole bytes",
        "qm set 100 --numa0 cpus=0,memory=256 --numa1 cpus=1,memory=256",
        "cores: 2\n" CELL "cpus=0,memory=255.9\nnuma1: cpus=1,memory=256.1\n" },
    { "cell-memory/given-as-0", FINDING_CELL_MEMORY, "numa0 has no memory",
        "qm set 100 --numa0 cpus=0-1,memory=512", "cores: 2\n" CELL "cpus=0-1,memory=0\n" },

    { "cell-gap/first", FINDING_CELL_GAP, "there is a numa2 and no numa0",
        "qm set 100 --numa 1 --numa0 cpus=0-1,hostnodes=0,memory=512,policy=bind --delete numa2",
        "cores: 2\nnuma: 1\nnuma2: cpus=0-1,memory=512\n" },
    { "cell-gap/between", FINDING_CELL_GAP, "there is a numa3 and no numa1",
        "qm set 100 --numa0 cpus=0,hostnodes=0,memory=256,policy=bind "
        "--numa1 cpus=1,hostnodes=1,memory=256,policy=bind --delete numa3",
        "cores: 2\n" CELL "cpus=0,hostnodes=0,memory=256,policy=bind\n"
        "numa3: cpus=1,hostnodes=1,memory=256,policy=bind\n" },
    { "cell-gap/none-that-counts", FINDING_CELL_GAP, NULL, NULL,
        "cores: 2\nnuma2: cpus=0-1,memory=512\n" },
    { "cell-gap/none", FINDING_CELL_GAP, NULL, NULL,
        "cores: 2\n" CELL "cpus=0,memory=256\nnuma1: cpus=1,memory=256\n" },

    { "hostnodes-list/from-0", FINDING_HOSTNODES_LIST,
        "numa0: Proxmox cannot bind to a list such as hostnodes=0;2, only to one node or a range",
        "qm set 100 --numa0 cpus=0-1,hostnodes=2,memory=512,policy=bind",
        "cores: 2\n" CELL "cpus=0-1,hostnodes=0;2,memory=512,policy=bind\n", NULL,
        "numa:4 core:4 pu:1", "1-15" },
    { "hostnodes-list/others", FINDING_HOSTNODES_LIST,
        "numa1: Proxmox cannot bind to a list such as hostnodes=1;3, only to one node or a range",
        "qm set 100 --numa0 cpus=0,hostnodes=0-1,memory=256,policy=bind "
        "--numa1 cpus=1,hostnodes=1,memory=256,policy=bind",
        "cores: 2\n" CELL "cpus=0,hostnodes=0-1,memory=256,policy=bind\n"
        "numa1: cpus=1,hostnodes=1;3,memory=256,policy=bind\n",
        NULL, "numa:4 core:4 pu:1", "1-15" },
    { "hostnodes-list/range", FINDING_HOSTNODES_LIST, NULL, NULL,
        "cores: 2\n" CELL "cpus=0-1,hostnodes=0-1,memory=512,policy=bind\n" },

    { "hugepages/no-numa", FINDING_HUGEPAGES, "hugepages need 'numa: 1'",
        "qm set 100 --numa 1 --numa0 cpus=0-1,hostnodes=0,memory=512,policy=bind",
        "cores: 2\nhugepages: 2\n" },
    { "hugepages/no-hostnodes", FINDING_HUGEPAGES, "numa0: hugepages need hostnodes",
        "qm set 100 --numa0 cpus=0,hostnodes=0,memory=256,policy=bind "
        "--numa1 cpus=1,hostnodes=1,memory=256,policy=bind",
        "cores: 2\nhugepages: any\n" CELL "cpus=0,memory=256\nnuma1: cpus=1,memory=256\n" },
    { "hugepages/two-nodes", FINDING_HUGEPAGES, "numa0: hugepages need one node, from 0 to 9",
        "qm set 100 --numa0 cpus=0-1,hostnodes=0,memory=512,policy=bind",
        "cores: 2\nhugepages: 2\n" CELL "cpus=0-1,hostnodes=0-1,memory=512,policy=bind\n" },
    { "hugepages/node-10", FINDING_HUGEPAGES, "numa0: hugepages need one node, from 0 to 9",
        "qm set 100 --numa0 cpus=0,hostnodes=0,memory=512,policy=bind",
        "hugepages: 2\n" CELL "cpus=0,hostnodes=10,memory=512,policy=bind\n", NULL,
        "numa:11 core:2 pu:1", "1-21" },
    { "hugepages/no-multiple", FINDING_HUGEPAGES,
        "1536 MiB of numa0 are no multiple of hugepages of 1024 MiB",
        "qm set 100 --hugepages 2 --numa0 cpus=0-1,hostnodes=0,memory=1536,policy=bind",
        "memory: 1536\ncores: 2\nhugepages: 1024\n" CELL
        "cpus=0-1,hostnodes=0,memory=1536,policy=bind\n" },
    { "hugepages/no-multiple-in-parts", FINDING_HUGEPAGES,
        "1023 MiB of numa0 are no multiple of hugepages of 2 MiB",
        "qm set 100 --numa0 cpus=0,hostnodes=0,memory=1022,policy=bind "
        "--numa1 cpus=1,hostnodes=1,memory=1024,policy=bind",
        "memory: 2046\ncores: 2\nhugepages: 2\n" CELL "cpus=0,hostnodes=0,memory=1023,policy=bind\n"
        "numa1: cpus=1,hostnodes=1,memory=1023,policy=bind\n" },
    { "hugepages/odd", FINDING_HUGEPAGES, "513 MiB of numa0 are no multiple of hugepages of 2 MiB",
        "qm set 100 --memory 514 --numa0 cpus=0-1,hostnodes=1,memory=514,policy=bind",
        "memory: 513\ncores: 2\nhugepages: any\n" CELL
        "cpus=0-1,hostnodes=1,memory=513,policy=bind\n" },
    { "hugepages/by-socket", FINDING_HUGEPAGES,
        "257 MiB of socket 0 are no multiple of hugepages of 2 MiB",
        "qm set 100 --numa0 cpus=0-1,hostnodes=0,memory=514,policy=bind",
        "memory: 514\nsockets: 2\nhugepages: 2\nnuma: 1\n" },
    { "hugepages/of-a-socket-without-a-node", FINDING_HUGEPAGES,
        "without numa lines hugepages of socket 2 come from node 2, which this host does not have",
        "qm set 100 --numa0 cpus=0-2,hostnodes=0,memory=510,policy=bind",
        "memory: 510\nsockets: 3\nhugepages: 2\nnuma: 1\n" },
    { "hugepages/and-hotplug", FINDING_HUGEPAGES, "hugepages need 'numa: 1'",
        "qm set 100 --hotplug 0 --numa 1 --numa0 cpus=0-1,hostnodes=0,memory=2048,policy=bind",
        "memory: 2048\ncores: 2\nhugepages: 2\nhotplug: memory\n" },
    { "hugepages/by-socket-and-even", FINDING_HUGEPAGES, NULL, NULL,
        "memory: 1024\nsockets: 2\nhugepages: 2\nnuma: 1\n" },
    { "hugepages/of-decimals", FINDING_HUGEPAGES, NULL, NULL,
        "memory: 512\ncores: 2\nhugepages: 2\n" CELL
        "cpus=0-1,hostnodes=1,memory=512.0,policy=preferred\n" },
    { "hugepages/kept", FINDING_HUGEPAGES, NULL, NULL,
        "cores: 2\nhugepages: 0\nkeephugepages: 1\n" },

    { "hotplug-memory/no-numa", FINDING_HOTPLUG_MEMORY, "hotplug of memory needs 'numa: 1'",
        "qm set 100 --numa 1", "memory: 2048\ncores: 2\nhotplug: network,disk,usb,memory\n" },
    { "hotplug-memory/no-numa-and-little", FINDING_HOTPLUG_MEMORY,
        "hotplug of memory needs 'numa: 1'", "qm set 100 --hotplug 0",
        "cores: 2\nhotplug: memory\n" },
    { "hotplug-memory/cells", FINDING_HOTPLUG_MEMORY,
        "hotplug of memory and numa0 exclude each other", "qm set 100 --hotplug 0",
        "memory: 2048\ncores: 2\nhotplug: memory\n" CELL
        "cpus=0-1,hostnodes=0,memory=2048,policy=bind\n" },
    { "hotplug-memory/little", FINDING_HOTPLUG_MEMORY,
        "hotplug of memory needs 1024 MiB, and the VM has 512", "qm set 100 --hotplug 0",
        "cores: 2\nnuma: 1\nhotplug: memory\n" },
    { "hotplug-memory/no-whole-dimms", FINDING_HOTPLUG_MEMORY,
        "1500 MiB do not come out even in DIMMs, in which hot-plugged memory comes",
        "qm set 100 --hotplug 0", "memory: 1500\ncores: 2\nnuma: 1\nhotplug: memory\n" },
    { "hotplug-memory/no-whole-dimms-of-the-second-size", FINDING_HOTPLUG_MEMORY,
        "17920 MiB do not come out even in DIMMs, in which hot-plugged memory comes",
        "qm set 100 --hotplug 0", "memory: 17920\ncores: 2\nnuma: 1\nhotplug: memory\n" },
    { "hotplug-memory/whole-dimms", FINDING_HOTPLUG_MEMORY, NULL, NULL,
        "memory: 66560\nsockets: 2\ncores: 2\nnuma: 1\nhotplug: memory\n" },
    { "hotplug-memory/none", FINDING_HOTPLUG_MEMORY, NULL, NULL,
        "cores: 2\nhotplug: network,disk,usb\n" },

    { "node-missing/one", FINDING_NODE_MISSING,
        "hostnodes names node 2, which this host does not have",
        "qm set 100 --numa0 cpus=0-1,hostnodes=0,memory=512,policy=bind",
        "cores: 2\n" CELL "cpus=0-1,hostnodes=2,memory=512,policy=bind\n" },
    { "node-missing/of-several", FINDING_NODE_MISSING,
        "hostnodes names node 2-3, which this host does not have",
        "qm set 100 --numa0 cpus=0-1,hostnodes=1,memory=512,policy=bind",
        "cores: 2\n" CELL "cpus=0-1,hostnodes=1-3,memory=512,policy=bind\n" },
    { "node-missing/last", FINDING_NODE_MISSING, NULL, NULL,
        "cores: 2\n" CELL "cpus=0-1,hostnodes=1,memory=512,policy=bind\n" },

    { "cpu-missing/of-affinity", FINDING_CPU_MISSING, "affinity names CPU 16-17; online here: 0-15",
        "qm set 100 --delete affinity", "cores: 2\naffinity: 14-17\n" },
    { "cpu-missing/of-the-policy", FINDING_CPU_MISSING,
        "cpus of the policy names CPU 16; online here: 0-15", NULL, "cores: 2\n",
        "[vm 100]\ncpus = 14,16\n" },
    { "cpu-missing/nothing-isolated", FINDING_CPU_MISSING,
        "affinity names CPU 16-17; online here: 0-15", "qm set 100 --affinity 14-15",
        "cores: 2\naffinity: 14-17\n", NULL, TWO_NODES, "" },
    { "cpu-missing/all-of-them-and-nothing-isolated", FINDING_CPU_MISSING,
        "affinity names CPU 16-17; online here: 0-15", NULL, "cores: 2\naffinity: 16-17\n", NULL,
        TWO_NODES, "" },
    { "cpu-missing/last", FINDING_CPU_MISSING, NULL, NULL, "cores: 1\naffinity: 14-15\n" },

    { "too-few/of-affinity", FINDING_TOO_FEW_CPUS, "3 vCPUs need a CPU each; usable affinity: 4-5",
        "qm set 100 --affinity 2,4,6", "cores: 3\naffinity: 4-5\n" },
    { "too-few/of-affinity-and-nothing-isolated", FINDING_TOO_FEW_CPUS,
        "3 vCPUs need a CPU each; usable affinity: 4-5", NULL, "cores: 3\naffinity: 4-5\n", NULL,
        TWO_NODES, "" },
    { "too-few/isolated", FINDING_TOO_FEW_CPUS,
        "5 vCPUs need a CPU each; usable isolated CPUs: 4-7", NULL, "cores: 5\n", NULL,
        "numa:1 core:8 pu:2", "4-7", .isolates = "4-13" },
    { "too-few/none-isolated", FINDING_TOO_FEW_CPUS,
        "2 vCPUs need a CPU each; usable isolated CPUs: none", NULL, "cores: 2\n", NULL, TWO_NODES,
        "", .isolates = "4-7" },
    { "too-few/of-the-policy", FINDING_TOO_FEW_CPUS,
        "3 vCPUs need a CPU each; usable cpus of the policy: 4-5", NULL, "cores: 3\n",
        "[vm 100]\ncpus = 4-5\n" },
    { "too-few/with-those-to-be-hot-plugged", FINDING_TOO_FEW_CPUS,
        "8 vCPUs (2 at start) need a CPU each; usable isolated CPUs: 1-3", NULL,
        "cores: 8\nvcpus: 2\n", NULL, "numa:1 core:4 pu:1", "1-3" },
    { "too-few/siblings-for-guest-threads", FINDING_TOO_FEW_CPUS,
        "10 vCPUs need 2 CPUs of one core for each 2; usable isolated CPUs: 1-7", NULL,
        "cores: 10\nargs: -smp 10,cores=5,threads=2 -vga none\n", NULL, "numa:1 core:8 pu:1",
        "1-7" },
    { "too-few/whole-cores", FINDING_TOO_FEW_CPUS, "3 vCPUs need a core each; usable affinity: 4-7",
        NULL, "cores: 3\naffinity: 4-7\n", "[vm 100]\nsmt = isolate\n" },
    { "too-few/with-a-spare-core", FINDING_TOO_FEW_CPUS,
        "4 vCPUs need a CPU each, and QEMU's other threads a core; usable affinity: 4-7", NULL,
        "cores: 4\naffinity: 4-7\n", "[vm 100]\nemulator = spare\n" },
    { "too-few/the-host-keeps-a-slow-core", FINDING_TOO_FEW_CPUS,
        "4 vCPUs need a CPU each; usable isolated CPUs: none", NULL, "cores: 4\n", NULL,
        SCENE_HYBRID, "", .isolates = "2-5" },
    { "too-few/and-slow-ones-are-left", FINDING_TOO_FEW_CPUS,
        "7 vCPUs need a CPU each; usable isolated CPUs: none", NULL, "cores: 7\n", NULL,
        SCENE_HYBRID, "", .isolates = "2-5,7-9" },
    { "too-few/pairs", FINDING_TOO_FEW_CPUS,
        "3 vCPUs need 2 CPUs of one core for each 2; usable affinity: 4,6,10", NULL,
        "cores: 3\naffinity: 4,6,10\n", "[vm 100]\nsmt = pair\n" },
    { "too-few/with-vcpus-given", FINDING_TOO_FEW_CPUS,
        "8 vCPUs (6 at start) need a CPU each; usable isolated CPUs: none", NULL,
        "cores: 8\nvcpus: 6\n", NULL, "numa:1 core:4 pu:1", "" },
    { "too-few/just-enough", FINDING_TOO_FEW_CPUS, NULL, NULL, "cores: 2\naffinity: 4-5\n" },

    { "misaligned/isolated", FINDING_NUMA_MISALIGNED,
        "memory is bound to node 0, but the isolated CPUs with enough room (CPU 10-15) lie on "
        "node 1",
        "qm set 100 --numa0 cpus=0-1,hostnodes=1,memory=512,policy=bind",
        "cores: 2\n" CELL "cpus=0-1,hostnodes=0,memory=512,policy=bind\n", NULL, TWO_NODES,
        "10-15" },
    { "misaligned/affinity", FINDING_NUMA_MISALIGNED,
        "memory is bound to node 1, but the affinity with enough room (CPU 4-7) lie on node 0",
        "qm set 100 --affinity 10,12",
        "cores: 2\naffinity: 4-7\n" CELL "cpus=0-1,hostnodes=1,memory=512,policy=bind\n" },
    { "misaligned/too-little-on-the-cells-node", FINDING_NUMA_MISALIGNED,
        "memory is bound to node 0, but the isolated CPUs with enough room (CPU 6-7,10-15) lie on "
        "node 0-1",
        "qm set 100 --numa0 cpus=0-2,hostnodes=1,memory=512,policy=bind",
        "cores: 3\n" CELL "cpus=0-2,hostnodes=0,memory=512,policy=bind\n", NULL, TWO_NODES,
        "6-7,10-15" },
    { "misaligned/two-cells-on-one-node", FINDING_NUMA_MISALIGNED,
        "memory is bound to node 0, but the isolated CPUs with enough room (CPU 4-7,12-15) lie on "
        "node 0-1",
        NULL,
        "cores: 8\n" CELL "cpus=0-3,hostnodes=0,memory=256,policy=bind\n"
        "numa1: cpus=4-7,hostnodes=0,memory=256,policy=bind\n",
        NULL, TWO_NODES, "4-7,12-15" },
    { "misaligned/not", FINDING_NUMA_MISALIGNED, NULL, NULL,
        "cores: 2\naffinity: 8-15\n" CELL "cpus=0-1,hostnodes=1,memory=512,policy=bind\n" },

    { "cpu-taken/by-one", FINDING_CPU_TAKEN,
        "held by VM 101 (CPU 4-6); left of affinity: 1 for 2 vCPUs", NULL,
        "cores: 2\naffinity: 4-7\n", NULL, TWO_NODES, "2-7,10-11", "101:4-6" },
    { "cpu-taken/by-several", FINDING_CPU_TAKEN,
        "held by VM 101 (CPU 2-3), VM 102 (CPU 5); left of isolated CPUs: 3 for 5 vCPUs", NULL,
        "cores: 5\n", NULL, TWO_NODES, "2-7", "101:2-3 102:5", .isolates = "2-7,10-15" },
    { "cpu-taken/of-the-policy", FINDING_CPU_TAKEN,
        "held by VM 101 (CPU 4-5); left of cpus of the policy: 0 for 1 vCPUs", NULL, "cores: 1\n",
        "[vm 100]\ncpus = 4-5\n", TWO_NODES, "2-7", "101:4-5" },
    { "cpu-taken/enough-left", FINDING_CPU_TAKEN, NULL, NULL, "cores: 2\naffinity: 4-7\n", NULL,
        TWO_NODES, "2-7", "101:4-5" },

    { "core-taken/sibling", FINDING_CORE_TAKEN,
        "siblings of this VM's CPUs are held by VM 101 (CPU 5)", "qm set 100 --affinity 2",
        "cores: 1\naffinity: 4\n", NULL, TWO_NODES, TWO_NODES_ISOLATED, "101:5" },
    { "core-taken/no-core-left", FINDING_CORE_TAKEN,
        "siblings of this VM's CPUs are held by VM 101 (CPU 5)", NULL, "cores: 1\n", NULL,
        TWO_NODES, "4-5", "101:5" },
    { "core-taken/another-core", FINDING_CORE_TAKEN, NULL, NULL, "cores: 1\naffinity: 4-6\n", NULL,
        TWO_NODES, TWO_NODES_ISOLATED, "101:5" },

    { "not-isolated/others-are", FINDING_NOT_ISOLATED,
        "CPU 8, chosen for vCPUs, is not isolated; isolated here: 2-7,10-15",
        "qm set 100 --affinity 2,4", "cores: 2\naffinity: 8,10\n" },
    { "not-isolated/none-is", FINDING_NOT_ISOLATED,
        "CPU 4,6, chosen for vCPUs, is not isolated; isolated here: none", NULL,
        "cores: 2\naffinity: 4-7\n", NULL, TWO_NODES, "", .isolates = "4-7" },
    { "not-isolated/all-but-the-first-core-wanted", FINDING_NOT_ISOLATED,
        "CPU 1-3, chosen for vCPUs, is not isolated; isolated here: none", NULL,
        "cores: 3\naffinity: 1-3\n", NULL, "numa:1 core:4 pu:1", "", .isolates = "1-3" },
    { "not-isolated/cpu-0", FINDING_NOT_ISOLATED,
        "CPU 0, chosen for vCPUs, is not isolated; isolated here: none", NULL,
        "cores: 1\naffinity: 0-0\n", NULL, "numa:1 core:2 pu:1", "" },
    { "not-isolated/of-the-policy", FINDING_NOT_ISOLATED,
        "CPU 8, chosen for vCPUs, is not isolated; isolated here: 2-7", NULL, "cores: 1\n",
        "[vm 100]\ncpus = 8\n", TWO_NODES, "2-7" },
    { "not-isolated/all-are", FINDING_NOT_ISOLATED, NULL, NULL, "cores: 2\naffinity: 0-7\n", NULL,
        TWO_NODES, "4-7" },

    { "sibling/awake", FINDING_SIBLING_NOT_ISOLATED,
        "CPU 5,7, sibling of a vCPU's CPU, is not isolated; isolated here: 2-4,6", NULL,
        "cores: 2\naffinity: 4,6\n", NULL, TWO_NODES, "2-4,6", .isolates = "2-7" },
    { "sibling/all-awake", FINDING_SIBLING_NOT_ISOLATED,
        "CPU 5,7, sibling of a vCPU's CPU, is not isolated; isolated here: 4,6", NULL, "cores: 2\n",
        NULL, TWO_NODES, "4,6" },
    { "sibling/isolated", FINDING_SIBLING_NOT_ISOLATED, NULL, NULL, "cores: 2\naffinity: 4,6\n" },

    { "node-memory/short", FINDING_NODE_MEMORY,
        "numa0 binds 5000 MiB to node 0, where 4096 MiB are free", NULL,
        "memory: 5000\ncores: 2\n" CELL "cpus=0-1,hostnodes=0,memory=5000,policy=bind\n" },
    { "node-memory/short-for-the-second-cell", FINDING_NODE_MEMORY,
        "numa1 binds 2000 MiB to node 0, where 1096 MiB are free", NULL,
        "memory: 5000\ncores: 2\n" CELL "cpus=0,hostnodes=0,memory=3000,policy=bind\n"
        "numa1: cpus=1,hostnodes=0,memory=2000,policy=bind\n" },
    { "node-memory/preferred", FINDING_NODE_MEMORY, NULL, NULL,
        "memory: 5000\ncores: 2\n" CELL "cpus=0-1,hostnodes=0,memory=5000,policy=preferred\n" },
    { "node-memory/just-enough", FINDING_NODE_MEMORY, NULL, NULL,
        "memory: 4096\ncores: 2\n" CELL "cpus=0-1,hostnodes=0,memory=4096,policy=bind\n" },
    { "node-memory/of-two-nodes", FINDING_NODE_MEMORY, NULL, NULL,
        "memory: 8192\ncores: 2\n" CELL "cpus=0-1,hostnodes=0-1,memory=8192,policy=bind\n" },
    { "node-memory/room-for-both-cells", FINDING_NODE_MEMORY, NULL, NULL,
        "memory: 8000\ncores: 2\n" CELL "cpus=0,hostnodes=0-1,memory=4000,policy=bind\n"
        "numa1: cpus=1,hostnodes=0,memory=4000,policy=bind\n" },

    { "memory-spread/more-than-the-node-has-free", FINDING_MEMORY_SPREAD,
        "the VM's 5000 MiB are more than the 4096 MiB free on node 0, where its vCPUs go", NULL,
        "memory: 5000\ncores: 2\n" },
    { "memory-spread/just-enough", FINDING_MEMORY_SPREAD, NULL, NULL, "memory: 4096\ncores: 2\n" },
    { "memory-spread/of-two-nodes", FINDING_MEMORY_SPREAD, NULL, NULL, "memory: 5000\ncores: 8\n" },
    { "memory-spread/bound", FINDING_MEMORY_SPREAD, NULL, NULL,
        "memory: 5000\ncores: 2\n" CELL "cpus=0-1,hostnodes=0,memory=5000,policy=preferred\n" },
    { "memory-spread/more-than-the-host-has", FINDING_MEMORY_SPREAD,
        "the VM's 70000 MiB are more than the 65536 MiB that the host has", NULL,
        "memory: 70000\ncores: 2\n", NULL, "numa:1(memory=64GiB) core:4 pu:1", "1-3" },
    { "memory-spread/more-than-is-free-of-all", FINDING_MEMORY_SPREAD, NULL, NULL,
        "memory: 65536\ncores: 2\n", NULL, "numa:1(memory=64GiB) core:4 pu:1", "1-3" },

    { "housekeeping/none-left", FINDING_NO_HOUSEKEEPING,
        "no CPU is left for QEMU's other threads; they would share CPU 0-3",
        "qm set 100 --sockets 1 --cores 3 # 3 vCPUs in place of 4", "cores: 4\naffinity: 0-3\n",
        NULL, "numa:1 core:4 pu:1", "" },
    { "housekeeping/all-held", FINDING_NO_HOUSEKEEPING,
        "no CPU is left for QEMU's other threads; they would share CPU 0", NULL, "cores: 2\n", NULL,
        "numa:1 core:4 pu:1", "1-3", "101:0" },
    { "housekeeping/emulator-offline", FINDING_NO_HOUSEKEEPING,
        "no CPU is left for QEMU's other threads; they would share CPU 0", NULL, "cores: 2\n",
        "[defaults]\nemulator = 9\n", "numa:1 core:4 pu:1", "1-3" },
    { "housekeeping/one-left", FINDING_NO_HOUSEKEEPING, NULL, NULL, "cores: 3\naffinity: 0-3\n",
        NULL, "numa:1 core:4 pu:1", "" },

    { "isolcpus/not-in-force", FINDING_ISOLCPUS_IGNORED,
        "isolcpus=4-7 is on the kernel command line, isolated are: none", NULL,
        "cores: 2\naffinity: 4-7\n", NULL, TWO_NODES, "", NULL, "quiet isolcpus=4-7",
        .isolates = "4-7" },
    { "isolcpus/flags-without-domain", FINDING_ISOLCPUS_IGNORED,
        "isolcpus=managed_irq,4-7 is on the kernel command line, isolated are: none", NULL,
        "cores: 2\naffinity: 4-7\n", NULL, TWO_NODES, "", NULL, "isolcpus=managed_irq,4-7",
        .isolates = "4-7" },
    { "isolcpus/in-part", FINDING_ISOLCPUS_IGNORED,
        "isolcpus=4-7 is on the kernel command line, isolated are: 4-6", NULL, "cores: 1\n", NULL,
        TWO_NODES, "4-6", NULL, "isolcpus=4-7", .isolates = "4-7" },
    { "isolcpus/half-a-core", FINDING_ISOLCPUS_IGNORED,
        "isolcpus=managed_irq,0,5-7 is on the kernel command line, isolated are: none", NULL,
        "cores: 1\n", NULL, TWO_NODES, "", NULL, "isolcpus=managed_irq,0,5-7", .isolates = "4-7" },
    { "isolcpus/in-force", FINDING_ISOLCPUS_IGNORED, NULL, NULL, "cores: 2\n", NULL, TWO_NODES,
        "4-7", NULL, "isolcpus=domain,managed_irq,4-7" },
    { "isolcpus/offline-ones", FINDING_ISOLCPUS_IGNORED, NULL, NULL, "cores: 2\n", NULL, TWO_NODES,
        "4-7", NULL, "isolcpus=4-7,40" },
    { "isolcpus/nohz-full-alone", FINDING_ISOLCPUS_MISSING,
        "nohz_full=4-7 on the kernel command line isolates nothing: that takes isolcpus=", NULL,
        "cores: 2\n", NULL, TWO_NODES, "", NULL, "nohz_full=4-7", .isolates = "4-7",
        .nohz_full = "4-7" },
    { "isolcpus/rcu-nocbs-alone", FINDING_ISOLCPUS_MISSING,
        "rcu_nocbs=4-7 on the kernel command line isolates nothing: that takes isolcpus=", NULL,
        "cores: 2\n", NULL, TWO_NODES, "", NULL, "rcu_nocbs=4-7", .isolates = "4-7",
        .nohz_full = "" },
    { "isolcpus/both-alone", FINDING_ISOLCPUS_MISSING,
        "nohz_full=4-7 and rcu_nocbs=4-7,12 on the kernel command line isolate nothing: that takes "
        "isolcpus=",
        NULL, "cores: 2\n", NULL, TWO_NODES, "", NULL, "nohz_full=4-7 rcu_nocbs=4-7,12",
        .nohz_full = "4-7" },
    { "isolcpus/nohz-full-beside-a-partition", FINDING_ISOLCPUS_MISSING, NULL, NULL, "cores: 2\n",
        NULL, TWO_NODES, "6-7", NULL, "nohz_full=4-7", .nohz_full = "4-7" },
    { "isolcpus/nohz-full-beside-isolcpus", FINDING_ISOLCPUS_MISSING, NULL, NULL, "cores: 2\n",
        NULL, TWO_NODES, "", NULL, "nohz_full=4-7 isolcpus=managed_irq,4-7", .nohz_full = "4-7" },
    { "isolcpus/nohz-full-offline", FINDING_ISOLCPUS_MISSING, NULL, NULL, "cores: 2\n", NULL,
        TWO_NODES, "", NULL, "nohz_full=40-47", .nohz_full = "" },
    { "isolcpus/none-asked", FINDING_ISOLCPUS_IGNORED, NULL, NULL, "cores: 2\n", NULL, TWO_NODES,
        "4-7", NULL, "quiet" },

    { "tick/of-isolcpus-alone", FINDING_NOHZ_FULL_MISSING,
        "CPU 4,6, isolated for vCPUs, keeps the timer tick; nohz_full here: none", NULL,
        "cores: 2\n", NULL, TWO_NODES, "4-7", NULL, "isolcpus=4-7", .isolates = "4-7",
        .nohz_full = "" },
    { "tick/of-some", FINDING_NOHZ_FULL_MISSING,
        "CPU 6, isolated for vCPUs, keeps the timer tick; nohz_full here: 4-5", NULL, "cores: 2\n",
        NULL, TWO_NODES, "4-7", NULL, NULL, .isolates = "4-7", .nohz_full = "4-5" },
    { "tick/isolated-at-run-time", FINDING_NOHZ_FULL_MISSING,
        "CPU 4,6, isolated for vCPUs, keeps the timer tick; nohz_full here: 8-15", NULL,
        "cores: 2\n", NULL, TWO_NODES, "4-7", NULL, "nohz_full=8-15", .isolates = "4-7",
        .nohz_full = "8-15" },
    { "tick/none", FINDING_NOHZ_FULL_MISSING, NULL, NULL, "cores: 2\n", NULL, TWO_NODES, "4-7",
        NULL, "isolcpus=4-7 nohz_full=4-7" },
    { "tick/of-cpus-not-used", FINDING_NOHZ_FULL_MISSING, NULL, NULL, "cores: 2\naffinity: 4,6\n",
        NULL, TWO_NODES, TWO_NODES_ISOLATED, .nohz_full = "4,6" },
    { "tick/of-what-is-not-isolated", FINDING_NOHZ_FULL_MISSING, NULL, NULL,
        "cores: 2\naffinity: 8-9\n", NULL, TWO_NODES, "4-7" },
    { "tick/where-lists-differ", FINDING_NOHZ_FULL_MISSING, NULL, NULL, "cores: 2\n", NULL,
        TWO_NODES, "4-7", NULL, "isolcpus=4-7 nohz_full=4-5", .nohz_full = "4-5" },
    { "tick/where-the-list-is-wrong", FINDING_NOHZ_FULL_MISSING,
        "CPU 4,6, isolated for vCPUs, keeps the timer tick; nohz_full here: none", NULL,
        "cores: 2\n", NULL, TWO_NODES, "4-7", NULL, "isolcpus=4-7 nohz_full=4-wrong",
        .isolates = "4-7", .nohz_full = "" },

    { "callbacks/of-isolcpus-alone", FINDING_RCU_NOCBS_MISSING,
        "CPU 4,6, isolated for vCPUs, keeps RCU's callbacks; rcu_nocbs here: none", NULL,
        "cores: 2\n", NULL, TWO_NODES, "4-7", NULL, "isolcpus=4-7", .isolates = "4-7",
        .nohz_full = "" },
    { "callbacks/of-some", FINDING_RCU_NOCBS_MISSING,
        "CPU 6, isolated for vCPUs, keeps RCU's callbacks; rcu_nocbs here: 4-5", NULL, "cores: 2\n",
        NULL, TWO_NODES, "4-7", NULL, "rcu_nocbs=4-5", .isolates = "4-7", .nohz_full = "" },
    { "callbacks/cannot-be-told", FINDING_RCU_NOCBS_MISSING,
        "whether rcu_nocbs names CPU 4,6 cannot be told: /proc/cmdline cannot be read",
        "cat /proc/cmdline", "cores: 2\n", NULL, TWO_NODES, "4-7", .nohz_full = "", .shows = TRUE },
    { "callbacks/none", FINDING_RCU_NOCBS_MISSING, NULL, NULL, "cores: 2\n", NULL, TWO_NODES, "4-7",
        NULL, "isolcpus=4-7 rcu_nocbs=4-7", .nohz_full = "" },
    { "callbacks/nohz_full-implies-it", FINDING_RCU_NOCBS_MISSING, NULL, NULL, "cores: 2\n", NULL,
        TWO_NODES, "4-7", NULL, "isolcpus=4-7 nohz_full=4-7" },
    { "callbacks/where-lists-differ", FINDING_RCU_NOCBS_MISSING, NULL, NULL, "cores: 2\n", NULL,
        TWO_NODES, "4-7", NULL, "isolcpus=4-7 rcu_nocbs=4-5", .nohz_full = "" },
    { "callbacks/where-nohz_full-differs", FINDING_RCU_NOCBS_MISSING, NULL, NULL, "cores: 2\n",
        NULL, TWO_NODES, "4-7", NULL, "isolcpus=4-7 nohz_full=4-5", .nohz_full = "4-5" },

    { "lists/nohz_full-differs", FINDING_ISOLATION_LISTS_DIFFER,
        "isolcpus=4-7, but nohz_full=4-5, on the kernel command line", NULL, "cores: 2\n", NULL,
        TWO_NODES, "4-7", NULL, "isolcpus=4-7 nohz_full=4-5 rcu_nocbs=4-7", .isolates = "4-7",
        .nohz_full = "4-5" },
    { "lists/all-differ", FINDING_ISOLATION_LISTS_DIFFER,
        "isolcpus=3-5, but nohz_full=4 and rcu_nocbs=0-63, on the kernel command line", NULL,
        "cores: 2\n", NULL, TWO_NODES, "3-5", NULL, "isolcpus=domain,3-5 nohz_full=4 rcu_nocbs=all",
        .isolates = "2-5", .nohz_full = "4" },
    { "lists/without-isolcpus", FINDING_ISOLATION_LISTS_DIFFER,
        "nohz_full=4-7, but rcu_nocbs=4-5, on the kernel command line", NULL, "cores: 2\n", NULL,
        TWO_NODES, "", NULL, "nohz_full=4-7 rcu_nocbs=4-5", .isolates = "4-7", .nohz_full = "4-7" },
    { "lists/the-same", FINDING_ISOLATION_LISTS_DIFFER, NULL, NULL, "cores: 2\n", NULL, TWO_NODES,
        "4-7", NULL, "isolcpus=domain,managed_irq,4-7 nohz_full=4,5,6-7 rcu_nocbs=4-7" },
    { "lists/two-of-three", FINDING_ISOLATION_LISTS_DIFFER, NULL, NULL, "cores: 2\n", NULL,
        TWO_NODES, "4-7", NULL, "isolcpus=4-7 rcu_nocbs=4-7" },
    { "lists/one-alone", FINDING_ISOLATION_LISTS_DIFFER, NULL, NULL, "cores: 2\n", NULL, TWO_NODES,
        "4-7", NULL, "rcu_nocbs=4-5" },
    { "lists/offline-cpus", FINDING_ISOLATION_LISTS_DIFFER, NULL, NULL, "cores: 2\n", NULL,
        TWO_NODES, "4-15", NULL, "isolcpus=4-15 nohz_full=4-15,20" },

    { "cpu-0/isolated", FINDING_CPU0_USED,
        "CPU 0, chosen for vCPUs, is of the core on which the kernel keeps work of its own",
        "qm set 100 --affinity 2,4", "cores: 2\naffinity: 0,4\n", NULL, TWO_NODES, "0-7" },
    { "cpu-0/sibling", FINDING_CPU0_USED,
        "CPU 1, chosen for vCPUs, is of the core on which the kernel keeps work of its own",
        "qm set 100 --affinity 2", "cores: 1\naffinity: 1\n", NULL, TWO_NODES, "0-7" },
    { "cpu-0/not-isolated", FINDING_CPU0_USED,
        "CPU 0, chosen for vCPUs, is of the core on which the kernel keeps work of its own", NULL,
        "cores: 2\naffinity: 0-1\n", NULL, "numa:1 core:4 pu:1", "" },
    { "cpu-0/no-others-isolated", FINDING_CPU0_USED,
        "CPU 0, chosen for vCPUs, is of the core on which the kernel keeps work of its own", NULL,
        "cores: 2\n", NULL, "numa:1 core:4 pu:1", "0-1", .isolates = "1,3" },
    { "cpu-0/next-core", FINDING_CPU0_USED, NULL, NULL, "cores: 1\naffinity: 2\n", NULL, TWO_NODES,
        "0-7" },

    { "container/one", FINDING_CONTAINER_ON_CPUS, "may run on the vCPUs' cores: CT 201 (CPU 2-4)",
        "sed -i '1i lxc.cgroup2.cpuset.cpus: 0-1,8-9' /etc/pve/lxc/201.conf && pct reboot 201",
        "cores: 2\n", .containers = "201:0-4" },
    { "container/two-of-three", FINDING_CONTAINER_ON_CPUS,
        "may run on the vCPUs' cores: CT 201 (CPU 2-5), CT 203 (CPU 3)",
        "for i in 201 203; do sed -i '1i lxc.cgroup2.cpuset.cpus: 0-1,8-9' /etc/pve/lxc/$i.conf && "
        "pct reboot $i; done",
        "cores: 2\n", .containers = "201:0-15 202:0-1,6-15 203:3" },
    { "container/beside", FINDING_CONTAINER_ON_CPUS, NULL, NULL, "cores: 2\n",
        .containers = "201:0-1,6-15" },
    { "container/cannot-be-told", FINDING_CONTAINER_ON_CPUS,
        "where CT 201 may run cannot be told: the cpuset of its cgroup cannot be read",
        "cat /sys/fs/cgroup/lxc/201/cpuset.cpus.effective", "cores: 2\n",
        .containers = "201:", .shows = TRUE },

    { "memory/unbound", FINDING_MEMORY_UNBOUND,
        "the memory is bound to no node, and this host has 2 nodes",
        "qm set 100 --numa 1 --numa0 cpus=0-1,hostnodes=0,memory=512,policy=bind", "cores: 2\n" },
    { "memory/unbound-on-several-nodes", FINDING_MEMORY_UNBOUND,
        "the memory is bound to no node, and this host has 3 nodes",
        "qm set 100 --numa 1 --numa0 cpus=0,hostnodes=0,memory=256,policy=bind "
        "--numa1 cpus=1,hostnodes=2,memory=256,policy=bind",
        "cores: 2\naffinity: 1,5\n", NULL, "numa:3 core:2 pu:1", "1,5" },
    { "memory/lines-without-numa", FINDING_MEMORY_UNBOUND,
        "without 'numa: 1' the numa lines bind nothing, and this host has 2 nodes",
        "qm set 100 --numa 1", "cores: 2\nnuma0: cpus=0-1,hostnodes=0,memory=512,policy=bind\n" },
    { "memory/bound", FINDING_MEMORY_UNBOUND, NULL, NULL,
        "cores: 2\n" CELL "cpus=0-1,hostnodes=0,memory=512,policy=bind\n" },
    { "memory/one-node", FINDING_MEMORY_UNBOUND, NULL, NULL, "cores: 2\n", NULL,
        "numa:1 core:4 pu:2", "2-7" },

    { "guest-smt/host-without-siblings", FINDING_GUEST_SMT,
        "2 threads on each of the guest's cores need 2 cores with 2 CPUs each; such cores among "
        "the isolated CPUs: 0",
        "qm set 100 --args '-vga none -smp 4,sockets=1,cores=4,threads=1'",
        "cores: 4\nargs: -smp 4,cores=2,threads=2 -vga none\n", NULL, "numa:1 core:8 pu:1", "1-7" },
    { "guest-smt/more-threads-than-the-host-has", FINDING_GUEST_SMT,
        "4 threads on each of the guest's cores need 1 cores with 4 CPUs each; such cores among "
        "the isolated CPUs: 0",
        "qm set 100 --args '-smp 4,sockets=1,cores=2,threads=2'",
        "cores: 4\nargs: -smp 4,cores=1,threads=4\n" },
    { "guest-smt/others-keep-the-topology", FINDING_GUEST_SMT,
        "2 threads on each of the guest's cores need 2 cores with 2 CPUs each; such cores among "
        "the affinity: 0",
        "qm set 100 --affinity 2-5",
        "cores: 4\naffinity: 2,4,6,10\nargs: -smp 4,cores=2,threads=2\n" },
    { "guest-smt/maxcpus-of-args", FINDING_GUEST_SMT,
        "2 threads on each of the guest's cores need 2 cores with 2 CPUs each; such cores among "
        "the isolated CPUs: 0",
        "qm set 100 --args '-smp 2,sockets=1,cores=4,threads=1,maxcpus=4'",
        "cores: 2\nargs: -smp 2,cores=2,threads=2,maxcpus=4\n", NULL, "numa:1 core:8 pu:1", "1-7" },
    { "guest-smt/args-that-need-quotes", FINDING_GUEST_SMT,
        "2 threads on each of the guest's cores need 1 cores with 2 CPUs each; such cores among "
        "the isolated CPUs: 0",
        NULL, "cores: 2\nargs: -name 'a b' -smp 2,cores=1,threads=2 -append \"x='y'\"\n", NULL,
        "numa:1 core:8 pu:1", "1-7" },
    { "guest-smt/core-cut-by-cells", FINDING_GUEST_SMT,
        "vCPU 0-1 are threads of one core of the guest, but of cells on different nodes",
        "qm set 100 --args '-smp 2,sockets=1,cores=2,threads=1'",
        "cores: 2\nargs: -smp 2,cores=1,threads=2\n" CELL
        "cpus=0,hostnodes=0,memory=256,policy=bind\n"
        "numa1: cpus=1,hostnodes=1,memory=256,policy=bind\n" },
    { "guest-smt/just-enough", FINDING_GUEST_SMT, NULL, NULL,
        "cores: 4\naffinity: 2-5\nargs: -smp 4,cores=2,threads=2\n" },
    { "guest-smt/held-by-others-is-theirs", FINDING_GUEST_SMT, NULL, NULL,
        "cores: 4\nargs: -smp 4,cores=2,threads=2\n", NULL, TWO_NODES, "2-6,10", "101:3" },
    { "guest-smt/too-few-whatever-the-threads", FINDING_GUEST_SMT, NULL, NULL,
        "cores: 10\nargs: -smp 10,cores=5,threads=2\n", NULL, "numa:1 core:8 pu:1", "1-7" },

    { "smt-exposed/told", FINDING_SMT_EXPOSED,
        "vCPU 0-3 share cores (CPU 4-7), and the guest takes each for a core of its own",
        "qm set 100 --args '-vga none -smp 4,sockets=1,cores=2,threads=2'",
        "cores: 4\naffinity: 4-7\nargs: -vga none\n" },
    { "smt-exposed/two-sockets", FINDING_SMT_EXPOSED,
        "vCPU 0-3 share cores (CPU 4-7), and the guest takes each for a core of its own",
        "qm set 100 --args '-smp 3,sockets=2,cores=1,threads=2,maxcpus=4'",
        "sockets: 2\ncores: 2\nvcpus: 3\naffinity: 4-7\n" },
    { "smt-exposed/pairs", FINDING_SMT_EXPOSED,
        "vCPU 0-1 share cores (CPU 2-3), and the guest takes each for a core of its own",
        "qm set 100 --args '-smp 2,sockets=1,cores=1,threads=2'", "cores: 2\n",
        "[vm 100]\nsmt = pair\n" },
    { "smt-exposed/odd", FINDING_SMT_EXPOSED,
        "vCPU 0,2 share cores (CPU 4-5), and the guest takes each for a core of its own",
        "qm set 100 --affinity 2,4,6", "cores: 3\naffinity: 4-7\n" },
    { "smt-exposed/odd-and-all-that-is-isolated", FINDING_SMT_EXPOSED,
        "vCPU 0,2 share cores (CPU 4-5), and the guest takes each for a core of its own", NULL,
        "cores: 3\n", NULL, TWO_NODES, "4-7" },
    { "smt-exposed/odd-and-the-pool-is-given", FINDING_SMT_EXPOSED,
        "vCPU 0,2 share cores (CPU 4-5), and the guest takes each for a core of its own", NULL,
        "cores: 3\naffinity: 4-7\n", NULL, TWO_NODES, "4-7" },
    { "smt-exposed/hot-plugged", FINDING_SMT_EXPOSED,
        "vCPU 0-3 share cores (CPU 4-7), and the guest takes each for a core of its own", NULL,
        "cores: 4\nhotplug: cpu\naffinity: 4-7\n" },
    { "smt-exposed/cut-by-cells", FINDING_SMT_EXPOSED,
        "vCPU 0,2 share cores (CPU 4-5), and the guest takes each for a core of its own", NULL,
        "cores: 4\n" CELL "cpus=0-2,hostnodes=0,memory=256,policy=bind\n"
        "numa1: cpus=3,hostnodes=1,memory=256,policy=bind\n",
        NULL, TWO_NODES, "4-7,10-11" },
    { "smt-exposed/nothing-helps", FINDING_SMT_EXPOSED,
        "vCPU 0-1 share cores (CPU 2-3), and the guest takes each for a core of its own", NULL,
        "cores: 2\nhotplug: cpu\n" CELL "cpus=0-1,memory=512\n", NULL, "numa:1 core:2 pu:2",
        "2-3" },
    { "smt-exposed/cores-of-their-own", FINDING_SMT_EXPOSED, NULL, NULL, "cores: 2\n", NULL,
        TWO_NODES, "4-7" },
    { "smt-exposed/siblings-that-are-told", FINDING_SMT_EXPOSED, NULL, NULL,
        "cores: 4\naffinity: 4-7\nargs: -smp 4,cores=2,threads=2\n" },

    { "smt-exposed/told-on-amd", FINDING_SMT_EXPOSED,
        "vCPU 0-3 share cores (CPU 4-7), and the guest takes each for a core of its own",
        "qm set 100 --args '-vga none -smp 4,sockets=1,cores=2,threads=2 -global "
        "host-x86_64-cpu.topoext=on'",
        "cores: 4\ncpu: host\naffinity: 4-7\nargs: -vga none\n", .vendor = VENDOR_AMD },
    { "smt-exposed/told-on-amd-that-has-it", FINDING_SMT_EXPOSED,
        "vCPU 0-3 share cores (CPU 4-7), and the guest takes each for a core of its own",
        "qm set 100 --args '-smp 4,sockets=1,cores=2,threads=2'",
        "cores: 4\ncpu: EPYC\naffinity: 4-7\n", .vendor = VENDOR_AMD },
    { "smt-hidden/host", FINDING_SMT_HIDDEN,
        "host-x86_64-cpu has no topoext: on AMD the guest takes each of the 2 threads a core for a "
        "core",
        "qm set 100 --args '-smp 4,cores=2,threads=2 -global host-x86_64-cpu.topoext=on'",
        "cores: 4\ncpu: host,hidden=1\nargs: -smp 4,cores=2,threads=2\n", .vendor = VENDOR_AMD },
    { "smt-hidden/vendor-unknown", FINDING_SMT_HIDDEN,
        "whether the guest is told of its threads cannot be known: /proc/cpuinfo cannot be read",
        "printf '\\n[vm 100]\\ncheck.smt-hidden = off\\n' >> /etc/pve/pinhook.conf # accepts it",
        "cores: 4\ncpu: host\nargs: -smp 4,cores=2,threads=2\n", .vendor = VENDOR_UNKNOWN },
    { "smt-hidden/intel", FINDING_SMT_HIDDEN, NULL, NULL,
        "cores: 4\ncpu: host\nargs: -smp 4,cores=2,threads=2\n" },
    { "smt-hidden/set", FINDING_SMT_HIDDEN, NULL, NULL,
        "cores: 4\ncpu: host\nargs: -smp 4,cores=2,threads=2 -global "
        "host-x86_64-cpu.topoext=on\n",
        .vendor = VENDOR_AMD },
    { "smt-hidden/no-threads", FINDING_SMT_HIDDEN, NULL, NULL, "cores: 2\ncpu: host\n",
        .vendor = VENDOR_AMD },
    { "smt-hidden/qemu-will-say", FINDING_SMT_HIDDEN, NULL, NULL,
        "cores: 4\ncpu: custom-a\nargs: -smp 4,cores=2,threads=2\n", .vendor = VENDOR_AMD },

    { "llc-split/other-isolated-ones", FINDING_LLC_SPLIT,
        "2 vCPUs lie in 2 last-level caches (CPU 2,4); CPU 2-3, held by no other guest, lie in 1",
        "qm set 100 --affinity 4-5", "cores: 2\naffinity: 2,4\n", NULL, "numa:1 l3:4 core:2 pu:1",
        "2,4-5" },
    { "llc-split/isolate", FINDING_LLC_SPLIT,
        "2 vCPUs lie in 2 last-level caches (CPU 3-4); CPU 2-3, held by no other guest, lie in 1",
        NULL, "cores: 2\n", NULL, "numa:1 l3:4 core:2 pu:1", "3-4" },
    { "llc-split/affinity-elsewhere", FINDING_LLC_SPLIT,
        "2 vCPUs lie in 2 last-level caches (CPU 3-4); CPU 2-3, held by no other guest, lie in 1",
        "printf '\\n[vm 100]\\ncheck.llc-split = off\\n' >> /etc/pve/pinhook.conf # accepts it",
        "cores: 2\naffinity: 3-4\n", NULL, "numa:1 l3:4 core:2 pu:1", "3-4" },
    { "llc-split/no-more-than-it-needs", FINDING_LLC_SPLIT, NULL, NULL, "cores: 3\n", NULL,
        "numa:1 l3:4 core:2 pu:1", "2-4" },
    { "llc-split/all-others-held", FINDING_LLC_SPLIT, NULL, NULL, "cores: 2\n", NULL,
        "numa:1 l3:4 core:2 pu:1", "3-4", "101:2,5-7" },
    { "llc-split/one-is-enough", FINDING_LLC_SPLIT, NULL, NULL, "cores: 2\n", NULL,
        "numa:1 l3:4 core:2 pu:1", "2-3" },

    { "node-split/no-cells", FINDING_NODE_SPLIT,
        "4 vCPUs lie on node 0-1, and the guest has no cells",
        "qm set 100 --numa 1 --numa0 cpus=0-1,hostnodes=0,memory=256,policy=bind --numa1 "
        "cpus=2-3,hostnodes=1,memory=256,policy=bind",
        "cores: 4\naffinity: 4,6,12,14\n" },
    { "node-split/siblings-of-both", FINDING_NODE_SPLIT,
        "7 vCPUs lie on node 0-1, and the guest has no cells",
        "qm set 100 --numa 1 --numa0 'cpus=0-1;4-5,hostnodes=0,memory=293,policy=bind' --numa1 "
        "'cpus=2-3;6,hostnodes=1,memory=219,policy=bind'",
        "cores: 7\n", NULL, TWO_NODES, "4-7,12-15" },
    { "node-split/by-socket", FINDING_NODE_SPLIT, "vCPU 0-1 are one cell and lie on node 0-1", NULL,
        "sockets: 2\ncores: 2\nnuma: 1\naffinity: 4,12-14\n", NULL, TWO_NODES },
    { "node-split/one-cell-on-both", FINDING_NODE_SPLIT,
        "vCPU 0-3 are one cell and lie on node 0-1", NULL,
        "cores: 4\naffinity: 4,6,12,14\n" CELL "cpus=0-3,hostnodes=0-1,memory=512,policy=bind\n" },
    { "node-split/lines-to-drop", FINDING_NODE_SPLIT, "vCPU 0-1 are one cell and lie on node 0-1",
        NULL, "cores: 2\naffinity: 4,12\nnuma: 1\nnuma5: cpus=0-1,memory=512\n" },
    { "node-split/more-memory-than-there-is", FINDING_NODE_SPLIT,
        "2 vCPUs lie on node 0-1, and the guest has no cells", NULL,
        "memory: 10000\ncores: 2\naffinity: 4,12\n" },
    { "node-split/a-cell-for-each", FINDING_NODE_SPLIT, NULL, NULL,
        "cores: 4\n" CELL "cpus=0-1,hostnodes=0,memory=256,policy=bind\n"
        "numa1: cpus=2-3,hostnodes=1,memory=256,policy=bind\n" },
    { "node-split/one-node", FINDING_NODE_SPLIT, NULL, NULL, "cores: 3\n" },

    { "kind-mixed/other-isolated-ones", FINDING_KIND_MIXED,
        "vCPUs lie on cores of several kinds, fast cores: CPU 2, slower cores: CPU 6",
        "qm set 100 --affinity 2,4", "cores: 2\naffinity: 2,6\n", NULL, SCENE_HYBRID, "2-6" },
    { "kind-mixed/isolate", FINDING_KIND_MIXED,
        "vCPUs lie on cores of several kinds, fast cores: CPU 2-3, slower cores: CPU 6", NULL,
        "cores: 3\n", NULL, SCENE_HYBRID, "2-3,6" },
    { "kind-mixed/fewer", FINDING_KIND_MIXED,
        "vCPUs lie on cores of several kinds, fast cores: CPU 2, slower cores: CPU 6-7", NULL,
        "cores: 3\naffinity: 2,6-7\n", NULL, SCENE_HYBRID, "2-3,6-7" },
    { "kind-mixed/fewer-on-siblings", FINDING_KIND_MIXED,
        "vCPUs lie on cores of several kinds, fast cores: CPU 2-3, slower cores: CPU 6", NULL,
        "cores: 3\naffinity: 2-3,6\n", NULL, SCENE_HYBRID, "2-3,6" },
    { "kind-mixed/one-kind", FINDING_KIND_MIXED, NULL, NULL, "cores: 2\n", NULL, SCENE_HYBRID,
        "2-6" },

    { "kind-slow/isolate", FINDING_KIND_SLOW,
        "4 vCPUs lie on efficiency cores (CPU 6-9); free among its CPUs are performance cores: CPU "
        "2-3",
        NULL, "cores: 4\n", NULL, SCENE_HYBRID, "2-3,6-9" },
    { "kind-slow/fewer", FINDING_KIND_SLOW,
        "4 vCPUs lie on efficiency cores (CPU 6-9); free among its CPUs are performance cores: CPU "
        "2-3",
        NULL, "cores: 4\naffinity: 2-3,6-9\n", NULL, SCENE_HYBRID, "2-3,6-9" },
    { "kind-slow/less-than-half-is-no-help", FINDING_KIND_SLOW,
        "4 vCPUs lie on efficiency cores (CPU 6-9); free among its CPUs are performance cores: CPU "
        "2",
        "printf '\\n[vm 100]\\ncheck.kind-slow = off\\n' >> /etc/pve/pinhook.conf # accepts it",
        "cores: 4\naffinity: 2,6-9\n", NULL, SCENE_HYBRID, "2-3,6-9" },
    { "kind-slow/whole-cores-are-wanted", FINDING_KIND_SLOW,
        "4 vCPUs lie on efficiency cores (CPU 6-9); free among its CPUs are performance cores: CPU "
        "2-5",
        "qm set 100 --sockets 1 --cores 2 # 2 vCPUs in place of 4", "cores: 4\n",
        "[vm 100]\nsmt = isolate\n", SCENE_HYBRID, "2-9" },
    { "kind-slow/siblings-are-faster", FINDING_KIND_SLOW, NULL, NULL, "cores: 4\n", NULL,
        SCENE_HYBRID, "2-9" },
    { "kind-slow/slow-is-wanted", FINDING_KIND_SLOW, NULL, NULL, "cores: 2\n",
        "[vm 100]\nkind = slow\n", SCENE_HYBRID, "2-9" },
    { "kind-slow/any-will-do", FINDING_KIND_SLOW, NULL, NULL, "cores: 4\n",
        "[vm 100]\nkind = any\nsmt = isolate\n", SCENE_HYBRID, "2-9" },
    { "kind-slow/none-in-its-affinity", FINDING_KIND_SLOW, NULL, NULL, "cores: 2\naffinity: 6-9\n",
        NULL, SCENE_HYBRID, "2-9" },
    { "kind-slow/held", FINDING_KIND_SLOW, NULL, NULL, "cores: 4\n", NULL, SCENE_HYBRID, "2-9",
        "101:2,4" },
    { "kind-slow/mixed", FINDING_KIND_SLOW, NULL, NULL, "cores: 6\n", NULL, SCENE_HYBRID,
        "2-4,6-9" },

    { "llc-smaller/whole-cores-fit-there", FINDING_LLC_SMALLER,
        "the vCPUs lie in LLC 1 with 32 MiB (CPU 8,10,12,14); it could be LLC 0 with 96 MiB (CPU "
        "2-5)",
        "printf '\\n[vm 100]\\nllc = largest\\n' >> /etc/pve/pinhook.conf && qm set 100 --args "
        "'-smp 4,sockets=1,cores=2,threads=2' # vCPUs share cores",
        "cores: 4\n", NULL, X3D, "2-15", .llcs = "96 32" },
    { "llc-smaller/what-to-isolate", FINDING_LLC_SMALLER,
        "isolated as advised, the vCPUs lie in LLC 1 with 32 MiB (CPU 8,10,12,14); it could be LLC "
        "0 with 96 MiB (CPU 4-7)",
        "printf '\\n[vm 100]\\nllc = largest\\n' >> /etc/pve/pinhook.conf", "cores: 4\n", NULL, X3D,
        "", .llcs = "96 32" },
    { "llc-smaller/largest", FINDING_LLC_SMALLER, NULL, NULL, "cores: 2\n", NULL, X3D, "2-7",
        .llcs = "96 32" },
    { "llc-smaller/both", FINDING_LLC_SMALLER, NULL, NULL, "cores: 7\n", NULL, X3D, "2-15",
        .llcs = "96 32" },
    { "llc-smaller/wanted", FINDING_LLC_SMALLER, NULL, NULL, "cores: 4\n",
        "[vm 100]\nllc = largest\n", X3D, "2-15", .llcs = "96 32" },
    { "llc-smaller/alike", FINDING_LLC_SMALLER, NULL, NULL, "cores: 4\n", NULL, X3D, "2-15",
        .llcs = "32 32" },
    { "llc-smaller/not-known", FINDING_LLC_SMALLER, NULL, NULL, "cores: 4\n", NULL, X3D, "2-15",
        .llcs = "96" },
    { "llc-smaller/held", FINDING_LLC_SMALLER, NULL, NULL, "cores: 4\n", NULL, X3D, "2-15",
        "101:2,4", .llcs = "96 32" },
    { "llc-smaller/affinity", FINDING_LLC_SMALLER, NULL, NULL, "cores: 4\naffinity: 8-15\n", NULL,
        X3D, "2-15", .llcs = "96 32" },

    { "cpu-limit/below", FINDING_CPU_LIMIT, "cpulimit gives 4 vCPUs the time of 3.5 CPUs",
        "qm set 100 --delete cpulimit", "cores: 4\ncpulimit: 3.5\n" },
    { "cpu-limit/as-many", FINDING_CPU_LIMIT, NULL, NULL, "cores: 4\ncpulimit: 4\n" },
    { "cpu-limit/none", FINDING_CPU_LIMIT, NULL, NULL, "cores: 4\ncpulimit: 0\n" },

    { "balloon/below", FINDING_BALLOON, "Proxmox may take the memory from 512 down to 511 MiB",
        "qm set 100 --balloon 0", "cores: 2\nballoon: 511\n" },
    { "balloon/all-of-it", FINDING_BALLOON, NULL, NULL, "cores: 2\nballoon: 512\n" },
    { "balloon/none", FINDING_BALLOON, NULL, NULL, "cores: 2\nballoon: 0\n" },
    { "balloon/not-given", FINDING_BALLOON, NULL, NULL, "cores: 2\n" },

    { "hotplug/no-timer-here", FINDING_HOTPLUG_CPU,
        "1 of 2 vCPUs may be plugged while it runs, and pinhook-repair.timer is not enabled",
        "qm set 100 --hotplug disk,usb", "cores: 2\nvcpus: 1\nhotplug: disk,cpu,usb\n" },
    { "hotplug/nothing-else", FINDING_HOTPLUG_CPU,
        "1 of 2 vCPUs may be plugged while it runs, and pinhook-repair.timer is not enabled",
        "qm set 100 --hotplug 0", "cores: 2\nvcpus: 1\nhotplug: cpu\n" },
    { "hotplug/timer", FINDING_HOTPLUG_CPU,
        "1 of 2 vCPUs may be plugged while it runs, and pinhook-repair.timer is not enabled",
        "systemctl enable --now pinhook-repair.timer", "cores: 2\nvcpus: 1\nhotplug: cpu\n",
        .timer = TRUE },
    { "hotplug/all-present", FINDING_HOTPLUG_CPU, NULL, NULL, "cores: 2\nhotplug: cpu\n" },
    { "hotplug/not-of-cpus", FINDING_HOTPLUG_CPU, NULL, NULL, "cores: 2\nvcpus: 1\n" },

    { "device/isolated-ones-there", FINDING_DEVICE_REMOTE,
        "hostpci0: 0000:41:00.0 is on node 1, the VM on node 0", "qm set 100 --affinity 10,12",
        "cores: 2\naffinity: 4,6\n", .devices = "hostpci0 0000:41:00.0 1" },
    { "device/none-isolated-there", FINDING_DEVICE_REMOTE,
        "hostpci0: 0000:41:00.0 is on node 1, the VM on node 0", NULL, "cores: 2\n",
        .isolated = "2-7", .devices = "hostpci0 0000:41:00.0 1" },
    { "device/on-a-node-without-cpus", FINDING_DEVICE_REMOTE,
        "hostpci3: gpu is on node 5, the VM on node 0",
        "printf '\\n[vm 100]\\ncheck.device-remote = off\\n' >> /etc/pve/pinhook.conf # accepts it",
        "cores: 2\n", .devices = "hostpci3 gpu 5" },
    { "device/on-both-nodes", FINDING_DEVICE_REMOTE,
        "hostpci1: 0000:41:00.0 is on node 1, the VM on node 0",
        "printf '\\n[vm 100]\\ncheck.device-remote = off\\n' >> /etc/pve/pinhook.conf # accepts it",
        "cores: 2\n", .devices = "hostpci0 0000:01:00.0 0;hostpci1 0000:41:00.0 1" },
    { "device/unknown", FINDING_DEVICE_REMOTE,
        "hostpci0: it is not known which node 0000:41:00.0 is on: the host has no such device",
        NULL, "cores: 2\n", .devices = "hostpci0 0000:41:00.0 the host has no such device" },
    { "device/of-no-node", FINDING_DEVICE_REMOTE, NULL, NULL, "cores: 2\n",
        .devices = "hostpci0 0000:41:00.0 -1" },
    { "device/where-the-vm-is", FINDING_DEVICE_REMOTE, NULL, NULL, "cores: 2\n",
        .devices = "hostpci0 0000:41:00.0 1;hostpci1 0000:42:00.0 1" },

    { "unpinnable/template", FINDING_UNPINNABLE, "it is a template, and never runs", NULL,
        "cores: 2\ntemplate: 1\n" },
    { "unpinnable/one-thread", FINDING_UNPINNABLE,
        "args have QEMU emulate all 2 vCPUs in one thread",
        "qm set 100 --args '-accel tcg,thread=multi'",
        "cores: 2\nkvm: 0\nargs: -accel tcg,thread=single\n" },
    { "unpinnable/one-vcpu", FINDING_UNPINNABLE, NULL, NULL,
        "cores: 1\nargs: -accel tcg,thread=single\n" },
    { "unpinnable/emulated", FINDING_UNPINNABLE, NULL, NULL, "cores: 2\nkvm: 0\n" },

    { "freeze/frozen", FINDING_NOT_FROZEN, NULL, NULL, "cores: 2\n" },
    { "freeze/running", FINDING_NOT_FROZEN, "the guest runs before its vCPUs are bound",
        "qm set 100 --freeze 1", "cores: 2\nfreeze: 0\n" },
};

static Scene *scene_of(const Example *example)
{
    g_autofree char *config = g_strconcat(GOOD, example->config, NULL);
    Scene *scene = scene_new(example->shape != NULL ? example->shape : TWO_NODES,
        example->isolated != NULL ? example->isolated : TWO_NODES_ISOLATED, config);

    if (example->rules != NULL) {
        fake_root_write(scene->fake, POLICY_PATH, example->rules);
    }
    if (example->held != NULL) {
        g_free(scene->held);
        scene->held = g_strdup(example->held);
    }
    scene->cmdline = g_strdup(example->cmdline);
    if (example->nohz_full != NULL) {
        g_free(scene->nohz_full);
        scene->nohz_full = g_strdup(example->nohz_full);
    }
    if (example->containers != NULL) {
        scene_add_containers(scene, example->containers);
    }
    scene->devices = example->devices;
    scene->vendor = example->vendor;
    scene->llcs = example->llcs;
    if (example->timer) {
        fake_root_write(scene->fake, SCENE_TIMER, "[Timer]\n");
    }
    return scene;
}

static void test_found_or_not(gconstpointer data)
{
    const Example *example = data;
    g_autoptr(Scene) scene = scene_of(example);
    g_autoptr(Verdict) verdict = scene_judge(scene);
    const Finding *finding = find(verdict, example->code);

    g_assert_cmpstr(finding != NULL ? finding->message : NULL, ==, example->message);
    if (finding == NULL) {
        return;
    }
    g_assert_cmpint(finding->severity, ==, finding_kind(example->code)->severity);
    if (finding->severity == SEVERITY_ERROR) {
        g_assert_cmpint(verdict->result, ==, VERDICT_REFUSE);
    }
    if (example->fix != NULL) {
        g_assert_cmpstr(fix_of(finding), ==, example->fix);
    }
    if (example->isolates != NULL) {
        g_autoptr(CpuSet) cpus = cpuset_parse_list(example->isolates, ',', NULL);
        g_autoptr(Host) host = scene_host(scene);
        g_autoptr(CpuSet) rest = cpuset_minus(host->online, cpus);
        g_auto(GStrv) ways = cmdline_isolate(cpus, rest, LOADER_UNKNOWN);
        g_autofree char *fix = g_strjoinv("\n", ways);
        g_assert_cmpstr(fix_of(finding), ==, fix);
    }
}

static gboolean is_gone(const Verdict *verdict, FindingCode code)
{
    const Finding *finding = find(verdict, code);

    return finding == NULL || finding->severity < finding_kind(code)->severity;
}

/// An error of @after that is not in @before; NULL: there is none.
static const Finding *find_new_error(const Verdict *before, const Verdict *after)
{
    for (guint i = 0; i < after->findings->len; i++) {
        const Finding *finding = after->findings->pdata[i];
        if (finding->severity == SEVERITY_ERROR && find(before, finding->code) == NULL) {
            return finding;
        }
    }
    return NULL;
}

static const char *see_fix(const Verdict *verdict, FindingCode code)
{
    const Finding *finding = find(verdict, code);

    g_assert_nonnull(finding);
    if (fix_of(finding) == NULL) {
        g_error("there is no fix for: %s", finding->message);
    }
    return fix_of(finding);
}

/// Does what one alternative says; it must not refuse what was let through.
static void test_way(const Example *example, guint way)
{
    g_autoptr(Scene) scene = scene_of(example);
    g_autoptr(Verdict) verdict = scene_judge(scene);
    const char *fix = see_fix(verdict, example->code);

    if (!apply_way(scene, fix, way)) {
        g_error("cannot be pasted: %s", fix);
    }
    g_autoptr(Verdict) after = scene_judge(scene);
    if (!is_gone(after, example->code)) {
        g_error("does not mend it: %s", fix);
    }
    if (verdict->result != VERDICT_REFUSE && after->result == VERDICT_REFUSE) {
        g_error("breaks what was good: %s", fix);
    }
    const Finding *error = find_new_error(verdict, after);
    if (find(verdict, example->code)->severity == SEVERITY_WARNING && error != NULL) {
        g_error("%s leads to: %s", fix, error->message);
    }
}

static void test_fix_mends_it(gconstpointer data)
{
    const Example *example = data;
    guint ways = example->isolates != NULL ? 2 : 1;

    for (guint way = 0; way < ways; way++) {
        test_way(example, way);
    }
}

/* What the policy makes of a finding. */

static Verdict *judge_with(const char *config, const char *rules)
{
    g_autofree char *whole = g_strconcat(GOOD, config, NULL);
    g_autoptr(Scene) scene = scene_new("numa:1 core:4 pu:2", "4-7", whole);

    fake_root_write(scene->fake, POLICY_PATH, rules);
    return scene_judge(scene);
}

static void test_nothing_found(void)
{
    g_autoptr(Verdict) verdict = judge_with("cores: 2\n", "");

    g_assert_cmpuint(verdict->findings->len, ==, 0);
    g_assert_cmpint(verdict->result, ==, VERDICT_PASS);
}

static void test_warnings_alone_do_not_refuse(void)
{
    g_autoptr(Verdict) verdict = judge_with("cores: 2\nfreeze: 0\n", "");

    g_assert_cmpuint(verdict->findings->len, ==, 1);
    g_assert_cmpint(verdict->result, ==, VERDICT_WARN);
}

static void test_mode_warn_says_it_and_lets_it_start(void)
{
    g_autoptr(Verdict)
        verdict = judge_with("cores: 2\ncpuaffinity: 4-7\n", "[vm 100]\nmode = warn\n");

    g_assert_cmpint(verdict->result, ==, VERDICT_WARN);
    g_assert_cmpint(find(verdict, FINDING_UNKNOWN_OPTION)->severity, ==, SEVERITY_ERROR);
}

static void test_an_error_made_a_warning(void)
{
    g_autoptr(Verdict) verdict = judge_with(
        "cores: 2\naffinity: 2,4\n", "[vm 100]\ncheck.not-isolated = warning\n");

    g_assert_cmpint(verdict->result, ==, VERDICT_WARN);
    g_assert_cmpint(find(verdict, FINDING_NOT_ISOLATED)->severity, ==, SEVERITY_WARNING);
}

static void test_an_error_turned_off(void)
{
    g_autoptr(Verdict)
        verdict = judge_with("cores: 2\naffinity: 2,4\n", "[defaults]\ncheck.not-isolated = off\n");

    g_assert_cmpuint(verdict->findings->len, ==, 0);
    g_assert_cmpint(verdict->result, ==, VERDICT_PASS);
}

static void test_a_warning_made_an_error(void)
{
    g_autoptr(Verdict)
        verdict = judge_with("cores: 2\nfreeze: 0\n", "[defaults]\ncheck.not-frozen = error\n");

    g_assert_cmpint(verdict->result, ==, VERDICT_REFUSE);
}

static void test_a_problem_in_another_vms_policy_is_a_warning(void)
{
    g_autoptr(Verdict) verdict = judge_with(
        "cores: 2\n", "[vm 101]\nsmt = never\n[node pve2]\nemulater = spare\n");

    g_assert_cmpuint(finding_list_count(verdict->findings, SEVERITY_WARNING), ==, 2);
    g_assert_cmpint(find(verdict, FINDING_POLICY_INVALID)->severity, ==, SEVERITY_WARNING);
    g_assert_cmpint(verdict->result, ==, VERDICT_WARN);
}

static void test_a_problem_in_this_nodes_policy_is_an_error(void)
{
    g_autoptr(Verdict) verdict = judge_with("cores: 2\n", "[node pve1]\nemulater = spare\n");

    g_assert_cmpint(verdict->result, ==, VERDICT_REFUSE);
}

static void test_policy_problems_turned_off(void)
{
    g_autoptr(Verdict) verdict = judge_with("cores: 2\n",
        "[defaults]\ncheck.policy-invalid = off\nmoed = warn\n[vm 101]\nsmt = never\n");

    g_assert_cmpuint(verdict->findings->len, ==, 0);
}

/// A kernel that was built without nohz_full, or did not like the list: no other list helps.
static void test_a_list_that_the_kernel_does_not_take_has_no_fix(void)
{
    g_autoptr(Scene) scene = scene_new("numa:1 core:4 pu:2", "4-7", GOOD "cores: 2\n");

    scene_boot(scene, "isolcpus=4-7 nohz_full=4-7 rcu_nocbs=4-7");
    *scene->nohz_full = '\0';
    g_autoptr(Verdict) verdict = scene_judge(scene);
    const Finding *finding = find(verdict, FINDING_NOHZ_FULL_MISSING);
    g_assert_cmpstr(finding->message, ==,
        "CPU 4,6, isolated for vCPUs, keeps the timer tick; nohz_full here: none, whatever the "
        "kernel command line says");
    g_assert_cmpuint(finding->fixes->len, ==, 1);
    g_assert_true(((const Fix *)finding->fixes->pdata[0])->accepts);
    g_assert_cmpuint(verdict->findings->len, ==, 1);
}

/// A bad header commented out would hand its rules to the group above.
static void test_a_bad_group_is_not_merged_into_the_one_above(void)
{
    static const char rules[] = "[defaults]\nmode = enforce\n[vmm 200]\nmode = off\n";
    g_autoptr(Scene) scene = scene_new("numa:1 core:4 pu:2", "2-7", GOOD "cores: 2\n");

    fake_root_write(scene->fake, POLICY_PATH, rules);
    g_autoptr(Verdict) verdict = scene_judge(scene);
    const Finding *finding = find(verdict, FINDING_POLICY_INVALID);
    g_assert_cmpstr(finding->message, ==,
        "/etc/pve/pinhook.conf line 3: '[vmm 200]' is none of [defaults], [node NAME], [vm VMID]");
    if (fix_of(finding) != NULL) {
        scene_paste(scene, fix_of(finding));
    }
    g_autofree char *after = scene_read(scene, POLICY_PATH);
    g_autoptr(Policy) policy = policy_parse(after, "pve1", 100);
    g_assert_cmpint(policy->mode, ==, POLICY_ENFORCE);
}

/* Nothing to look at. */

static void test_an_unreadable_config_is_all_there_is(void)
{
    g_autoptr(VmConfig) vm = vmconfig_unreadable("etc/pve/qemu-server/100.conf: no such file");
    g_autoptr(Policy) policy = policy_parse(NULL, NULL, 100);
    Request request = { .vmid = 100, .vm = vm, .policy = policy };
    g_autoptr(Verdict) verdict = scene_judge_and_mend(&request, NULL);

    g_assert_cmpuint(verdict->findings->len, ==, 1);
    const Finding *finding = find(verdict, FINDING_CONFIG_UNREADABLE);
    g_assert_cmpstr(finding->message, ==, "etc/pve/qemu-server/100.conf: no such file");
    g_assert_cmpint(verdict->result, ==, VERDICT_REFUSE);
}

static void test_an_unreadable_policy(void)
{
    g_autoptr(VmConfig) vm = vmconfig_parse(GOOD, strlen(GOOD));
    g_autoptr(Policy) policy = policy_unreadable("/etc/pve/pinhook.conf: Permission denied");
    g_autoptr(Host) host = fake_host_new("numa:1 core:4 pu:2", "2-7");
    g_autoptr(Taken) taken = taken_new();
    g_autoptr(Verdict) verdict = judge_on(vm, policy, host, taken);
    const Finding *finding = find(verdict, FINDING_POLICY_INVALID);

    g_assert_cmpstr(finding->message, ==, "/etc/pve/pinhook.conf: Permission denied");
    g_assert_cmpstr(fix_of(finding), ==, "ls -l /etc/pve/pinhook.conf");
    g_assert_cmpint(verdict->result, ==, VERDICT_REFUSE);
}

/* The machine alone. */

static GPtrArray *judge_machine(const Host *host)
{
    g_autoptr(Policy) policy = policy_parse(NULL, NULL, 100);
    g_autoptr(Taken) taken = taken_new();

    return mend_findings(&(Request){ .policy = policy, .host = host, .taken = taken }, NULL);
}

static void test_how_to_begin(void)
{
    static const struct {
        const char *shape, *isolated, *cmdline, *rest, *guests; // NULL: it is not told
    } rows[] = {
        { "numa:1 core:8 pu:2", "", "", "0-3", "4-15" },
        { "numa:2 core:4 pu:1", "", "quiet", "0-1", "2-7" },
        { "numa:1 core:3 pu:1", "", "", "0-1", "2" },
        { "numa:1 core:2 pu:2", "", "", NULL, NULL },
        { "numa:1 core:8 pu:2", "8-15", "isolcpus=8-15", NULL, NULL },
        { "numa:1 core:8 pu:2", "", "nohz_full=8-15", NULL, NULL },
        { "numa:1 core:8 pu:2", "", "isolcpus=managed_irq,8-15", NULL, NULL },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        const IsolationFiles files = {
            .possible = "0-63", .isolated = rows[i].isolated, .cmdline = rows[i].cmdline
        };
        g_autoptr(Host) host = fake_host_new_isolated(rows[i].shape, &files);
        g_autoptr(GPtrArray) findings = judge_machine(host);
        const Finding *begin = NULL;
        for (guint j = 0; j < findings->len; j++) {
            const Finding *finding = findings->pdata[j];
            begin = finding->code == FINDING_NOTHING_ISOLATED ? finding : begin;
        }
        g_assert_true((begin != NULL) == (rows[i].rest != NULL));
        if (begin != NULL) {
            g_autofree char *message = g_strconcat("nothing is isolated: VMs share all CPUs with "
                                                   "the host; to begin, leave it CPU ",
                rows[i].rest, NULL);
            g_autofree char *isolates = g_strdup_printf(
                "isolcpus=domain,managed_irq,%s ", rows[i].guests);
            g_assert_cmpstr(begin->message, ==, message);
            g_assert_nonnull(strstr(fix_of(begin), isolates));
        }
    }
}

/* What a node has to give. */

#define BOUND "memory: 4096\nfreeze: 1\n" CELL "cpus=0,hostnodes=0,memory=4096,policy=bind\n"

/// Of 4096 MiB bound to node 0. @hugepages: NULL: none.
static const Finding *judge_memory(Host *host, const char *hugepages, Verdict **verdict)
{
    g_autofree char *config = hugepages != NULL
                                  ? g_strconcat(BOUND, "hugepages: ", hugepages, "\n", NULL)
                                  : g_strdup(BOUND);
    g_autoptr(VmConfig) vm = vmconfig_parse(config, strlen(config));
    g_autoptr(Policy) policy = policy_parse(NULL, NULL, 100);
    g_autoptr(Taken) taken = taken_new();

    *verdict = judge_on(vm, policy, host, taken);
    return find(*verdict, FINDING_NODE_MEMORY);
}

static void test_free_hugepages_count(void)
{
    g_autoptr(Host) host = fake_host_new(TWO_NODES, TWO_NODES_ISOLATED);
    g_autoptr(Verdict) verdict = NULL;

    fake_host_set_free_mib(host, 0, 1024);
    fake_host_add_hugepages(host, 0, 2048, 1024);
    fake_host_add_hugepages(host, 0, 1024 * 1024, 1);
    g_assert_null(judge_memory(host, "any", &verdict));
}

static void test_hugepages_of_another_size_do_not(void)
{
    g_autoptr(Host) host = fake_host_new(TWO_NODES, TWO_NODES_ISOLATED);
    g_autoptr(Verdict) verdict = NULL;

    fake_host_set_free_mib(host, 0, 1024);
    fake_host_add_hugepages(host, 0, 2048, 1024);
    fake_host_add_hugepages(host, 0, 1024 * 1024, 1);
    g_assert_cmpstr(judge_memory(host, "2", &verdict)->message, ==,
        "numa0 binds 4096 MiB to node 0, where 3072 MiB are free");
}

static void test_reclaimable_memory_counts(void)
{
    g_autoptr(Host) host = fake_host_new(TWO_NODES, TWO_NODES_ISOLATED);
    g_autoptr(Verdict) verdict = NULL;

    fake_host_set_free_mib(host, 0, 96);
    ((HostNode *)host_node(host, 0))->reclaimable_mib = 4000;
    g_assert_null(judge_memory(host, "any", &verdict));
}

static void test_hugepages_of_no_size_that_the_host_has(void)
{
    g_autoptr(Host) host = fake_host_new(TWO_NODES, TWO_NODES_ISOLATED);
    g_autoptr(Verdict) verdict = NULL;

    fake_host_add_hugepages(host, 0, 2048, 0);
    judge_memory(host, "1024", &verdict);
    const Finding *finding = find(verdict, FINDING_HUGEPAGES);
    g_assert_cmpstr(finding->message, ==, "this host has no hugepages of 1024 MiB");
    g_assert_cmpstr(fix_of(finding), ==, "qm set 100 --hugepages any");
    verdict_free(g_steal_pointer(&verdict));
    judge_memory(host, "any", &verdict);
    g_assert_null(find(verdict, FINDING_HUGEPAGES));
}

/// Where it lies is known of a host with one node alone; and hugepages are not made of it.
static void test_memory_that_zfs_gives_back(void)
{
    static const struct {
        guint64 anywhere, here;
        const char *hugepages;
        Severity severity; // OFF: it is not short
        const char *more;
    } rows[] = {
        { 0, 0, NULL, SEVERITY_ERROR, "" },
        { 3996, 4000, NULL, SEVERITY_OFF, NULL },
        { 3999, 0, NULL, SEVERITY_ERROR,
            "; ZFS's cache can give back 3999 MiB, and that is not enough" },
        { 4000, 0, NULL, SEVERITY_WARNING,
            "; ZFS's cache can give back 4000 MiB, but nobody knows of which node" },
        { 0, 4000, "any", SEVERITY_WARNING,
            "; ZFS's cache can give back 4000 MiB, but nobody knows of which node" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Host) host = fake_host_new(TWO_NODES, TWO_NODES_ISOLATED);
        g_autoptr(Verdict) verdict = NULL;
        fake_host_set_free_mib(host, 0, 96);
        fake_host_set_arc_mib(host, rows[i].anywhere, rows[i].here);
        const Finding *finding = judge_memory(host, rows[i].hugepages, &verdict);
        if (rows[i].severity == SEVERITY_OFF) {
            g_assert_null(finding);
            continue;
        }
        g_autofree char *message = g_strconcat(
            "numa0 binds 4096 MiB to node 0, where 96 MiB are free", rows[i].more, NULL);
        g_assert_cmpstr(finding->message, ==, message);
        g_assert_cmpint(finding->severity, ==, rows[i].severity);
    }
}

static void test_memory_that_zfs_does_not_tell_of(void)
{
    g_autoptr(Host) host = fake_host_new(TWO_NODES, TWO_NODES_ISOLATED);
    g_autoptr(Verdict) verdict = NULL;

    fake_host_set_free_mib(host, 0, 96);
    host->arc_unread = g_strdup("cannot open it");
    const Finding *finding = judge_memory(host, NULL, &verdict);
    g_assert_cmpint(finding->severity, ==, SEVERITY_ERROR);
    g_assert_true(g_str_has_suffix(
        finding->message, "what ZFS's cache can give back cannot be told: cannot open it"));
}

/// Large ones are seldom to be had once a host has run for a while.
static void test_hugepages_that_are_to_be_made(void)
{
    static const struct {
        const char *hugepages;
        guint64 free, small;
        const char *message, *fix; // NULL: none
    } rows[] = {
        { "1024", 4, 0, NULL, NULL },
        { "1024", 3, 512,
            "4 hugepages of 1 GiB are wanted of node 0, where 3 are free; at boot they are sure: "
            "hugepagesz=1G hugepages=0:6",
            "qm set 100 --hugepages 2" },
        { "any", 0, 0,
            "4 hugepages of 1 GiB are wanted of node 0, where 0 are free; at boot they are sure: "
            "hugepagesz=1G hugepages=0:9",
            "printf '\\n[vm 100]\\ncheck.hugepages-late = off\\n' >> /etc/pve/pinhook.conf "
            "# accepts it" },
        { "2", 0, 4096, NULL, NULL },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Host) host = fake_host_new(TWO_NODES, TWO_NODES_ISOLATED);
        g_autoptr(Verdict) verdict = NULL;
        fake_host_set_free_mib(host, 0, 65536);
        if (rows[i].small > 0) {
            fake_host_add_hugepages(host, 0, 2048, rows[i].small);
        }
        fake_host_add_hugepages(host, 0, 1024 * 1024, rows[i].free);
        HostNode *node = host->nodes->pdata[0];
        g_array_index(node->hugepages, HostHugepages, node->hugepages->len - 1).total = 5;
        judge_memory(host, rows[i].hugepages, &verdict);
        const Finding *finding = find(verdict, FINDING_HUGEPAGES_LATE);
        g_assert_cmpstr(finding != NULL ? finding->message : NULL, ==, rows[i].message);
        g_assert_cmpstr(finding != NULL ? fix_of(finding) : NULL, ==, rows[i].fix);
    }
}

static void test_hugepages_that_nobody_could_count(void)
{
    g_autoptr(Host) host = fake_host_new(TWO_NODES, TWO_NODES_ISOLATED);
    g_autoptr(Verdict) verdict = NULL;

    fake_host_set_free_mib(host, 0, 65536);
    fake_host_add_hugepages(host, 0, 1024 * 1024, 0);
    HostNode *node = host->nodes->pdata[0];
    g_array_index(node->hugepages, HostHugepages, 0).unread = TRUE;
    judge_memory(host, "1024", &verdict);
    g_assert_null(find(verdict, FINDING_HUGEPAGES));
    g_assert_true(g_str_has_prefix(find(verdict, FINDING_HUGEPAGES_LATE)->message,
        "how many hugepages of 1 GiB are free on node 0 cannot be told: /sys/devices/"));
}

static void test_memory_that_nobody_could_read_is_not_short(void)
{
    g_autoptr(Host) host = fake_host_new(TWO_NODES, TWO_NODES_ISOLATED);
    g_autoptr(Verdict) verdict = NULL;

    fake_host_set_free_mib(host, 0, 0);
    ((HostNode *)host_node(host, 0))->memory_known = FALSE;
    g_assert_null(judge_memory(host, "any", &verdict));
}

/* Following the fixes, wherever one starts. */

static const char *const some_lines[] = { "cores: 3\n", "cores: 9\n", "sockets: 2\ncores: 2\n",
    "cores: 8\nvcpus: 3\n", "cores: lots\n", "cpuaffinity: 4-7\n", "cpuset: 0\n", "affinity: 0-3\n",
    "affinity: 4-7\n", "affinity: 6,8-20\n", "affinity: 40\n", "affinity: 1-\n", "freeze: 0\n",
    "numa: 1\n", CELL "cpus=0-3,hostnodes=0,memory=512,policy=bind\n",
    CELL "cpus=4-7,hostnodes=1,memory=512,policy=bind\n", CELL "cpus=0-2,hostnodes=5,memory=9\n",
    CELL "cpus=0,memory=256\nnuma1: cpus=1-3,hostnodes=1,memory=256,policy=bind\n",
    CELL "memory=512\n", "memory: 6000\n", "rubbish\n", "vcpus: 9\n",
    "cores: 4\nargs: -vga none -smp 4,cores=2,threads=2\n",
    "cores: 4\nargs: -smp 4,cores=1,threads=4\n", "args: -smp 6,cores=3,threads=2,maxcpus=6\n",
    "args: -vga none\n", "hotplug: cpu\n", "balloon: 100\n", "cpulimit: 1\n", "hugepages: 2\n",
    "hugepages: 1024\n", "hugepages: yes\n", "hotplug: disk,memory\n", "sockets: 3\nnuma: 1\n",
    "numa: 1\nnuma2: cpus=0,memory=512\n", CELL "cpus=0,hostnodes=0;1,memory=512,policy=bind\n",
    CELL "cpus=0-1,hostnodes=0-1,memory=512.5,policy=bind\n", "affinity: 2, 4\n", "affinity: 0\n",
    "memory: 513\n", "memory: 2048\n", "cores: 2\nhotplug: cpu\nargs: -smp 2\n",
    "args: -smp threads=0\n", "freez: 1\n", "numa0: cpus=3-1\n" };

static const char *const some_rules[] = { "", "", "", "[vm 100]\nsmt = isolate\n",
    "[vm 100]\nsmt = pair\n", "[defaults]\nemulator = spare\n", "[defaults]\nemulator = 1\n",
    "[defaults]\nemulator = 30\n", "[node pve1]\ncpus = 4-7\n", "[vm 100]\ncpus = 30\n",
    "[defaults]\nmoed = 1\n[vm 100]\ncpus = x\n" };

/* Not a machine with one CPU: there nothing can be pinned, and no fix helps. */
static const char *const some_shapes[] = { "numa:1 core:2 pu:1", "numa:1 core:4 pu:1",
    "numa:1 core:4 pu:2", TWO_NODES, "numa:2 l3:2 core:4 pu:2", "numa:1 l3:4 core:2 pu:2",
    SCENE_HYBRID };

static const char *const some_isolated[] = { "", "", "1", "2-7", "4,6", "4-7", "8-15", "0-40" };

static const char *const some_held[] = { "", "", "101:4", "101:2-3 102:6-7", "101:0-40" };

static const char *const some_devices[] = { NULL, "hostpci0 0000:01:00.0 0",
    "hostpci0 0000:41:00.0 1", "hostpci0 0000:41:00.0 1;hostpci1 nic 0" };

static const char *pick(GRand *rand, const char *const *list, gsize length)
{
    return list[g_rand_int_range(rand, 0, (gint32)length)];
}

static Scene *some_scene(GRand *rand)
{
    g_autoptr(GString) config = g_string_new(GOOD);

    for (int lines = g_rand_int_range(rand, 0, 5); lines > 0; lines--) {
        g_string_append(config, pick(rand, some_lines, G_N_ELEMENTS(some_lines)));
    }
    Scene *scene = scene_new(pick(rand, some_shapes, G_N_ELEMENTS(some_shapes)),
        pick(rand, some_isolated, G_N_ELEMENTS(some_isolated)), config->str);
    fake_root_write(scene->fake, POLICY_PATH, pick(rand, some_rules, G_N_ELEMENTS(some_rules)));
    g_free(scene->held);
    scene->held = g_strdup(pick(rand, some_held, G_N_ELEMENTS(some_held)));
    scene->devices = pick(rand, some_devices, G_N_ELEMENTS(some_devices));
    return scene;
}

static char *describe(const Scene *scene, const Verdict *verdict)
{
    g_autofree char *config = scene_read(scene, SCENE_CONFIG);
    g_autofree char *rules = scene_read(scene, POLICY_PATH);
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_printf(text, "%s, isolated %s, held %s\n%s%s", scene->shape, scene->isolated,
        scene->held, config, rules);
    for (guint i = 0; i < verdict->findings->len; i++) {
        const Finding *finding = verdict->findings->pdata[i];
        g_string_append_printf(text, "%s: %s; fix: %s\n", finding_kind(finding->code)->name,
            finding->message, fix_of(finding) != NULL ? fix_of(finding) : "-");
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/// The first error that says how to mend it.
static const Finding *find_mendable(const Verdict *verdict)
{
    for (guint i = 0; i < verdict->findings->len; i++) {
        const Finding *finding = verdict->findings->pdata[i];
        if (finding->severity == SEVERITY_ERROR && fix_of(finding) != NULL) {
            return finding;
        }
    }
    return NULL;
}

/// Whether the fixes lead to a start. They may come to an end before, where no one fix helps: on a
/// machine that others hold whole, say.
static gboolean follow_fixes(Scene *scene)
{
    g_autoptr(Verdict) verdict = scene_judge(scene);
    g_autofree char *start = describe(scene, verdict);

    for (guint step = 0; step < 40 && verdict->result == VERDICT_REFUSE; step++) {
        const Finding *finding = find_mendable(verdict);
        g_autofree char *now = describe(scene, verdict);
        if (finding == NULL) {
            g_test_message("no way on, from %snow %s", start, now);
            return FALSE;
        }
        if (!apply_way(scene, fix_of(finding), step)) {
            g_error("cannot be pasted: %s, from %snow %s", fix_of(finding), start, now);
        }
        verdict_free(verdict);
        verdict = scene_judge(scene);
    }
    if (verdict->result == VERDICT_REFUSE) {
        g_autofree char *now = describe(scene, verdict);
        g_error("no end, from %snow %s", start, now);
    }
    return TRUE;
}

static void test_following_the_fixes_leads_to_a_start(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    guint led = 0;

    for (guint i = 0; i < 400; i++) {
        g_autoptr(Scene) scene = some_scene(rand);
        led += follow_fixes(scene);
    }
    g_test_message("%u of 400", led);
    g_assert_cmpuint(led, >=, 370);
}

/// Whether a fix for @code leads to a start without it, wherever the VM could have its shape. One
/// that shuts a guest down, or accepts it, always does.
static void assert_warning_is_mended(const Scene *scene, const Finding *finding)
{
    g_autoptr(Scene) copy = scene_copy(scene);
    g_autoptr(Verdict) before = scene_judge(copy);
    g_autofree char *start = describe(copy, before);

    if (!scene_paste(copy, fix_of(finding))) {
        g_error("cannot be pasted: %s, from %s", fix_of(finding), start);
    }
    g_autoptr(Verdict) after = scene_judge(copy);
    g_autofree char *now = describe(copy, after);
    if (!is_gone(after, finding->code)) {
        g_error("does not mend it: %s, from %snow %s", fix_of(finding), start, now);
    }
    if (find_new_error(before, after) != NULL) {
        g_error("leads to an error: %s, from %snow %s", fix_of(finding), start, now);
    }
}

static void test_fixes_of_warnings_mend_them(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(11);

    for (guint i = 0; i < 400; i++) {
        g_autoptr(Scene) scene = some_scene(rand);
        if (!follow_fixes(scene)) {
            continue;
        }
        g_autoptr(Verdict) verdict = scene_judge(scene);
        for (guint j = 0; j < verdict->findings->len; j++) {
            const Finding *finding = verdict->findings->pdata[j];
            if (finding->code >= FINDING_GUEST_SMT && finding->code <= FINDING_UNPINNABLE) {
                assert_warning_is_mended(scene, finding);
            }
        }
    }
}

static void add_policy_tests(void)
{
    g_test_add_func("/check/policy/nothing-found", test_nothing_found);
    g_test_add_func("/check/policy/warnings-do-not-refuse", test_warnings_alone_do_not_refuse);
    g_test_add_func("/check/policy/mode-warn", test_mode_warn_says_it_and_lets_it_start);
    g_test_add_func("/check/policy/error-made-a-warning", test_an_error_made_a_warning);
    g_test_add_func("/check/policy/error-turned-off", test_an_error_turned_off);
    g_test_add_func("/check/policy/warning-made-an-error", test_a_warning_made_an_error);
    g_test_add_func(
        "/check/policy/of-another-vm", test_a_problem_in_another_vms_policy_is_a_warning);
    g_test_add_func("/check/policy/of-this-node", test_a_problem_in_this_nodes_policy_is_an_error);
    g_test_add_func("/check/policy/problems-turned-off", test_policy_problems_turned_off);
    g_test_add_func("/check/policy/bad-group", test_a_bad_group_is_not_merged_into_the_one_above);
    g_test_add_func("/check/policy/unreadable", test_an_unreadable_policy);
}

static void test_older_value_is_a_warning(void)
{
    g_autoptr(Scene) scene = scene_new(TWO_NODES, TWO_NODES_ISOLATED, GOOD "cores: 2\n");

    fake_root_write(scene->fake, POLICY_PATH, "[vm 100]\nunproven = keep\n");
    g_autoptr(Verdict) before = scene_judge(scene);
    const Finding *finding = find(before, FINDING_POLICY_INVALID);
    g_assert_cmpint(finding->severity, ==, SEVERITY_WARNING);
    g_assert_true(scene_paste(scene, fix_of(finding)));
    g_autofree char *policy = scene_read(scene, POLICY_PATH);
    g_autoptr(Verdict) after = scene_judge(scene);
    g_assert_cmpstr(policy, ==, "[vm 100]\nunproven = run\n");
    g_assert_null(find(after, FINDING_POLICY_INVALID));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(examples); i++) {
        g_autofree char *path = g_strdup_printf("/check/%s", examples[i].name);
        g_test_add_data_func(path, &examples[i], test_found_or_not);
        if (examples[i].message != NULL && !examples[i].shows) {
            g_autofree char *fix = g_strdup_printf("/check/%s/fix", examples[i].name);
            g_test_add_data_func(fix, &examples[i], test_fix_mends_it);
        }
    }
    add_policy_tests();
    g_test_add_func("/check/tick/not-taken", test_a_list_that_the_kernel_does_not_take_has_no_fix);
    g_test_add_func("/check/config/unreadable", test_an_unreadable_config_is_all_there_is);
    g_test_add_func("/check/node-memory/hugepages-that-nobody-could-count",
        test_hugepages_that_nobody_could_count);
    g_test_add_func("/check/node-memory/free-hugepages", test_free_hugepages_count);
    g_test_add_func(
        "/check/node-memory/hugepages-of-another-size", test_hugepages_of_another_size_do_not);
    g_test_add_func("/check/node-memory/reclaimable", test_reclaimable_memory_counts);
    g_test_add_func(
        "/check/hugepages/size-of-no-host", test_hugepages_of_no_size_that_the_host_has);
    g_test_add_func("/check/machine/how-to-begin", test_how_to_begin);
    g_test_add_func("/check/hugepages/late", test_hugepages_that_are_to_be_made);
    g_test_add_func("/check/node-memory/zfs", test_memory_that_zfs_gives_back);
    g_test_add_func("/check/node-memory/zfs-unread", test_memory_that_zfs_does_not_tell_of);
    g_test_add_func("/check/node-memory/unknown", test_memory_that_nobody_could_read_is_not_short);
    g_test_add_func(
        "/check/following-the-fixes-leads-to-a-start", test_following_the_fixes_leads_to_a_start);
    g_test_add_func("/check/fixes-of-warnings-mend-them", test_fixes_of_warnings_mend_them);
    g_test_add_func("/check/older-value-is-a-warning", test_older_value_is_a_warning);
    return g_test_run();
}
