// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/finding.h"
#include "bind/ledger.h"
#include "cli.h"
#include "pinhook.h"
#include "fakes/fake-kernel.h"
#include "fakes/fake-root.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOOD                                                                                       \
    "cores: 2\nmemory: 2048\naffinity: 2-3\nfreeze: 1\nhookscript: local:snippets/pinhook\n"

enum { TASK = 500, MOST_ARGUMENTS = 8 };

/// What a call printed and how it ended.
typedef struct {
    int status;
    char *out, *err;
} Called;

static void called_clear(Called *called)
{
    g_free(called->out);
    g_free(called->err);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Called, called_clear)

/// Puts a file in memory in place of @stream; returns the handle of what was there.
static int divert(FILE *stream, int *file)
{
    fflush(stream);
    int saved = dup(fileno(stream));

    *file = memfd_create("captured", MFD_CLOEXEC);
    g_assert_cmpint(dup2(*file, fileno(stream)), >=, 0);
    return saved;
}

/// Puts @saved back and returns what was printed meanwhile.
static char *restore(FILE *stream, int saved, int file)
{
    char chunk[4096];
    g_autoptr(GString) text = g_string_new(NULL);

    fflush(stream);
    dup2(saved, fileno(stream));
    close(saved);
    g_assert_cmpint(lseek(file, 0, SEEK_SET), ==, 0);
    for (ssize_t got = read(file, chunk, sizeof(chunk)); got > 0;
         got = read(file, chunk, sizeof(chunk))) {
        g_string_append_len(text, chunk, got);
    }
    close(file);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/// "pinhook" and @arguments, which end with NULL; returns how many that are.
static int fill_argv(const char *argv[MOST_ARGUMENTS + 2], const char *const *arguments)
{
    int argc = 1;

    argv[0] = "pinhook";
    for (; arguments[argc - 1] != NULL; argc++) {
        argv[argc] = arguments[argc - 1];
    }
    return argc;
}

/// Calls it as process TASK does with "pinhook" and @arguments, which end with NULL.
static Called call_as_target(const char *migrated_from, const char *const *arguments)
{
    const char *argv[MOST_ARGUMENTS + 2] = { 0 };
    const char *before[MOST_ARGUMENTS + 2];
    int argc = fill_argv(argv, arguments), out, err;
    Called called;

    memcpy(before, argv, sizeof(argv));
    int saved_out = divert(stdout, &out), saved_err = divert(stderr, &err);
    called.status = cli_main(argc, (char **)argv, migrated_from, TASK);
    called.err = restore(stderr, saved_err, err);
    called.out = restore(stdout, saved_out, out);
    g_assert_cmpmem(argv, sizeof(argv), before, sizeof(before)); // argv is not changed
    return called;
}

static Called call(const char *const *arguments)
{
    return call_as_target(NULL, arguments);
}

#define CALL(...) call((const char *const[]){ __VA_ARGS__, NULL })

/// A host of 8 CPUs, 2-7 isolated, with VM 100.
static FakeRoot *new_root(const char *config)
{
    FakeRoot *fake = fake_root_new();

    fake_root_add_host(fake, 8, 1, "2-7");
    fake_root_add_process(fake, TASK, 77, "task UPID:pve1:qmstart:100");
    fake_root_write(fake, "etc/pve/qemu-server/100.conf", config);
    return fake;
}

static void assert_usage(const Called *called)
{
    g_assert_cmpint(called->status, ==, 2);
    g_assert_cmpstr(called->out, ==, "");
    g_assert_true(g_str_has_prefix(called->err, "pinhook: "));
    g_assert_nonnull(strstr(called->err, "\nusage: pinhook"));
}

static void test_wrong_arguments_end_with_the_usage(void)
{
    static const char *const wrong[][MOST_ARGUMENTS] = {
        { NULL },
        { "" },
        { "100" },
        { "", "pre-start" },
        { "99", "pre-start" },
        { "0", "pre-start" },
        { "abc", "pre-start" },
        { "-100", "pre-start" },
        { "+100", "pre-start" },
        { " 100", "pre-start" },
        { "100 ", "pre-start" },
        { "1e3", "pre-start" },
        { "0x64", "pre-start" },
        { "100.0", "pre-start" },
        { "1000000000", "pre-start" },
        { "100000000000", "pre-start" },
        { "18446744073709551716", "pre-start" }, // 100 modulo 2^64
        { "100;reboot", "pre-start" },
        { "100", "check" },
        { "100", "status" },
        { "../100", "pre-start" },
        { "99", "some-phase" },
        { "100", "" },
        { "100", "pre start" },
        { "100", " pre-start" },
        { "100", "pre-start\n" },
        { "100", "PRE-START" },
        { "100", "-" },
        { "100", "../pre-start" },
        { "100", "pre-start;reboot" },
        { "100", "pre-start", "more" },
        { "100", "101", "pre-start" },
        { "pre-start", "100" },
        { "check" },
        { "check", "99" },
        { "check", "abc" },
        { "check", "100", "101" },
        { "status", "" },
        { "status", "99" },
        { "status", "100", "101" },
        { "repair" },
        { "repair", "" },
        { "repair", "99" },
        { "repair", "100", "101" },
        { "100", "repair" },
        { "--all" },
        { "--all", "100" },
        { "repair", "--all", "100" },
        { "repair", "100", "--all" },
        { "status", "--all" },
        { "check", "--all", "100" },
        { "100", "post-start", "--all" },
        { "explain", "--all" },
        { "explain", "not-bound", "not-bound" },
        { "host", "100" },
        { "100", "host" },
        { "host", "--all" },
        { "host", "--xml", "--json" },
        { "--xml" },
        { "check", "100", "--xml" },
        { "100", "pre-start", "--xml" },
        { "nonsense" },
        { "--nonsense" },
        { "--root" },
        { "--json" },
        { "\xff\xfe", "pre-start" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_auto(Called) called = call(wrong[i]);
        g_test_message("%.60s", called.err);
        assert_usage(&called);
    }
}

static void test_no_argv_at_all_ends_with_the_usage(void)
{
    char *argv[] = { NULL };
    int err;
    int saved = divert(stderr, &err);
    int status = cli_main(0, argv, NULL, TASK);
    g_autofree char *text = restore(stderr, saved, err);

    g_assert_cmpint(status, ==, 2);
    g_assert_nonnull(strstr(text, "usage: pinhook"));
}

static void test_wrong_arguments_are_shown_escaped(void)
{
    g_auto(Called) called = CALL("100\n\033[31m", "pre-start");

    assert_usage(&called);
    g_assert_null(strchr(called.err, '\033'));
    g_assert_nonnull(strstr(called.err, "100\\n\\x1b[31m"));
}

static void test_other_phases_pass_silently(void)
{
    static const char *const phases[] = { "pre-stop", "post-migrate", "pre-restart", "x",
        "phase-2" };
    g_autoptr(FakeRoot) fake = new_root("cores: 99\n");

    for (gsize i = 0; i < G_N_ELEMENTS(phases); i++) {
        g_auto(Called) called = CALL("--root", fake->path, "100", phases[i]);
        g_assert_cmpint(called.status, ==, 0);
        g_assert_cmpstr(called.out, ==, "");
        g_assert_cmpstr(called.err, ==, "");
    }
}

static void test_first_and_last_vmid_are_taken(void)
{
    static const char *const vmids[] = { "100", "999999999" };

    for (gsize i = 0; i < G_N_ELEMENTS(vmids); i++) {
        g_auto(Called) called = CALL(vmids[i], "pre-stop");
        g_assert_cmpint(called.status, ==, 0);
    }
}

static void test_version_and_help_go_to_stdout(void)
{
    g_auto(Called) version = CALL("--version");
    g_auto(Called) help = CALL("--help");
    g_autofree char *wanted = g_strdup_printf("pinhook %s\n", pinhook_version());
    g_auto(GStrv) lines = g_strsplit(help.out, "\n", -1);

    g_assert_cmpint(version.status, ==, 0);
    g_assert_cmpstr(version.out, ==, wanted);
    g_assert_cmpint(help.status, ==, 0);
    g_assert_true(g_str_has_prefix(help.out, "usage: pinhook"));
    g_assert_cmpstr(help.err, ==, "");
    for (guint i = 0; lines[i] != NULL; i++) {
        g_assert_cmpuint(strlen(lines[i]), <=, 80);
    }
}

static JsonObject *parse(const char *text)
{
    JsonObject *json = json_tokener_parse(text);

    g_assert_nonnull(json);
    return json;
}

static void test_every_finding_is_explained(void)
{
    g_auto(Called) all = CALL("explain");

    g_assert_cmpint(all.status, ==, 0);
    for (guint code = 0; code < FINDING_COUNT; code++) {
        const FindingKind *kind = finding_kind((FindingCode)code);
        g_auto(Called) one = CALL("explain", kind->name);
        g_auto(Called) as_json = CALL("explain", kind->name, "--json");
        g_autoptr(JsonObject) json = parse(as_json.out);
        JsonObject *name;
        g_assert_cmpint(one.status, ==, 0);
        g_assert_nonnull(strstr(all.out, kind->name));
        g_assert_true(g_str_has_prefix(one.out, kind->name));
        g_assert_true(json_object_object_get_ex(json, "code", &name));
        g_assert_cmpstr(json_object_get_string(name), ==, kind->name);
    }
}

static void test_unknown_finding_is_wrong_usage(void)
{
    static const char *const names[] = { "nonsense", "", "NOT-BOUND", "\033[31m" };

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_auto(Called) called = CALL("explain", names[i]);
        g_assert_cmpint(called.status, ==, 2);
        g_assert_cmpstr(called.out, ==, "");
        g_assert_nonnull(strstr(called.err, "pinhook explain"));
        g_assert_null(strchr(called.err, '\033'));
    }
}

/* Hook calls. */

static void test_hook_calls_leave_stdout_alone(void)
{
    static const struct {
        const char *config, *phase;
        int status;
        const char *said;
    } calls[] = {
        { GOOD, "pre-start", 0, "PASSED" },
        { "cores: 2\n", "pre-start", 0, "not-frozen" },
        { "cores: 2\naffinity: 0-1\n", "pre-start", 1, "REFUSED" },
        { "cores: 99\n", "pre-start", 1, "REFUSED" },
        { "", "pre-start", 1, "config-unreadable" },
        { "cores: 99\nlock: backup\n", "pre-start", 0, "(locked for a backup)" },
        { GOOD, "post-start", 3, "not this kernel's" },
        { GOOD, "post-stop", 0, "" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(calls); i++) {
        g_autoptr(FakeRoot) fake = new_root(calls[i].config);
        g_auto(Called) called = CALL("--root", fake->path, "100", calls[i].phase);
        g_test_message("%s", called.err);
        g_assert_cmpint(called.status, ==, calls[i].status);
        g_assert_cmpstr(called.out, ==, "");
        g_assert_nonnull(strstr(called.err, calls[i].said));
    }
}

static void test_each_line_of_a_hook_call_names_the_vm(void)
{
    g_autoptr(FakeRoot) fake = new_root("cores: 2\naffinity: 0-1\ncpuaffinity: 4-7\n");
    g_auto(Called) called = CALL("--root", fake->path, "100", "pre-start");
    g_auto(GStrv) lines = g_strsplit(called.err, "\n", -1);

    for (guint i = 0; lines[i] != NULL; i++) {
        g_assert_true(lines[i + 1] == NULL || g_str_has_prefix(lines[i], "pinhook: vm 100: "));
    }
    g_assert_nonnull(strstr(called.err, "mode = warn")); // how to override it
}

static JsonObject *member(JsonObject *json, const char *name)
{
    JsonObject *value;

    g_assert_true(json_object_object_get_ex(json, name, &value));
    return value;
}

static void assert_has(JsonObject *json, const char *name, const char *wanted)
{
    JsonObject *value;

    g_assert_true(json_object_object_get_ex(json, name, &value));
    g_assert_cmpstr(json_object_get_string(value), ==, wanted);
}

static void test_json_of_a_hook_call_goes_to_stderr(void)
{
    g_autoptr(FakeRoot) fake = new_root(GOOD);
    g_auto(Called) called = CALL("100", "--json", "pre-start", "--root", fake->path);
    g_autoptr(JsonObject) json = parse(called.err);
    JsonObject *plan, *vcpus;

    g_assert_cmpint(called.status, ==, 0);
    g_assert_cmpstr(called.out, ==, "");
    assert_has(json, "vmid", "100");
    assert_has(json, "phase", "pre-start");
    assert_has(json, "verdict", "pass");
    assert_has(json, "findings", "[ ]");
    g_assert_true(json_object_object_get_ex(json, "plan", &plan));
    assert_has(plan, "reserved", "2-3");
    assert_has(plan, "others", "0-1");
    g_assert_true(json_object_object_get_ex(plan, "vcpus", &vcpus));
    assert_has(json_object_array_get_idx(vcpus, 1), "cpu", "3");
}

static void test_json_of_a_refusal_holds_the_findings(void)
{
    g_autoptr(FakeRoot) fake = new_root("cores: 2\naffinity: 0-1\nfreeze: 1\n");
    g_auto(Called) called = CALL("--json", "--root", fake->path, "100", "pre-start");
    g_autoptr(JsonObject) json = parse(called.err);
    JsonObject *findings;

    g_assert_cmpint(called.status, ==, 1);
    assert_has(json, "verdict", "refuse");
    g_assert_true(json_object_object_get_ex(json, "findings", &findings));
    JsonObject *first = json_object_array_get_idx(findings, 0);
    assert_has(first, "code", "not-isolated");
    assert_has(first, "severity", "error");
    g_assert_true(json_object_object_get_ex(first, "message", NULL));
    g_assert_true(json_object_object_get_ex(first, "fix", NULL));
}

/// Of what can be told.
static LedgerEntry *read_entry(const Root *root, guint vmid)
{
    g_autoptr(GError) error = NULL;
    LedgerEntry *entry;

    g_assert_true(ledger_read(root, vmid, &entry, &error));
    g_assert_no_error(error);
    return entry;
}

static void test_who_called_owns_what_is_reserved(void)
{
    g_autoptr(FakeRoot) fake = new_root(GOOD);
    g_auto(Called) called = CALL("--root", fake->path, "100", "pre-start");
    g_autoptr(LedgerEntry) entry = read_entry(fake->root, 100);

    g_assert_cmpint(called.status, ==, 0);
    g_assert_cmpint(entry->owner.pid, ==, TASK);
}

static void test_container_passes_silently(void)
{
    static const char *const phases[] = { "pre-start", "post-start", "pre-stop", "post-stop" };
    g_autoptr(FakeRoot) fake = new_root(GOOD);

    fake_root_write(fake, "etc/pve/lxc/200.conf", "arch: amd64\n");
    for (gsize i = 0; i < G_N_ELEMENTS(phases); i++) {
        g_auto(Called) called = CALL("--root", fake->path, "200", phases[i]);
        g_assert_cmpint(called.status, ==, 0);
        g_assert_cmpstr(called.out, ==, "");
        g_assert_cmpstr(called.err, ==, "");
    }
}

/* Migration. */

static void test_source_node_that_is_a_path_is_refused(void)
{
    static const char *const nodes[] = { "../pve2", "/etc", "a/b", ".", "..", "-x", "pve 2",
        "pve2\n", "pve2/", "\xc3\xa4" };
    g_autoptr(FakeRoot) fake = new_root(GOOD);
    const char *const arguments[] = { "--root", fake->path, "100", "pre-start", NULL };

    for (gsize i = 0; i < G_N_ELEMENTS(nodes); i++) {
        g_auto(Called) called = call_as_target(nodes[i], arguments);
        g_assert_cmpint(called.status, ==, 2);
        g_assert_nonnull(strstr(called.err, "PVE_MIGRATED_FROM"));
    }
    g_assert_false(root_exists(fake->root, "run/pinhook"));
}

static void test_config_is_the_source_nodes(void)
{
    g_autoptr(FakeRoot) fake = new_root("cores: 99\n");
    const char *const arguments[] = { "--root", fake->path, "100", "pre-start", NULL };

    fake_root_write(fake, "etc/pve/nodes/pve-2.example/qemu-server/100.conf", GOOD);
    g_auto(Called) target = call_as_target("pve-2.example", arguments);
    g_auto(Called) ordinary = call_as_target("", arguments);
    g_assert_cmpint(target.status, ==, 0);
    g_assert_cmpint(ordinary.status, ==, 1);
}

/* The other doors. */

static void test_check_answers_on_stdout(void)
{
    g_autoptr(FakeRoot) fake = new_root(GOOD);
    g_auto(Called) good = CALL("--root", fake->path, "check", "100");
    g_auto(Called) absent = CALL("--root", fake->path, "check", "101");
    g_auto(Called) as_json = CALL("--root", fake->path, "check", "100", "--json");
    g_autoptr(JsonObject) json = parse(as_json.out);

    g_assert_cmpint(good.status, ==, 0);
    g_assert_nonnull(strstr(good.out, "PASSED"));
    g_assert_cmpstr(good.err, ==, "");
    g_assert_cmpint(absent.status, ==, 1);
    g_assert_nonnull(strstr(absent.out, "config-unreadable"));
    assert_has(json, "phase", "check");
    g_assert_false(root_exists(fake->root, "run/pinhook"));
}

/// That it may start is no use where nobody asks.
static void test_check_says_what_is_not_attached(void)
{
    static const struct {
        const char *line, *said;
    } hooks[] = {
        { "", "  not attached yet: qm set 100 --hookscript local:snippets/pinhook\n" },
        { "hookscript: nfs:snippets/gpu.pl\n",
            "  its hookscript is nfs:snippets/gpu.pl: does that call pinhook?\n" },
        { "hookscript: nfs:snippets/pinhook\n", "PASSED\n" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(hooks); i++) {
        g_autofree char *config = g_strconcat("cores: 2\nfreeze: 1\n", hooks[i].line, NULL);
        g_autoptr(FakeRoot) fake = new_root(config);
        g_auto(Called) checked = CALL("--root", fake->path, "check", "100");
        g_assert_cmpint(checked.status, ==, 0);
        g_assert_true(g_str_has_suffix(checked.out, hooks[i].said));
    }
}

/// The host of new_root() with VM 100, which runs, on CPU 2-3.
static FakeRoot *new_root_that_runs(void)
{
    FakeRoot *fake = new_root(GOOD);

    fake_root_add_process(fake, 4711, 99, "/usr/bin/kvm -pidfile /run/qemu-server/100.pid");
    fake_root_write(fake, "run/qemu-server/100.pid", "4711\n");
    return fake;
}

/// Interrupt 24 is handled on CPU 4.
static void add_interrupt(FakeRoot *fake)
{
    fake_root_write(fake, "proc/irq/24/effective_affinity_list", "4\n");
    fake_root_write(fake, "proc/irq/24/nvme0q1/none", "");
}

/* What if. */

static void test_plan_says_what_check_would_say(void)
{
    g_autoptr(FakeRoot) fake = new_root(GOOD);
    g_auto(Called) check = CALL("--root", fake->path, "check", "100");
    g_auto(Called) plan = CALL("--root", fake->path, "plan", "100");
    g_auto(Called) other = CALL("--root", fake->path, "plan", "100", "--pool", "4-7");

    g_assert_cmpint(plan.status, ==, 0);
    g_assert_cmpstr(plan.out, ==, check.out);
    g_assert_cmpstr(plan.err, ==, "");
    g_assert_nonnull(strstr(other.out, "plan: vCPU 0-1 on CPU 4-5 "));
    g_assert_false(root_exists(fake->root, "run/pinhook"));
}

/// Of a VM with every habit there is, too.
static void test_plan_says_what_check_would_say_of_hot_plug(void)
{
    g_autoptr(FakeRoot) fake = new_root(GOOD "hotplug: cpu\nvcpus: 1\ncpulimit: 1\nballoon: 512\n");

    fake_root_write(fake, "etc/systemd/system/pinhook-repair.timer", "[Timer]\n");
    g_auto(Called) check = CALL("--root", fake->path, "check", "100");
    g_auto(Called) plan = CALL("--root", fake->path, "plan", "100");

    g_assert_nonnull(strstr(check.out, "systemctl enable --now pinhook-repair.timer"));
    g_assert_cmpstr(plan.out, ==, check.out);
}

static void test_json_of_a_plan(void)
{
    g_autoptr(FakeRoot) fake = new_root(GOOD);
    g_auto(Called) called = CALL("--root", fake->path, "--json", "plan", "--vcpus", "3");
    g_autoptr(JsonObject) json = parse(called.out);

    g_assert_cmpint(called.status, ==, 0);
    g_assert_true(json_object_object_get_ex(json, "vmid", NULL));
    g_assert_null(member(json, "vmid"));
    assert_has(json, "verdict", "pass");
    g_assert_cmpuint(json_object_array_length(member(member(json, "plan"), "vcpus")), ==, 3);
}

static void test_no_plan_exits_with_1(void)
{
    g_autoptr(FakeRoot) fake = new_root(GOOD);
    g_auto(Called) called = CALL("--root", fake->path, "plan", "--vcpus", "7");

    g_assert_cmpint(called.status, ==, 1);
    g_assert_true(g_str_has_prefix(called.out, "pinhook: error: too-few-cpus: "));
}

static void test_advice_alone_is_printed(void)
{
    g_autoptr(FakeRoot) fake = new_root("cores: 2\nmemory: 2048\n");
    g_auto(Called) called = CALL("--root", fake->path, "plan", "100", "--advise");
    g_auto(Called) json = CALL("--root", fake->path, "--json", "plan", "100", "--advise");

    g_assert_cmpint(called.status, ==, 0);
    g_assert_cmpstr(called.out, ==, "qm set 100 --affinity 2-3 --freeze 1\n");
    g_assert_nonnull(strstr(json.out, "\"qm set 100 --affinity 2-3 --freeze 1\""));
}

/// One line, and no usage behind it that would hide it.
static void test_what_if_that_is_typed_wrong(void)
{
    static const char *const wrong[][MOST_ARGUMENTS] = {
        { "plan" },
        { "plan", "--vcpus", "0" },
        { "plan", "--vcpus", "4097" },
        { "plan", "--vcpus", "2", "--topology", "nonsense" },
        { "plan", "--vcpus", "2", "--isolated", "0-" },
        { "plan", "--vcpus", "2", "--topology", "core:2 pu:1", "--kinds", "1P" },
        { "plan", "--vcpus", "2", "--topology", "core:2 pu:1", "--llc-sizes", "1M" },
        { "plan", "--vcpus", "2", "--topology", "core:2 pu:1", "--siblings", "x" },
        { "plan", "--vcpus", "2", "--offline", "1" },
        { "plan", "--vcpus", "2", "--topology", "core:2 pu:1", "--nodes", "1" },
        { "plan", "--config", "/nonexistent" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_auto(Called) called = call(wrong[i]);
        g_assert_cmpint(called.status, ==, 2);
        g_assert_cmpstr(called.out, ==, "");
        g_assert_true(strchr(called.err, '\n') == called.err + strlen(called.err) - 1);
    }
}

static void test_what_if_goes_with_plan_alone(void)
{
    g_auto(Called) called = CALL("check", "100", "--vcpus", "2");

    assert_usage(&called);
}

/* The host. */

static void test_host_is_a_map(void)
{
    g_autoptr(FakeRoot) fake = new_root_that_runs();

    add_interrupt(fake);
    g_auto(Called) called = CALL("--root", fake->path, "host");
    g_assert_true(g_str_has_prefix(called.out,
        "CPUs: 0-7   isolated: 2-7   housekeeping: 0-1\n"
        "\n"
        "node 0: 8 CPUs, 48.0 of 64.0 GiB free\n"
        "  LLC 0  0 .  1 .  2 A  3 A  4 -  5 -  6 -  7 -\n"
        "\n"
        "A = VM 100 (CPU 2-3)\n"
        ". = housekeeping   - = isolated and free\n"
        "interrupts on isolated CPUs: 1 on CPU 4\n"
        "\n"
        "warning: irq-on-cpus: 1 interrupt is delivered to CPU 4: 24 (nvme0q1)\n"
        "  fix: "));
    g_assert_cmpint(called.status, ==, 1);
    g_assert_cmpstr(called.err, ==, "");
    g_assert_null(strchr(called.out, '\033'));
    g_assert_false(root_exists(fake->root, "run/pinhook"));
}

static void test_host_that_was_told_of_no_isolation(void)
{
    g_autoptr(FakeRoot) fake = new_root(GOOD);

    fake_root_write(fake, "sys/devices/system/cpu/isolated", "\n");
    fake_root_write(fake, "proc/cmdline", "quiet isolcpus=managed_irq,2-7\n");
    g_auto(Called) called = CALL("--root", fake->path, "host");
    g_assert_nonnull(strstr(called.out, "\nwarning: isolcpus-ignored: isolcpus=managed_irq,2-7 "));
    g_assert_nonnull(strstr(called.out, "\n  or:  sed "));
    g_assert_cmpint(called.status, ==, 1);
}

/// A root of sysfs alone: no Proxmox, no memory, no caches.
static void test_host_without_anything_else(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    fake_root_write(fake, "sys/devices/system/cpu/online", "0-1\n");
    fake_root_write(fake, "sys/devices/system/cpu/cpu0/topology/core_cpus", "00000001\n");
    fake_root_write(fake, "sys/devices/system/cpu/cpu1/topology/core_cpus", "00000002\n");
    g_auto(Called) called = CALL("--root", fake->path, "host");
    g_assert_nonnull(strstr(called.out, "node 0: 2 CPUs, memory not known\n"));
    g_assert_nonnull(strstr(called.out, "  LLC 0  0 .  1 .\n"));
    g_assert_null(strstr(called.out, "warning"));
    g_assert_cmpint(called.status, ==, 0);
}

static void test_host_that_is_none(void)
{
    static const char *const forms[] = { "host", "--json", "--xml" };
    g_autoptr(FakeRoot) fake = fake_root_new();

    for (gsize i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_auto(Called) called = i == 0 ? CALL("--root", fake->path, "host")
                                       : CALL("--root", fake->path, "host", forms[i]);
        g_assert_cmpint(called.status, ==, 3);
        g_assert_cmpstr(called.out, ==, "");
        g_assert_nonnull(strstr(called.err, "sys/devices/system/cpu names no CPUs"));
    }
}

static void test_json_of_the_host(void)
{
    g_autoptr(FakeRoot) fake = new_root_that_runs();

    add_interrupt(fake);
    g_auto(Called) called = CALL("--root", fake->path, "host", "--json");
    g_autoptr(JsonObject) json = parse(called.out);
    JsonObject *cpus = member(json, "cpus");
    JsonObject *node = json_object_array_get_idx(member(json, "nodes"), 0);
    JsonObject *core = json_object_array_get_idx(member(json, "cores"), 7);
    JsonObject *holding = json_object_array_get_idx(member(json, "holdings"), 0);

    assert_has(cpus, "online", "0-7");
    assert_has(cpus, "isolated", "2-7");
    assert_has(cpus, "housekeeping", "0-1");
    assert_has(cpus, "held", "2-3");
    assert_has(node, "node", "0");
    assert_has(node, "cpus", "0-7");
    assert_has(member(node, "memory"), "free_mib", "49152");
    assert_has(member(node, "distances"), "0", "10");
    assert_has(json_object_array_get_idx(member(json, "llcs"), 0), "cpus", "0-7");
    assert_has(core, "cpus", "7");
    assert_has(core, "llc", "0");
    assert_has(holding, "vmid", "100");
    assert_has(holding, "container", "false");
    assert_has(holding, "cpus", "2-3");
    JsonObject *interrupt = json_object_array_get_idx(member(json, "interrupts"), 0);
    assert_has(interrupt, "irq", "24");
    assert_has(interrupt, "name", "nvme0q1");
    assert_has(interrupt, "cpus", "4");
    assert_has(json, "interrupts_known", "true");
    JsonObject *finding = json_object_array_get_idx(member(json, "findings"), 0);
    assert_has(finding, "code", "irq-on-cpus");
}

static void test_xml_of_the_host(void)
{
    g_autoptr(FakeRoot) fake = new_root_that_runs();
    g_auto(Called) called = CALL("--root", fake->path, "host", "--xml");

    g_assert_cmpint(called.status, ==, 0);
    g_assert_true(g_str_has_prefix(called.out, "<?xml"));
    g_assert_nonnull(strstr(called.out, "\"VM 100\""));
    g_assert_cmpstr(called.err, ==, "");
}

/// What `pinhook host` writes to a terminal.
static char *show_on_terminal(const FakeRoot *fake)
{
    const char *argv[] = { "pinhook", "--root", fake->path, "host" };
    char text[4096];
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);

    g_assert_cmpint(terminal, >=, 0);
    g_assert_cmpint(grantpt(terminal), ==, 0);
    g_assert_cmpint(unlockpt(terminal), ==, 0);
    int other_end = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    g_assert_cmpint(other_end, >=, 0);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    dup2(other_end, STDOUT_FILENO);
    cli_main(G_N_ELEMENTS(argv), (char **)argv, NULL, TASK);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    ssize_t length = read(terminal, text, sizeof(text));
    close(other_end);
    close(terminal);
    g_assert_cmpint(length, >, 0);
    return g_strndup(text, (gsize)length);
}

static void test_colours_are_for_terminals_that_want_them(void)
{
    g_autoptr(FakeRoot) fake = new_root_that_runs();

    g_unsetenv("NO_COLOR");
    g_setenv("TERM", "xterm", TRUE);
    g_autofree char *coloured = show_on_terminal(fake);
    g_setenv("NO_COLOR", "1", TRUE);
    g_autofree char *unwanted = show_on_terminal(fake);
    g_setenv("NO_COLOR", "", TRUE);
    g_autofree char *empty = show_on_terminal(fake);
    g_unsetenv("NO_COLOR");
    g_setenv("TERM", "dumb", TRUE);
    g_autofree char *dumb = show_on_terminal(fake);
    g_assert_nonnull(strchr(coloured, '\033'));
    g_assert_null(strchr(unwanted, '\033'));
    g_assert_nonnull(strchr(empty, '\033'));
    g_assert_null(strchr(dumb, '\033'));
}

static void test_status_of_an_empty_ledger(void)
{
    g_autoptr(FakeRoot) fake = new_root(GOOD);
    g_auto(Called) text = CALL("--root", fake->path, "status");
    g_auto(Called) as_json = CALL("--root", fake->path, "status", "--json");
    g_autoptr(JsonObject) json = parse(as_json.out);

    g_assert_cmpint(text.status, ==, 0);
    g_assert_cmpstr(text.out, ==, "no VM on this node is pinned\n");
    g_assert_cmpint(as_json.status, ==, 0);
    g_assert_true(json_object_is_type(json, json_type_array));
    g_assert_cmpuint(json_object_array_length(json), ==, 0);
}

/// In the name of this process, which lives.
static void write_entry(FakeRoot *fake, guint vmid)
{
    g_autoptr(Ledger) ledger = ledger_lock(fake->root, 1000, NULL);
    g_autoptr(Plan) plan = fake_plan_new(1, "0", "1");
    Process self;

    g_assert_nonnull(ledger);
    g_assert_true(process_identify(fake->root, getpid(), &self, NULL));
    g_assert_true(ledger_write(ledger, vmid, &self, LEDGER_HOOK, plan, NULL, NULL));
}

static void test_status_takes_the_worst_of_all(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new_live();

    write_entry(fake, 100);
    write_entry(fake, 101);
    fake_root_write(fake, "run/pinhook/102.json", "rubbish");
    g_auto(Called) text = CALL("--root", fake->path, "status");
    g_auto(Called) as_json = CALL("--root", fake->path, "status", "--json");
    g_autoptr(JsonObject) json = parse(as_json.out);

    g_assert_cmpint(text.status, ==, 1);
    g_assert_nonnull(strstr(text.out, "VM 100: NOT PROVEN"));
    g_assert_nonnull(strstr(text.out, "VM 101: NOT PROVEN"));
    g_assert_cmpuint(json_object_array_length(json), ==, 2);
    assert_has(json_object_array_get_idx(json, 1), "vmid", "101");
    assert_has(json_object_array_get_idx(json, 1), "proven", "false");
    assert_has(json_object_array_get_idx(json, 1), "threads", "[ ]");
}

static void test_all_goes_with_repair_alone(void)
{
    g_auto(Called) called = CALL("status", "--all");

    g_assert_true(g_str_has_prefix(called.err, "pinhook: --all goes with repair alone"));
}

static void assert_nothing_to_repair(const FakeRoot *fake)
{
    g_auto(Called) text = CALL("--root", fake->path, "repair", "--all");
    g_auto(Called) as_json = CALL("--root", fake->path, "--all", "repair", "--json");
    g_autoptr(JsonObject) json = parse(as_json.out);

    g_assert_cmpint(text.status, ==, 0);
    g_assert_cmpstr(text.out, ==, "");
    g_assert_cmpstr(text.err, ==, "");
    g_assert_cmpint(as_json.status, ==, 0);
    g_assert_cmpstr(as_json.err, ==, "");
    g_assert_true(json_object_is_type(json, json_type_array));
    g_assert_cmpuint(json_object_array_length(json), ==, 0);
}

/// Nor of a VM whose start is under way, or that has ended.
static void test_repair_of_none_says_nothing(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new_live();

    assert_nothing_to_repair(fake);
    g_assert_false(root_exists(fake->root, "run/pinhook"));
    write_entry(fake, 100);
    fake_root_write(fake, "run/pinhook/101.json", "rubbish");
    assert_nothing_to_repair(fake);
}

static void test_repair_of_a_vm_that_does_not_run(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new_live();
    g_auto(Called) called = CALL("--root", fake->path, "repair", "100");

    g_assert_cmpint(called.status, ==, 1);
    g_assert_cmpstr(called.err, ==, "");
    g_assert_nonnull(strstr(called.out, "vm-gone"));
}

static void test_absent_root_is_said(void)
{
    static const char *const doors[][2] = { { "100", "pre-start" }, { "100", "post-stop" },
        { "check", "100" }, { "status", "100" }, { "status", NULL }, { "repair", "100" },
        { "repair", "--all" } };

    for (gsize i = 0; i < G_N_ELEMENTS(doors); i++) {
        g_auto(Called) called = CALL("--root", "/nowhere/at/all", doors[i][0], doors[i][1]);
        g_assert_cmpint(called.status, ==, 3);
        g_assert_cmpstr(called.out, ==, "");
        g_assert_nonnull(strstr(called.err, "/nowhere/at/all"));
    }
}

/* Output that cannot be written. */

static int open_full(void)
{
    return open("/dev/full", O_WRONLY | O_CLOEXEC);
}

static int open_closed_pipe(void)
{
    int ends[2];

    g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
    close(ends[0]);
    return ends[1];
}

/// The exit status where both streams are @fd, which is closed; below 0: none.
static int call_into(int fd, const char *const *arguments)
{
    FILE *const streams[] = { stdout, stderr };
    int saved[G_N_ELEMENTS(streams)];
    const char *argv[MOST_ARGUMENTS + 2] = { 0 };
    int argc = fill_argv(argv, arguments);

    for (gsize i = 0; i < G_N_ELEMENTS(streams); i++) {
        fflush(streams[i]);
        saved[i] = fcntl(fileno(streams[i]), F_DUPFD_CLOEXEC, 10);
        close(fileno(streams[i]));
        g_assert_true(fd < 0 || dup2(fd, fileno(streams[i])) >= 0);
    }
    int status = cli_main(argc, (char **)argv, NULL, TASK);
    for (gsize i = 0; i < G_N_ELEMENTS(streams); i++) {
        fflush(streams[i]);
        clearerr(streams[i]);
        dup2(saved[i], fileno(streams[i]));
        close(saved[i]);
    }
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

/// Whatever a door found out.
static void test_output_that_cannot_be_written_is_an_error(void)
{
    g_autoptr(FakeRoot) fake = new_root(GOOD);
    const char *const doors[][MOST_ARGUMENTS] = { { "--root", fake->path, "check", "100" },
        { "--root", fake->path, "check", "100", "--json" },
        { "--root", fake->path, "100", "pre-start" }, { "--root", fake->path, "100", "post-start" },
        { "--root", fake->path, "plan", "--vcpus", "1" }, { "--root", fake->path, "status" },
        { "--root", fake->path, "status", "100" }, { "--root", fake->path, "repair", "100" },
        { "--root", fake->path, "host" }, { "--root", fake->path, "host", "--xml" }, { "explain" },
        { "explain", "cpu-taken" }, { "explain", "no-such-thing" }, { "--help" }, { "--version" },
        { "nonsense" } };

    for (gsize i = 0; i < G_N_ELEMENTS(doors); i++) {
        g_test_message("%s %s %s", doors[i][0], doors[i][1], doors[i][2]);
        g_assert_cmpint(call_into(open_full(), doors[i]), ==, 3);
        g_assert_cmpint(call_into(open_closed_pipe(), doors[i]), ==, 3);
        g_assert_cmpint(call_into(-1, doors[i]), ==, 3);
    }
}

/// A file that is opened gets the lowest number that is free.
static void test_nothing_is_written_into_what_stands_for_a_closed_stream(void)
{
    g_autoptr(FakeRoot) fake = new_root("cores: 9\n");
    const char *const pre_start[] = { "--root", fake->path, "100", "pre-start", NULL };
    const char *const silent[] = { "--root", fake->path, "100", "pre-stop", NULL };

    g_assert_cmpint(call_into(-1, pre_start), ==, 3);
    g_assert_cmpint(call_into(-1, silent), ==, 0);
    g_auto(GStrv) names = root_list(fake->root, LEDGER_PATH, NULL);
    for (guint i = 0; names != NULL && names[i] != NULL; i++) {
        g_autofree char *path = g_strdup_printf(LEDGER_PATH "/%s", names[i]);
        g_autofree char *text = root_read(fake->root, path, NULL, NULL);
        g_assert_true(text == NULL || strstr(text, "pinhook: ") == NULL);
    }
}

/* Without root. */

/// What @arguments print as nobody does it, where this is root: both streams.
static char *say_as_nobody(const char *const *arguments)
{
    const char *argv[MOST_ARGUMENTS + 2] = { 0 };
    int argc = fill_argv(argv, arguments);
    int status, file = memfd_create("captured", MFD_CLOEXEC);
    GString *text = g_string_new(NULL);
    char chunk[4096];

    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0) {
            _exit(99);
        }
        dup2(file, STDOUT_FILENO);
        dup2(file, STDERR_FILENO);
        _exit(cli_main(argc, (char **)argv, NULL, TASK));
    }
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFEXITED(status));
    g_string_append_printf(text, "exit %d\n", WEXITSTATUS(status));
    g_assert_cmpint(lseek(file, 0, SEEK_SET), ==, 0);
    for (ssize_t got = read(file, chunk, sizeof(chunk)); got > 0;
         got = read(file, chunk, sizeof(chunk))) {
        g_string_append_len(text, chunk, got);
    }
    close(file);
    return g_string_free(text, FALSE);
}

/// As Proxmox has /etc/pve, and pinhook its ledger.
static void test_without_root_it_says_that_it_needs_it(void)
{
    g_autoptr(FakeRoot) fake = new_root(GOOD);
    const char *const doors[][MOST_ARGUMENTS] = { { "--root", fake->path, "check", "100" },
        { "--root", fake->path, "plan", "100" }, { "--root", fake->path, "100", "pre-start" },
        { "--root", fake->path, "100", "post-stop" }, { "--root", fake->path, "status" },
        { "--root", fake->path, "status", "100" }, { "--root", fake->path, "status", "--json" },
        { "--root", fake->path, "repair", "--all" }, { "--root", fake->path, "host" },
        { "--root", fake->path, "host", "--json" } };
    enum { POST_STOP = 3 };
    static const char *const closed[] = { "etc/pve", "run/pinhook", "run/qemu-server" };

    fake_root_write(fake, "run/qemu-server/100.pid", "4711\n");
    fake_root_write(fake, LEDGER_PATH "/100.json", "{}");
    g_autofree char *scratch = g_path_get_dirname(fake->path);
    g_assert_cmpint(chmod(scratch, 0755), ==, 0);
    g_assert_cmpint(chmod(fake->path, 0755), ==, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(closed); i++) {
        g_autofree char *path = fake_root_outside(fake, closed[i]);
        g_assert_cmpint(chmod(path, 0), ==, 0);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(doors); i++) {
        g_autofree char *said = say_as_nobody(doors[i]);
        g_test_message("%s %s: %s", doors[i][2], doors[i][3], said);
        g_assert_nonnull(strstr(said, ": Permission denied; pinhook needs root"));
        g_assert_true(strstr(said, "exit 0\n") == NULL || i == POST_STOP);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(closed); i++) {
        g_autofree char *path = fake_root_outside(fake, closed[i]);
        g_assert_cmpint(chmod(path, 0755), ==, 0);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func(
        "/cli/wrong-arguments-end-with-the-usage", test_wrong_arguments_end_with_the_usage);
    g_test_add_func(
        "/cli/no-argv-at-all-ends-with-the-usage", test_no_argv_at_all_ends_with_the_usage);
    g_test_add_func(
        "/cli/wrong-arguments-are-shown-escaped", test_wrong_arguments_are_shown_escaped);
    g_test_add_func("/cli/other-phases-pass-silently", test_other_phases_pass_silently);
    g_test_add_func("/cli/first-and-last-vmid-are-taken", test_first_and_last_vmid_are_taken);
    g_test_add_func("/cli/version-and-help-go-to-stdout", test_version_and_help_go_to_stdout);
    g_test_add_func("/cli/every-finding-is-explained", test_every_finding_is_explained);
    g_test_add_func("/cli/unknown-finding-is-wrong-usage", test_unknown_finding_is_wrong_usage);
    g_test_add_func("/cli/hook-calls-leave-stdout-alone", test_hook_calls_leave_stdout_alone);
    g_test_add_func(
        "/cli/each-line-of-a-hook-call-names-the-vm", test_each_line_of_a_hook_call_names_the_vm);
    g_test_add_func(
        "/cli/json-of-a-hook-call-goes-to-stderr", test_json_of_a_hook_call_goes_to_stderr);
    g_test_add_func(
        "/cli/json-of-a-refusal-holds-the-findings", test_json_of_a_refusal_holds_the_findings);
    g_test_add_func("/cli/who-called-owns-what-is-reserved", test_who_called_owns_what_is_reserved);
    g_test_add_func("/cli/container-passes-silently", test_container_passes_silently);
    g_test_add_func(
        "/cli/source-node-that-is-a-path-is-refused", test_source_node_that_is_a_path_is_refused);
    g_test_add_func("/cli/config-is-the-source-nodes", test_config_is_the_source_nodes);
    g_test_add_func("/cli/check-answers-on-stdout", test_check_answers_on_stdout);
    g_test_add_func("/cli/check-says-what-is-not-attached", test_check_says_what_is_not_attached);
    g_test_add_func("/cli/host-is-a-map", test_host_is_a_map);
    g_test_add_func("/cli/plan-says-what-check-would-say", test_plan_says_what_check_would_say);
    g_test_add_func("/cli/plan-says-what-check-would-say-of-hot-plug",
        test_plan_says_what_check_would_say_of_hot_plug);
    g_test_add_func("/cli/json-of-a-plan", test_json_of_a_plan);
    g_test_add_func("/cli/no-plan-exits-with-1", test_no_plan_exits_with_1);
    g_test_add_func("/cli/advice-alone-is-printed", test_advice_alone_is_printed);
    g_test_add_func("/cli/what-if-that-is-typed-wrong", test_what_if_that_is_typed_wrong);
    g_test_add_func("/cli/what-if-goes-with-plan-alone", test_what_if_goes_with_plan_alone);
    g_test_add_func("/cli/host-told-of-no-isolation", test_host_that_was_told_of_no_isolation);
    g_test_add_func("/cli/host-without-anything-else", test_host_without_anything_else);
    g_test_add_func("/cli/host-that-is-none", test_host_that_is_none);
    g_test_add_func("/cli/json-of-the-host", test_json_of_the_host);
    g_test_add_func("/cli/xml-of-the-host", test_xml_of_the_host);
    g_test_add_func("/cli/colours-are-for-terminals-that-want-them",
        test_colours_are_for_terminals_that_want_them);
    g_test_add_func("/cli/status-of-an-empty-ledger", test_status_of_an_empty_ledger);
    g_test_add_func("/cli/status-takes-the-worst-of-all", test_status_takes_the_worst_of_all);
    g_test_add_func("/cli/all-goes-with-repair-alone", test_all_goes_with_repair_alone);
    g_test_add_func("/cli/repair-of-none-says-nothing", test_repair_of_none_says_nothing);
    g_test_add_func("/cli/repair-of-a-vm-that-does-not-run", test_repair_of_a_vm_that_does_not_run);
    g_test_add_func("/cli/absent-root-is-said", test_absent_root_is_said);
    g_test_add_func(
        "/cli/output-that-cannot-be-written", test_output_that_cannot_be_written_is_an_error);
    g_test_add_func("/cli/without-root", test_without_root_it_says_that_it_needs_it);
    g_test_add_func("/cli/closed-streams-are-not-taken",
        test_nothing_is_written_into_what_stands_for_a_closed_stream);
    return g_test_run();
}
