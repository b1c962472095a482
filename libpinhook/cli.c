// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli.h"

#include "bind/ledger.h"
#include "pinhook.h"
#include "run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_NOT = 1, EXIT_USAGE = 2, EXIT_FAILED = 3 };

static const char usage[] =
    "usage: pinhook [--json] [--root DIR] COMMAND\n"
    "\n"
    "  VMID PHASE      as Proxmox calls a hookscript: pre-start, post-start,\n"
    "                  pre-stop, post-stop; prints to stderr only\n"
    "  check VMID      what pre-start would say, changing nothing\n"
    "  plan [VMID]     what check would say if: --config FILE, --vcpus N,\n"
    "                  --topology FILE.xml|TEXT, --isolated LIST, --pool LIST,\n"
    "                  --taken LIST, --nodes LIST, --smt MODE, --policy FILE;\n"
    "                  --advise: the qm set lines for the best plan\n"
    "  status [VMID]   where each thread may run, against the plan\n"
    "  repair VMID     bind again what drifted or was plugged in\n"
    "  repair --all    the same for every VM that was bound\n"
    "  host            the machine: who holds which CPUs, and what to fix\n"
    "  host --xml      the same for lstopo, which draws it\n"
    "  explain [CODE]  what a finding means and how to fix it\n"
    "\n"
    "  --json          JSON instead of lines\n"
    "  --root DIR      a directory that stands for /\n"
    "  --version, --help\n"
    "\n"
    "VMID is 100 to 999999999. Exit status: 0 good, 1 refused, not proven, or host\n"
    "has findings, 2 wrong usage, 3 could not find out. More: man pinhook\n";

/// --vcpus was not given.
#define NO_VCPUS G_MININT

/// What the options said, and what is left of the arguments.
typedef struct {
    gboolean json, xml, all, version, help, advise;
    int vcpus;
    char *root;
    char *config, *policy, *topology, *isolated, *pool, *taken, *nodes, *smt; // of `plan`
    char **rest;
    guint count;
    const char *migrated_from;
    int caller;
} Arguments;

static void arguments_clear(Arguments *arguments)
{
    g_free(arguments->root);
    g_free(arguments->config);
    g_free(arguments->policy);
    g_free(arguments->topology);
    g_free(arguments->isolated);
    g_free(arguments->pool);
    g_free(arguments->taken);
    g_free(arguments->nodes);
    g_free(arguments->smt);
    g_strfreev(arguments->rest);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_clear)

static int wrong_usage(const char *format, ...) G_GNUC_PRINTF(1, 2);

static int wrong_usage(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *shown = g_strescape(message, NULL);
    fprintf(stderr, "pinhook: %s\n%s", shown, usage);
    return EXIT_USAGE;
}

/// Takes the options out of @argv, wherever they stand.
static gboolean parse_options(int argc, char **argv, Arguments *arguments, GError **error)
{
    g_auto(GStrv) copy = g_new0(char *, argc + 1);
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    const GOptionEntry entries[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &arguments->json, NULL, NULL },
        { "xml", 0, 0, G_OPTION_ARG_NONE, &arguments->xml, NULL, NULL },
        { "all", 0, 0, G_OPTION_ARG_NONE, &arguments->all, NULL, NULL },
        { "root", 0, 0, G_OPTION_ARG_FILENAME, &arguments->root, NULL, NULL },
        { "config", 0, 0, G_OPTION_ARG_FILENAME, &arguments->config, NULL, NULL },
        { "policy", 0, 0, G_OPTION_ARG_FILENAME, &arguments->policy, NULL, NULL },
        { "topology", 0, 0, G_OPTION_ARG_FILENAME, &arguments->topology, NULL, NULL },
        { "isolated", 0, 0, G_OPTION_ARG_STRING, &arguments->isolated, NULL, NULL },
        { "pool", 0, 0, G_OPTION_ARG_STRING, &arguments->pool, NULL, NULL },
        { "taken", 0, 0, G_OPTION_ARG_STRING, &arguments->taken, NULL, NULL },
        { "nodes", 0, 0, G_OPTION_ARG_STRING, &arguments->nodes, NULL, NULL },
        { "smt", 0, 0, G_OPTION_ARG_STRING, &arguments->smt, NULL, NULL },
        { "vcpus", 0, 0, G_OPTION_ARG_INT, &arguments->vcpus, NULL, NULL },
        { "advise", 0, 0, G_OPTION_ARG_NONE, &arguments->advise, NULL, NULL },
        { "version", 0, 0, G_OPTION_ARG_NONE, &arguments->version, NULL, NULL },
        { "help", 'h', 0, G_OPTION_ARG_NONE, &arguments->help, NULL, NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &arguments->rest, NULL, NULL },
        { NULL },
    };

    for (int i = 0; i < argc; i++) {
        copy[i] = g_strdup(argv[i]);
    }
    g_option_context_set_help_enabled(context, FALSE); // GLib's own help exits
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse_strv(context, &copy, error)) {
        return FALSE;
    }
    arguments->count = arguments->rest != NULL ? g_strv_length(arguments->rest) : 0;
    return TRUE;
}

