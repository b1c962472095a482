// SPDX-License-Identifier: LGPL-2.1-or-later
/* Text that came from outside: what the shell, a terminal or a log would act on stands in every
 * file that pinhook reads and in all that QEMU says. No line that comes out holds any of it as it
 * is, and each line to paste does what it shows and no more. */
#include "base/text.h"
#include "bind/ledger.h"
#include "run.h"
#include "fakes/fake-kernel.h"
#include "fakes/fake-qemu.h"
#include "fakes/fake-root.h"

#include <glib/gstdio.h>
#include <string.h>

#define CONFIG "etc/pve/qemu-server/100.conf"

enum { TASK = 500, QEMU = 4711 };

/// Who runs it leaves a trace.
#define TRACE "trace"

static const char *const texts[] = { "$(touch " TRACE ")", "`touch " TRACE "`",
    "a;touch " TRACE ";b", "a|touch " TRACE, "a&touch " TRACE "&", "a>" TRACE,
    "'; touch " TRACE " '", "\"; touch " TRACE "; \"", "'\"'\"; touch " TRACE,
    "x' -o \"$(touch " TRACE ")\" 'y", "$IFS*~{a,b}", "a #b", "!!", "%s%n%1$s", "\\x41\\",
    "--delete", "-e", "1s/.*/touch " TRACE "/e", "a\033[2J\033]0;t\a", "a\302\2332Jb",
    "a\342\200\256b\342\200\254", "a\342\201\246b", "a\342\200\213b", "a\342\200\250b",
    "a\rb\fc\vd\be", "a\177b", "\377\376", "\303", "\355\240\200", "a\tb",
    "K\303\244se \342\202\254" };

/// A newline ends a line of a file; elsewhere it would forge one.
static const char *const lines[] = { "a\npinhook: vm 100: PASSED", "a\n  fix: touch " TRACE };

/* Where it stands. */

#define VCPUS "[{\"cpu-index\": 0, \"thread-id\": 4712}, {\"cpu-index\": 1, \"thread-id\": 4713}]"

static void write_config(FakeRoot *fake, const char *text)
{
    g_autofree char *config = g_strdup_printf(
        "cores: 4\nmemory: 512\nvcpus: 2\nname: %s\ncpuaffinity: %s\nafinity: %s\nhotplug: cpu,%s\n"
        "hookscript: local:snippets/%s\nlock: %s\ntags: %s\ncpu: %s\nargs: -name %s -smp "
        "4,threads=2 "
        "-accel tcg,thread=single\nnuma: 1\nnuma0: cpus=0-3,memory=512,policy=%s\nnuma1: %s\n"
        "hostpci0: mapping=%s\nhostpci1: %s\nballoon: %s\ncpulimit: %s\n%s\n?%s: x\n[%s\nfreeze: "
        "%s\n",
        text, text, text, text, text, text, text, text, text, text, text, text, text, text, text,
        text, text, text, text);

    fake_root_write(fake, CONFIG, config);
}

static void write_policy(FakeRoot *fake, const char *text)
{
    g_autofree char *policy = g_strdup_printf(
        "[vm 100]\n%s = x\nsmt = %s\ncpus = %s\n%s\n[%s]\na = b\n"
        "[node %s]\nmode = %s\n",
        text, text, text, text, text, text, text);

    fake_root_write(fake, POLICY_PATH, policy);
}

/// A profile that moves the threads of VMs, under a name that is @text if it can be a file's.
static void write_tuned(FakeRoot *fake, const char *text)
{
    g_autofree char *name = g_strdelimit(g_strdup(text), " \t\n\r,;/", '-');
    g_autofree char *path = g_strdup_printf("etc/tuned/%s/tuned.conf", name);

    fake_root_write(fake, "sys/fs/cgroup/system.slice/tuned.service/cgroup.procs", "9\n");
    fake_root_write(fake, "etc/tuned/active_profile", name);
    fake_root_write(
        fake, path, "[variables]\nisolated_cores=2-7\n[scheduler]\nisolated_cores=2-7\n");
}

