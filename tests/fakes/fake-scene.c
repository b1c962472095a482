// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/fake-scene.h"

#include "bind/ledger.h"
#include "judge/mend.h"
#include "place/planner.h"
#include "fakes/fake-host.h"
#include "fakes/fake-qm.h"
#include "fakes/fake-shell.h"

#include <string.h>

/* A scene: everything that a verdict is made of, as texts that a fix can change. */

Scene *scene_new(const char *shape, const char *isolated, const char *config)
{
    Scene *scene = g_new0(Scene, 1);

    scene->fake = fake_root_new();
    scene->shape = shape;
    scene->possible = "0-63";
    scene->isolated = g_strdup(isolated);
    scene->nohz_full = g_strdup(isolated);
    scene->held = g_strdup("");
    scene->memory = scene->memory_of_first = 4096;
    fake_root_write(scene->fake, SCENE_CONFIG, config);
    fake_root_write(scene->fake, POLICY_PATH, "");
    fake_shell_add_qm(scene->fake);
    return scene;
}

void scene_free(Scene *scene)
{
    fake_root_free(scene->fake);
    g_free(scene->isolated);
    g_free(scene->nohz_full);
    g_free(scene->cmdline);
    g_free(scene->held);
    g_free(scene);
}

char *scene_read(const Scene *scene, const char *path)
{
    g_autoptr(GError) error = NULL;
    char *text = root_read(scene->fake->root, path, NULL, &error);

    g_assert_no_error(error);
    return text;
}

Scene *scene_copy(const Scene *scene)
{
    g_autofree char *config = scene_read(scene, SCENE_CONFIG);
    g_autofree char *rules = scene_read(scene, POLICY_PATH);
    Scene *copy = g_memdup2(scene, sizeof(*scene));

    copy->fake = fake_root_new();
    copy->isolated = g_strdup(scene->isolated);
    copy->nohz_full = g_strdup(scene->nohz_full);
    copy->cmdline = g_strdup(scene->cmdline);
    copy->held = g_strdup(scene->held);
    fake_root_write(copy->fake, SCENE_CONFIG, config);
    fake_root_write(copy->fake, POLICY_PATH, rules);
    fake_shell_add_qm(copy->fake);
    return copy;
}

/// Containers that run, as "201:4-5 202:": these CPUs, or none that could be read.
void scene_add_containers(Scene *scene, const char *containers)
{
    g_auto(GStrv) each = g_strsplit(containers, " ", -1);

    fake_shell_add_pct(scene->fake);
    for (guint i = 0; each[i] != NULL; i++) {
        g_auto(GStrv) parts = g_strsplit(each[i], ":", 2);
        g_autofree char *config = g_strdup_printf("etc/pve/lxc/%s.conf", parts[0]);
        g_autofree char *procs = g_strdup_printf("sys/fs/cgroup/lxc/%s/cgroup.procs", parts[0]);
        g_autofree char *cpus = g_strdup_printf(
            "sys/fs/cgroup/lxc/%s/ns/cpuset.cpus.effective", parts[0]);
        fake_root_write(
            scene->fake, config, "arch: amd64\n\n[before]\nlxc.cgroup2.cpuset.cpus: 9\n");
        fake_root_write(scene->fake, procs, "");
        if (*parts[1] != '\0') {
            fake_root_write(scene->fake, cpus, parts[1]);
        }
    }
}

Taken *scene_taken(const Scene *scene)
{
    Taken *taken = ledger_taken(scene->fake->root, 100, NULL);
    g_auto(GStrv) holders = g_strsplit(scene->held, " ", -1);

    for (guint i = 0; holders[i] != NULL && *holders[i] != '\0'; i++) {
        const char *colon = strchr(holders[i], ':');
        g_autoptr(CpuSet) cpus = cpuset_parse_list(colon + 1, ',', NULL);
        guint vmid = (guint)g_ascii_strtoull(holders[i], NULL, 10);
        if (vmid >= 900) {
            taken_add_by_affinity(taken, vmid, cpus);
        } else {
            taken_add(taken, vmid, cpus);
        }
    }
    return taken;
}

/// "96 32": the MiB of each last-level cache. NULL: they are not known.
static void set_llc_sizes(Host *host, const char *sizes)
{
    g_auto(GStrv) each = g_strsplit(sizes != NULL ? sizes : "", " ", -1);

    for (guint i = 0; each[i] != NULL; i++) {
        fake_host_set_llc_kib(host, i, g_ascii_strtoull(each[i], NULL, 10) * 1024);
    }
}

Host *scene_host(const Scene *scene)
{
    const IsolationFiles files = { .possible = scene->possible,
        .isolated = scene->isolated,
        .nohz_full = scene->nohz_full,
        .cmdline = scene->cmdline };
    gboolean hybrid = scene->cores == NULL && strcmp(scene->shape, SCENE_HYBRID) == 0;
    const FakeCore *cores = hybrid ? fake_hybrid : scene->cores;
    Host *host = cores != NULL ? fake_host_new_of_cores(cores, "")
                               : fake_host_new_isolated(scene->shape, &files);

    if (cores != NULL) {
        isolation_free(host->isolation);
        host->isolation = isolation_parse(&files);
    }
    host->vendor = scene->vendor;
    set_llc_sizes(host, scene->llcs);
    for (guint i = 0; i < host->nodes->len; i++) {
        fake_host_set_free_mib(host, i, i == 0 ? scene->memory_of_first : scene->memory);
    }
    return host;
}