static gboolean is_number(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/// Valid ids: PVE::JSONSchema, pve-vmid.
static gboolean parse_vmid(const char *text, guint *vmid)
{
    guint64 wide;

    if (!is_number(text) || !g_ascii_string_to_unsigned(text, 10, 100, 999999999, &wide, NULL)) {
        return FALSE;
    }
    *vmid = (guint)wide;
    return TRUE;
}

/// A word such as Proxmox names its phases by; it may add some.
static gboolean is_phase(const char *text)
{
    return g_ascii_islower(*text) &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

/// Words in the wrong order must not look like a phase that succeeded.
static gboolean is_command(const char *text)
{
    static const char *const commands[] = { "check", "plan", "status", "repair", "host", "explain",
        NULL };

    return g_strv_contains(commands, text);
}

/// A hostname: what else it were would be a path.
static gboolean is_node_name(const char *name)
{
    return g_ascii_isalnum(*name) &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")] ==
               '\0';
}

static void print_json(FILE *out, JsonObject *json)
{
    fprintf(out, "%s\n",
        json_object_to_json_string_ext(
            json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/// Prints the report and returns its exit status.
static int print_report(FILE *out, const Report *report, gboolean as_json)
{
    if (as_json) {
        g_autoptr(JsonObject) json = report_to_json(report);
        print_json(out, json);
    } else {
        g_autofree char *text = report_to_text(report);
        fputs(text, out);
    }
    return report_exit_status(report);
}

/* The doors. */

static Root *open_root(const Arguments *arguments)
{
    g_autoptr(GError) error = NULL;
    Root *root = root_open(arguments->root != NULL ? arguments->root : "/", &error);

    if (root == NULL) {
        fprintf(stderr, "pinhook: %s\n", error->message);
    }
    return root;
}

typedef Report *(*Door)(const Call *call);

/// Opens the root, calls @door and prints to @out what it reports.
static int walk_through(const Arguments *arguments, guint vmid, Door door, FILE *out)
{
    g_autoptr(Root) root = open_root(arguments);
    if (root == NULL) {
        return EXIT_FAILED;
    }
    Call call = { .root = root,
        .vmid = vmid,
        .migrated_from = arguments->migrated_from,
        .caller = arguments->caller,
        .kernel = &kernel_running };
    g_autoptr(Report) report = door(&call);
    return print_report(out, report, arguments->json);
}

static gboolean has_what_if(const Arguments *arguments)
{
    return arguments->config != NULL || arguments->policy != NULL || arguments->topology != NULL ||
           arguments->isolated != NULL || arguments->pool != NULL || arguments->taken != NULL ||
           arguments->nodes != NULL || arguments->smt != NULL || arguments->vcpus != NO_VCPUS ||
           arguments->advise;
}

/// One line, for what was typed: the usage of all else would hide it.
static int wrong_option(const char *message)
{
    g_autofree char *shown = g_strescape(message, NULL);

    fprintf(stderr, "pinhook: %s\n", shown);
    return EXIT_USAGE;
}

/// Where the VM's config cannot be had the machine is still worth a plan.
static int plan(const Arguments *arguments)
{
    WhatIf what_if = { .config = arguments->config,
        .policy = arguments->policy,
        .topology = arguments->topology,
        .isolated = arguments->isolated,
        .pool = arguments->pool,
        .taken = arguments->taken,
        .nodes = arguments->nodes,
        .smt = arguments->smt,
        .vcpus = arguments->vcpus != NO_VCPUS ? (guint)arguments->vcpus : 0 };
    g_autoptr(GError) error = NULL;
    guint vmid = 0;

    if (arguments->count == 2 && !parse_vmid(arguments->rest[1], &vmid)) {
        return wrong_usage("'%s' is no VMID", arguments->rest[1]);
    }
    if (vmid == 0 && arguments->config == NULL && arguments->vcpus == NO_VCPUS) {
        return wrong_option("plan what? Give a VMID, --config FILE or --vcpus N");
    }
    if (arguments->vcpus != NO_VCPUS &&
        (arguments->vcpus < 1 || arguments->vcpus > VMCONFIG_VCPU_LIMIT)) {
        return wrong_option("--vcpus: it is 1 to " G_STRINGIFY(VMCONFIG_VCPU_LIMIT));
    }
    g_autoptr(Root) root = open_root(arguments);
    if (root == NULL) {
        return EXIT_FAILED;
    }
    Call call = { .root = root, .vmid = vmid, .kernel = &kernel_running };
    g_autoptr(Report) report = run_plan(&call, &what_if, arguments->advise, &error);
    if (report == NULL) {
        return wrong_option(error->message);
    }
    return print_report(stdout, report, arguments->json);
}

static int run_hook(const Arguments *arguments)
{
    static const struct {
        const char *phase;
        Door door;
    } phases[] = {
        { "pre-start", run_pre_start },
        { "post-start", run_post_start },
        { "post-stop", run_post_stop },
    };
    const char *phase = arguments->rest[1];
    guint vmid;

    if (!parse_vmid(arguments->rest[0], &vmid)) {
        return wrong_usage("'%s' is no VMID", arguments->rest[0]);
    }
    if (!is_phase(phase) || is_command(phase)) {
        return wrong_usage("'%s' is no phase", phase);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(phases); i++) {
        if (strcmp(phases[i].phase, phase) == 0) {
            return walk_through(arguments, vmid, phases[i].door, stderr);
        }
    }
    return EXIT_OK; // pre-stop, and what Proxmox may add: nothing to do
}

static int run_one(const Arguments *arguments, Door door)
{
    guint vmid;

    if (!parse_vmid(arguments->rest[1], &vmid)) {
        return wrong_usage("'%s' is no VMID", arguments->rest[1]);
    }
    return walk_through(arguments, vmid, door, stdout);
}

/// A door that is gone through for every VM that holds CPUs.
typedef struct {
    Door door;
    gboolean running_only;                 // not for VMs whose start is under way
    FILE *(*stream)(const Report *report); // where its lines go
    const char *none;                      // what to say where there is no VM; NULL: nothing
} Round;

/// The JSON is an array, on stdout.
static int walk_through_all(const Arguments *arguments, const Round *round)
{
    g_autoptr(Root) root = open_root(arguments);
    if (root == NULL) {
        return EXIT_FAILED;
    }
    g_autoptr(GArray) vmids = ledger_list(root);
    g_autoptr(JsonObject) all = json_object_new_array();
    int worst = EXIT_OK;
    guint shown = 0;

    for (guint i = 0; i < vmids->len; i++) {
        g_autoptr(LedgerEntry) held = ledger_read(root, g_array_index(vmids, guint, i));
        if (held == NULL || (round->running_only && !held->owner_is_qemu)) {
            continue; // without an owner that lives it counts for nothing
        }
        Call call = { .root = root, .vmid = held->vmid, .kernel = &kernel_running };
        g_autoptr(Report) report = round->door(&call);
        if (arguments->json) {
            json_object_array_add(all, report_to_json(report));
        } else {
            print_report(round->stream(report), report, FALSE);
        }
        worst = MAX(worst, report_exit_status(report));
        shown++;
    }
    if (arguments->json) {
        print_json(stdout, all);
    } else if (shown == 0 && round->none != NULL) {
        puts(round->none);
    }
    return worst;
}

static FILE *stream_of_status(const Report *report)
{
    return stdout;
}

/// What needs no attention goes to stdout, which a timer's unit drops.
static FILE *stream_of_repair(const Report *report)
{
    gboolean moved = report->observed != NULL && report->observed->moved > 0;
    gboolean released = report->guest == GUEST_RELEASED;

    return moved || released || report_exit_status(report) != EXIT_OK ? stderr : stdout;
}

static const Round status_of_all = {
    .door = run_status, .stream = stream_of_status, .none = "no VM on this node is pinned"
};
static const Round repair_of_all = {
    .door = run_repair, .running_only = TRUE, .stream = stream_of_repair
};

static int fail(const GError *error)
{
    fprintf(stderr, "pinhook: %s\n", error->message);
    return EXIT_FAILED;
}

static int draw_picture(const Call *call)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *xml = run_picture(call, &error);

    if (xml == NULL) {
        return fail(error);
    }
    fputs(xml, stdout);
    return EXIT_OK;
}

/// Colours are for a terminal that has them and a user who wants them: https://no-color.org.
static MapStyle style_of_stdout(void)
{
    const char *unwanted = g_getenv("NO_COLOR"), *terminal = g_getenv("TERM");
    gboolean plain = (unwanted != NULL && *unwanted != '\0') || g_strcmp0(terminal, "dumb") == 0 ||
                     !isatty(STDOUT_FILENO);

    return plain ? MAP_PLAIN : MAP_COLOURED;
}

static int show_host(const Arguments *arguments)
{
    g_autoptr(Root) root = open_root(arguments);
    if (root == NULL) {
        return EXIT_FAILED;
    }
    Call call = { .root = root, .kernel = &kernel_running };
    if (arguments->xml) {
        return draw_picture(&call);
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(HostReport) report = run_host(&call, &error);
    if (report == NULL) {
        return fail(error);
    }
    if (arguments->json) {
        g_autoptr(JsonObject) json = hostreport_to_json(report);
        print_json(stdout, json);
    } else {
        g_autofree char *text = hostreport_to_text(report, style_of_stdout());
        fputs(text, stdout);
    }
    return hostreport_exit_status(report);
}

static int explain(const Arguments *arguments)
{
    FindingCode code;
    const FindingCode *which = NULL;

    if (arguments->count == 2) {
        if (!finding_lookup(arguments->rest[1], &code)) {
            g_autofree char *shown = g_strescape(arguments->rest[1], NULL);
            fprintf(
                stderr, "pinhook: there is no finding '%s'; 'pinhook explain' lists them\n", shown);
            return EXIT_USAGE;
        }
        which = &code;
    }
    if (arguments->json) {
        g_autoptr(JsonObject) json = report_explain_json(which);
        print_json(stdout, json);
    } else {
        g_autofree char *text = report_explain(which);
        fputs(text, stdout);
    }
    return EXIT_OK;
}

static int run_command(const Arguments *arguments)
{
    const char *command = arguments->count > 0 ? arguments->rest[0] : NULL;

    if (command == NULL) {
        return wrong_usage("a command is missing");
    }
    if (arguments->all && (strcmp(command, "repair") != 0 || arguments->count != 1)) {
        return wrong_usage("--all goes with repair alone, in place of a VMID");
    }
    if (strcmp(command, "plan") == 0 && arguments->count <= 2) {
        return plan(arguments);
    }
    if (has_what_if(arguments)) {
        return wrong_usage("what-if options go with plan alone");
    }
    if (arguments->xml && (strcmp(command, "host") != 0 || arguments->json)) {
        return wrong_usage("--xml goes with host alone, and not with --json");
    }
    if (is_number(command) && arguments->count == 2) {
        return run_hook(arguments);
    }
    if (strcmp(command, "check") == 0 && arguments->count == 2) {
        return run_one(arguments, run_check);
    }
    if (strcmp(command, "status") == 0 && arguments->count == 2) {
        return run_one(arguments, run_status);
    }
    if (strcmp(command, "status") == 0 && arguments->count == 1) {
        return walk_through_all(arguments, &status_of_all);
    }
    if (strcmp(command, "repair") == 0 && arguments->count == 2) {
        return run_one(arguments, run_repair);
    }
    if (strcmp(command, "repair") == 0 && arguments->all) {
        return walk_through_all(arguments, &repair_of_all);
    }
    if (strcmp(command, "host") == 0 && arguments->count == 1) {
        return show_host(arguments);
    }
    if (strcmp(command, "explain") == 0 && arguments->count <= 2) {
        return explain(arguments);
    }
    return wrong_usage("'%s' with %u arguments is no command", command, arguments->count - 1);
}

int cli_main(int argc, char **argv, const char *migrated_from, int caller)
{
    g_auto(Arguments) arguments = { .caller = caller, .vcpus = NO_VCPUS };
    g_autoptr(GError) error = NULL;

    if (migrated_from != NULL && *migrated_from != '\0') {
        if (!is_node_name(migrated_from)) {
            return wrong_usage("PVE_MIGRATED_FROM '%s' is no node", migrated_from);
        }
        arguments.migrated_from = migrated_from;
    }
    if (!parse_options(argc, argv, &arguments, &error)) {
        return wrong_usage("%s", error->message);
    }
    if (arguments.help) {
        fputs(usage, stdout);
        return EXIT_OK;
    }
    if (arguments.version) {
        printf("pinhook %s\n", pinhook_version());
        return EXIT_OK;
    }
    return run_command(&arguments);
}