static void write_machine(FakeRoot *fake, const char *text)
{
    g_autofree char *mapping = g_strdup_printf(
        "%s\n\tmap id=1,node=%s,path=%s\n%s\n", text, text, text, text);
    g_autofree char *cmdline = g_strdup_printf("quiet isolcpus=%s nohz_full=%s", text, text);
    g_autofree char *interrupts = g_strdup_printf(
        "            CPU0       CPU1\n  24:          0          0   PCI-MSI 1 %s\n", text);
    g_autofree char *banned = g_strdup_printf("IRQBALANCE_BANNED_CPULIST=%s\n", text);

    fake_root_write(fake, "etc/pve/mapping/pci.cfg", mapping);
    fake_root_write(fake, "proc/cmdline", cmdline);
    fake_root_write(fake, "proc/interrupts", interrupts);
    fake_root_write(fake, "proc/irq/24/effective_affinity_list", "2-7\n");
    fake_root_write(fake, "proc/irq/24/smp_affinity_list", text);
    fake_root_write(fake, "proc/sys/kernel/hostname", text);
    fake_root_write(fake, "etc/default/irqbalance", banned);
    fake_root_write(fake, "sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", text);
    fake_root_write(fake, "etc/pve/lxc/201.conf", text);
    fake_root_write(fake, "sys/fs/cgroup/lxc/201/cgroup.procs", "");
    fake_root_write(fake, "sys/fs/cgroup/lxc/201/ns/cpuset.cpus.effective", text);
    fake_root_write(fake, "sys/fs/cgroup/lxc/202/cgroup.procs", "");
    fake_root_write(fake, "sys/fs/cgroup/lxc/202/ns/cpuset.cpus.effective", "0-7");
    fake_root_write(fake, "sys/kernel/mm/ksm/run", text);
    fake_root_write(fake, "sys/kernel/mm/transparent_hugepage/enabled", text);
}

static void write_process(FakeRoot *fake, const char *text)
{
    g_autofree char *cgroup = g_strdup_printf("0::/%s\n", text);
    g_autofree char *name = g_strndup(text, 15);

    fake_root_write(fake, "run/qemu-server/100.pid", "4711\n");
    fake_root_add_process(fake, QEMU, 88, "/usr/bin/kvm -id 100 -pidfile /run/qemu-server/100.pid");
    fake_root_write(fake, "proc/4711/cgroup", cgroup);
    fake_root_write(fake, "proc/4711/maps", text);
    for (int tid = 4712; tid <= 4715; tid++) {
        fake_root_add_thread(fake, QEMU, tid, name, 0);
    }
}

typedef struct {
    FakeRoot *fake;
    FakeQemu *qemu;
    Call call;
} Scene;

/// What stands in files alone has no newline.
static Scene *scene_new(const char *text, gboolean in_files)
{
    const char *of_files = in_files ? text : "x";
    Scene *scene = g_new0(Scene, 1);
    FakeRoot *fake = scene->fake = fake_root_new();

    fake_root_add_host(fake, 8, 1, "2-7");
    fake_root_add_process(fake, TASK, 77, "task UPID:pve1:qmstart:100");
    write_config(fake, of_files);
    write_policy(fake, of_files);
    write_tuned(fake, of_files);
    write_machine(fake, of_files);
    write_process(fake, text);
    scene->qemu = fake_qemu_new(fake, 100, FAKE_QEMU_GOOD);
    fake_qemu_refuse_with(scene->qemu, text);
    scene->call = (Call){
        .root = fake->root, .vmid = 100, .by_name = TRUE, .caller = TASK, .kernel = &fake_kernel
    };
    fake_kernel_reset("0-7");
    return scene;
}

static void scene_free(Scene *scene)
{
    fake_qemu_free(scene->qemu);
    fake_root_free(scene->fake);
    g_free(scene);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scene, scene_free)

/// A VM that can be planned, bound and read back.
static void calm_down(Scene *scene)
{
    fake_root_write(scene->fake, CONFIG, "cores: 2\nmemory: 512\naffinity: 2-3\n");
    fake_root_write(scene->fake, POLICY_PATH, "");
    fake_root_write(scene->fake, "proc/cmdline", "quiet");
    fake_qemu_answer(scene->qemu, "query-cpus-fast", VCPUS);
    fake_qemu_answer(scene->qemu, "query-iothreads", "[]");
}

/* What comes out. */

static void assert_plain(const char *text)
{
    g_auto(GStrv) each = g_strsplit(text, "\n", -1);

    for (guint i = 0; each[i] != NULL; i++) {
        if (!text_is_plain(each[i])) {
            g_autofree char *shown = text_show(each[i]);
            g_error("as it is: %s", shown);
        }
    }
}

/// A shell that has nothing but these, and writes down nothing but a trace of `touch`.
static void add_commands(FakeRoot *sandbox)
{
    static const char *const commands[] = { "qm", "pct", "sed", "systemctl", "tuned-adm",
        "update-grub", "proxmox-boot-tool", "sysctl", "grep", "ls", "cat", "mkdir", "seq", "ss",
        "pinhook", "pvesh", "taskset" };

    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_autofree char *path = g_strdup_printf("bin/%s", commands[i]);
        g_autofree char *outside = fake_root_outside(sandbox, path);
        fake_root_write(sandbox, path, "#!/bin/sh\nexit 0\n");
        g_assert_cmpint(g_chmod(outside, 0755), ==, 0);
    }
    g_autofree char *touch = fake_root_outside(sandbox, "bin/touch");
    fake_root_write(sandbox, "bin/touch", "#!/bin/sh\n: > \"$1\"\n");
    g_assert_cmpint(g_chmod(touch, 0755), ==, 0);
}