/// "hostpci0 0000:41:00.0 1", or with a reason in place of the node; parted by ';'.
GPtrArray *scene_devices(const Scene *scene)
{
    GPtrArray *devices = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) texts = g_strsplit(scene->devices != NULL ? scene->devices : "", ";", -1);

    for (guint i = 0; texts[i] != NULL; i++) {
        g_auto(GStrv) words = g_strsplit(texts[i], " ", 3);
        gint64 node = -1;
        Device *device = g_new0(Device, 1);
        gboolean known = g_ascii_string_to_signed(words[2], 10, -1, 63, &node, NULL);
        *device = (Device){ .option = (char *)g_intern_string(words[0]),
            .address = (char *)g_intern_string(words[1]),
            .node = known ? (int)node : -1,
            .unknown = known ? NULL : (char *)g_intern_string(words[2]) };
        g_ptr_array_add(devices, device);
    }
    return devices;
}

/// Judges, and looks for fixes.
Verdict *scene_judge_and_mend(const Request *request, const Plan *plan)
{
    Verdict *verdict = verdict_of_start(request, plan);

    g_ptr_array_unref(verdict->findings);
    verdict->findings = mend_findings(request, plan);
    return verdict;
}

/// Plans and checks, as a start does.
Verdict *scene_judge_request(Request *request)
{
    g_autoptr(Pool) pool = pool_new(request->vm, request->policy, request->host, request->taken);

    request->vmid = 100;
    request->pool = pool;
    g_autoptr(Plan) plan = planner_place(request);
    return scene_judge_and_mend(request, plan);
}

Verdict *scene_judge(const Scene *scene)
{
    g_autofree char *config = scene_read(scene, SCENE_CONFIG);
    g_autofree char *rules = scene_read(scene, POLICY_PATH);
    g_autoptr(VmConfig) vm = vmconfig_parse(config, strlen(config));
    g_autoptr(Policy) policy = policy_parse(rules, "pve1", 100);
    g_autoptr(Host) host = scene_host(scene);
    g_autoptr(Taken) taken = scene_taken(scene);
    g_autoptr(GPtrArray) devices = scene_devices(scene);

    if (!vm->readable) {
        return scene_judge_and_mend(&(Request){ .vmid = 100, .vm = vm, .policy = policy }, NULL);
    }
    return scene_judge_request(&(Request){ .vm = vm,
        .policy = policy,
        .host = host,
        .devices = devices,
        .taken = taken,
        .timer = timer_look(scene->fake->root) });
}

/* Doing what a fix says. */

/// @cpus NULL: it holds none any more.
static void hold(Scene *scene, const char *vmid, const char *cpus)
{
    g_auto(GStrv) holders = g_strsplit(scene->held, " ", -1);
    g_autofree char *prefix = g_strdup_printf("%s:", vmid);
    g_autoptr(GString) after = g_string_new(NULL);

    for (guint i = 0; holders[i] != NULL; i++) {
        gboolean found = g_str_has_prefix(holders[i], prefix);
        const char *blank = after->len > 0 ? " " : "";
        if (!found) {
            g_string_append_printf(after, "%s%s", blank, holders[i]);
        } else if (cpus != NULL) {
            g_string_append_printf(after, "%s%s%s", blank, prefix, cpus);
        }
    }
    g_free(scene->held);
    scene->held = g_strdup(after->str);
}

/// What another guest does that qm was told to.
static void follow_qm(Scene *scene, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    const char *vmid = words[0] != NULL ? words[1] : NULL;

    if (g_strcmp0(words[0], "shutdown") == 0) {
        hold(scene, vmid, NULL);
    } else if (g_strcmp0(words[0], "set") == 0 && strcmp(vmid, "100") != 0) {
        hold(scene, vmid, words[3]);
    } else if (g_strcmp0(words[0], "clone") == 0) {
        /* The clone's config, in the place of the template's. */
        g_autofree char *before = scene_read(scene, SCENE_CONFIG);
        g_autofree char *after = fake_qm_set(before, "qm set 100 --delete template");
        fake_root_write(scene->fake, SCENE_CONFIG, after);
    }
}

/// Boots the host, as a kernel that does what it is told.
void scene_boot(Scene *scene, const char *cmdline)
{
    g_autoptr(Isolation) isolation = isolation_parse(
        &(IsolationFiles){ .cmdline = cmdline, .possible = scene->possible });

    g_free(scene->isolated);
    g_free(scene->nohz_full);
    g_free(scene->cmdline);
    scene->isolated = isolation->cmdline_domain ? cpuset_to_list(isolation->cmdline_isolcpus)
                                                : g_strdup("");
    scene->nohz_full = isolation->cmdline_nohz_full != NULL
                           ? cpuset_to_list(isolation->cmdline_nohz_full)
                           : g_strdup("");
    scene->cmdline = g_strdup(cmdline);
}

/// Pastes a line into a shell, with the scene's files in place of the host's, and boots if that has
/// changed what the host boots with. FALSE: it is nothing that could be done.
gboolean scene_paste(Scene *scene, const char *line)
{
    fake_shell_add_boot(scene->fake, scene->cmdline != NULL ? scene->cmdline : "");
    if (!fake_shell_run(scene->fake, line)) {
        return FALSE;
    }
    g_autofree char *log = fake_shell_take_qm_log(scene->fake);
    g_auto(GStrv) lines = g_strsplit(log, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        follow_qm(scene, lines[i]);
    }
    g_autofree char *cmdline = fake_shell_next_cmdline(scene->fake);
    if (cmdline != NULL) {
        scene_boot(scene, cmdline);
        fake_root_remove(scene->fake, "next-cmdline");
    }
    return TRUE;
}