/// Runs @line in the sandbox, where all paths are.
static void paste(FakeRoot *sandbox, const char *line)
{
    static const char *const roots[] = { "/etc/", "/proc/", "/sys/", "/run/", "/var/" };
    g_autoptr(GString) here = g_string_new(line);

    for (gsize i = 0; i < G_N_ELEMENTS(roots); i++) {
        g_autofree char *below = g_strconcat(".", roots[i], NULL);
        g_string_replace(here, roots[i], below, 0);
    }
    g_autofree char *script = g_strdup_printf(
        "cd '%s' && PATH=$PWD/bin && %s\n", sandbox->path, here->str);
    const char *argv[] = { "/bin/sh", "-c", script, NULL };
    g_autoptr(GError) error = NULL;
    g_autofree char *err = NULL;
    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &err,
        NULL, &error);
    g_assert_no_error(error);
    if (root_exists(sandbox->root, TRACE) || strstr(err, "yntax error") != NULL ||
        strstr(err, "nterminated") != NULL || strstr(err, "not found") != NULL) {
        g_error("does more than it shows: %s: %s", line, err);
    }
}

/// The part of @line behind "  fix: " or "  or:  "; NULL: it is none to paste.
static const char *find_command(const char *line)
{
    static const char *const labels[] = { "  fix: ", "  or:  ", "start it anyway: " };
    const char *found = NULL;

    for (gsize i = 0; found == NULL && i < G_N_ELEMENTS(labels); i++) {
        found = strstr(line, labels[i]);
        found = found != NULL ? found + strlen(labels[i]) : NULL;
    }
    return found;
}

static void look_at_text(FakeRoot *sandbox, GHashTable *pasted, const char *text)
{
    g_auto(GStrv) each = g_strsplit(text, "\n", -1);

    assert_plain(text);
    for (guint i = 0; each[i] != NULL; i++) {
        const char *command = find_command(each[i]);
        if (command != NULL && g_hash_table_add(pasted, g_strdup(command))) {
            paste(sandbox, command);
        }
    }
}

static void look_at_report(FakeRoot *sandbox, GHashTable *pasted, const Report *report)
{
    g_autofree char *text = report_to_text(report);
    g_autoptr(JsonObject) json = report_to_json(report);

    look_at_text(sandbox, pasted, text);
    assert_plain(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY));
}

typedef Report *(*Door)(const Call *call);

static const Door doors[] = { run_check, run_pre_start, run_post_start, run_status, run_repair,
    run_post_stop };

static void go_through_doors(const Scene *scene, FakeRoot *sandbox, GHashTable *pasted)
{
    g_autoptr(GError) error = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(doors); i++) {
        g_autoptr(Report) report = doors[i](&scene->call);
        look_at_report(sandbox, pasted, report);
    }
    g_autoptr(HostReport) host = run_host(&scene->call, &error);
    if (host == NULL) {
        g_autofree char *shown = text_show(error->message);
        assert_plain(shown);
        return;
    }
    g_autofree char *text = hostreport_to_text(host, MAP_PLAIN);
    g_autoptr(JsonObject) json = hostreport_to_json(host);
    look_at_text(sandbox, pasted, text);
    assert_plain(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY));
}

static void try_text(const char *text, gboolean in_files)
{
    g_autoptr(Scene) scene = scene_new(text, in_files);
    g_autoptr(FakeRoot) sandbox = fake_root_new();
    g_autoptr(GHashTable) pasted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *shown = text_show(text);

    g_test_message("%s", shown);
    add_commands(sandbox);
    go_through_doors(scene, sandbox, pasted);
    calm_down(scene);
    go_through_doors(scene, sandbox, pasted);
    g_assert_cmpuint(g_hash_table_size(pasted), >, 5);
}

static void test_in_every_file(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        try_text(texts[i], TRUE);
    }
}

static void test_lines_in_what_processes_say(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        try_text(lines[i], FALSE);
    }
}

/// As they are typed for `plan`.
static void test_in_what_is_typed(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(FakeRoot) fake = fake_root_new();
        g_autoptr(FakeRoot) sandbox = fake_root_new();
        g_autoptr(GHashTable) pasted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autofree char *name = g_strdelimit(g_strdup(texts[i]), "/", '-');
        g_autofree char *config = fake_root_outside(fake, name);
        WhatIf what_if = { .config = config, .policy = config, .vcpus = 3 };
        Call call = { .root = fake->root, .kernel = &fake_kernel };
        g_autoptr(GError) error = NULL;

        fake_root_add_host(fake, 8, 1, "2-7");
        fake_root_write(fake, name, "cores: 9\n[vm 100]\nmode = x\n");
        add_commands(sandbox);
        g_autoptr(Report) report = run_plan(&call, &what_if, FALSE, &error);
        g_assert_no_error(error);
        look_at_report(sandbox, pasted, report);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hostile/in-every-file", test_in_every_file);
    g_test_add_func("/hostile/lines-in-what-processes-say", test_lines_in_what_processes_say);
    g_test_add_func("/hostile/in-what-is-typed", test_in_what_is_typed);
    return g_test_run();
}
