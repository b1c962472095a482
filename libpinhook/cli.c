// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli.h"

#include "base/text.h"
#include "bind/ledger.h"
#include "arguments.h"
#include "config.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_NOT = 1, EXIT_USAGE = 2, EXIT_FAILED = 3 };

static gboolean is_number(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* What there is to call. */

/// A way in. A new one is a row of `doors`, and a function.
typedef struct {
    const char *command;  // NULL: what Proxmox calls
    const char *operands; // in brackets what may be left out
    guint least, most;    // so many of them
    const char *help;     // with a colon at its end: options that have no words of their own follow
    int (*walk)(const Arguments *arguments, guint vmid); // vmid 0: none was given
    const char *options[16];                             // beside those that every door takes
} Door;

static int run_hook(const Arguments *arguments, guint vmid);
static int check(const Arguments *arguments, guint vmid);
static int plan(const Arguments *arguments, guint vmid);
static int status(const Arguments *arguments, guint vmid);
static int repair(const Arguments *arguments, guint vmid);
static int host(const Arguments *arguments, guint vmid);
static int explain(const Arguments *arguments, guint vmid);

static const Door doors[] = {
    { NULL, "VMID PHASE", 2, 2,
        "as Proxmox calls a hookscript: pre-start, post-start, pre-stop, post-stop; prints to "
        "stderr only",
        run_hook },
    { "check", "VMID", 1, 1, "what pre-start would say, changing nothing", check },
    { "plan", "[VMID]", 0, 1, "what check would say if:", plan,
        { "config", "vcpus", "topology", "kinds", "llc-sizes", "siblings", "offline", "isolated",
            "pool", "taken", "nodes", "smt", "policy", "advise" } },
    { "status", "[VMID]", 0, 1, "where each thread may run, against the plan", status },
    { "repair", "VMID", 0, 1, "bind again what drifted or was plugged in", repair, { "all" } },
    { "host", "", 0, 0, "the machine: who holds which CPUs, and what to fix", host, { "xml" } },
    { "explain", "[CODE]", 0, 1, "what a finding means and how to fix it", explain },
};

/// The door that is called by @word.
static const Door *find_door(const char *word)
{
    for (gsize i = 0; i < G_N_ELEMENTS(doors); i++) {
        if (doors[i].command == NULL ? is_number(word) : strcmp(doors[i].command, word) == 0) {
            return &doors[i];
        }
    }
    return NULL;
}

static gboolean takes(const Door *door, const Option *option)
{
    gboolean own = FALSE;

    for (gsize i = 0; door->options[i] != NULL && !own; i++) {
        own = strcmp(door->options[i], option->name) == 0;
    }
    return own || option->common;
}

/* Usage. */

enum { USAGE_INDENT = 18, USAGE_WIDTH = 79 };

/// "  @what   @help", with the words of @help broken into lines.
static void add_help(GString *usage, const char *what, const char *help)
{
    g_auto(GStrv) words = g_strsplit(help, " ", -1);
    guint column = USAGE_INDENT;

    g_string_append_printf(usage, "  %-*s", USAGE_INDENT - 2, what);
    for (guint i = 0; words[i] != NULL; i++) {
        guint length = (guint)strlen(words[i]);
        if (column + length > USAGE_WIDTH) {
            g_string_append_printf(usage, "\n%*s", USAGE_INDENT, "");
            column = USAGE_INDENT;
        }
        g_string_append_printf(usage, "%s%s", column > USAGE_INDENT ? " " : "", words[i]);
        column += length + 1;
    }
    g_string_append_c(usage, '\n');
}

/// Each of its options that has words of its own, on a line; @help takes the others.
static void add_options(GString *lines, const Door *door, GString *help)
{
    const Option *option;

    for (guint i = 0; (option = arguments_option(i)) != NULL; i++) {
        if (option->common || !takes(door, option)) {
            continue;
        }
        if (option->help != NULL) {
            g_autofree char *what = g_strdup_printf("%s --%s", door->command, option->name);
            add_help(lines, what, option->help);
        } else {
            g_string_append_printf(help, "%s --%s %s", g_str_has_suffix(help->str, ":") ? "" : ",",
                option->name, option->value);
        }
    }
}

static void add_door(GString *usage, const Door *door)
{
    g_autoptr(GString) help = g_string_new(door->help), lines = g_string_new(NULL);
    g_autofree char *what = door->command != NULL
                                ? g_strconcat(door->command, " ", door->operands, NULL)
                                : g_strdup(door->operands);

    add_options(lines, door, help);
    add_help(usage, what, help->str);
    g_string_append(usage, lines->str);
}

static void add_common_options(GString *usage)
{
    const Option *option;

    for (guint i = 0; (option = arguments_option(i)) != NULL; i++) {
        g_autofree char *what = g_strdup_printf(
            "--%s %s", option->name, option->value != NULL ? option->value : "");
        if (option->common) {
            add_help(usage, what, option->help);
        }
    }
}

static char *make_usage(void)
{
    GString *usage = g_string_new("usage: pinhook [--json] [--root DIR] COMMAND\n\n");

    for (gsize i = 0; i < G_N_ELEMENTS(doors); i++) {
        add_door(usage, &doors[i]);
    }
    g_string_append_c(usage, '\n');
    add_common_options(usage);
    g_string_append(usage,
        "\nVMID is 100 to 999999999. Exit status: 0 good, 1 refused, not proven, or host\n"
        "has findings, 2 wrong usage, 3 could not find out. More: man pinhook\n");
    return g_string_free(usage, FALSE);
}

static void complain(const char *message)
{
    g_autofree char *shown = text_show(message);

    fprintf(stderr, "pinhook: %s\n", shown);
}

static int wrong_usage(const char *format, ...) G_GNUC_PRINTF(1, 2);

static int wrong_usage(const char *format, ...)
{
    g_autofree char *usage = make_usage();
    va_list args;

    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    complain(message);
    fputs(usage, stderr);
    return EXIT_USAGE;
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
        complain(error->message);
    }
    return root;
}

typedef Report *(*Run)(const Call *call);

/// Opens the root, and prints to @out what @run reports.
static int report_on(const Arguments *arguments, guint vmid, Run run, FILE *out)
{
    g_autoptr(Root) root = open_root(arguments);
    if (root == NULL) {
        return EXIT_FAILED;
    }
    Call call = { .root = root,
        .vmid = vmid,
        .migrated_from = arguments->migrated_from,
        .by_name = TRUE,
        .caller = arguments->caller,
        .kernel = &kernel_running };
    g_autoptr(Report) report = run(&call);
    return print_report(out, report, arguments->json);
}

/// One line, for what was typed: the usage of all else would hide it.
static int wrong_option(const char *message)
{
    complain(message);
    return EXIT_USAGE;
}

/// Where the VM's config cannot be had the machine is still worth a plan.
static int plan(const Arguments *arguments, guint vmid)
{
    WhatIf what_if = { .config = arguments->config,
        .policy = arguments->policy,
        .topology = arguments->topology,
        .kinds = arguments->kinds,
        .llc_sizes = arguments->llc_sizes,
        .offline = arguments->offline,
        .siblings = arguments->siblings,
        .isolated = arguments->isolated,
        .pool = arguments->pool,
        .taken = arguments->taken,
        .nodes = arguments->nodes,
        .smt = arguments->smt,
        .vcpus = arguments->vcpus != ARGUMENTS_NO_VCPUS ? (guint)arguments->vcpus : 0 };
    g_autoptr(GError) error = NULL;

    if (vmid == 0 && arguments->config == NULL && arguments->vcpus == ARGUMENTS_NO_VCPUS) {
        return wrong_option("plan what? Give a VMID, --config FILE or --vcpus N");
    }
    if (arguments->vcpus != ARGUMENTS_NO_VCPUS &&
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

static int run_hook(const Arguments *arguments, guint vmid)
{
    static const struct {
        const char *phase;
        Run run;
    } phases[] = {
        { "pre-start", run_pre_start },
        { "post-start", run_post_start },
        { "post-stop", run_post_stop },
    };
    const char *phase = arguments->rest[1];

    /* Words in the wrong order must not look like a phase that succeeded. */
    if (!is_phase(phase) || find_door(phase) != NULL) {
        return wrong_usage("'%s' is no phase", phase);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(phases); i++) {
        if (strcmp(phases[i].phase, phase) == 0) {
            return report_on(arguments, vmid, phases[i].run, stderr);
        }
    }
    return EXIT_OK; // pre-stop, and what Proxmox may add: nothing to do
}

static int check(const Arguments *arguments, guint vmid)
{
    return report_on(arguments, vmid, run_check, stdout);
}

static int fail(const GError *error)
{
    complain(error->message);
    return EXIT_FAILED;
}

/// What is run for every VM of a list.
typedef struct {
    Run run;
    GArray *(*list)(const Root *root, GError **error);
    FILE *(*stream)(const Report *report); // where its lines go
    const char *none;                      // what to say where there is no VM; NULL: nothing
    gboolean changes_alone;                // to the journal
} Round;

/// Whether stderr is the journal of a unit: systemd.exec(5), $JOURNAL_STREAM.
static gboolean is_journal(void)
{
    const char *stream = g_getenv("JOURNAL_STREAM");
    g_autofree char *ours = NULL;
    struct stat info;

    if (stream == NULL || fstat(STDERR_FILENO, &info) < 0) {
        return FALSE;
    }
    ours = g_strdup_printf(
        "%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, (guint64)info.st_dev, (guint64)info.st_ino);
    return strcmp(stream, ours) == 0;
}

/// The journal hears of a VM when that changes: of one that stays unproven once.
static void print_in_round(const Root *root, const Round *round, const Report *report)
{
    FILE *out = round->stream(report);
    g_autofree char *text = report_to_text(report);

    if (round->changes_alone && is_journal() &&
        ledger_told_before(root, report->vmid, out == stderr ? text : "")) {
        return;
    }
    fputs(text, out);
}

/// The JSON is an array, on stdout.
static int report_on_all(const Arguments *arguments, const Round *round)
{
    g_autoptr(Root) root = open_root(arguments);
    if (root == NULL) {
        return EXIT_FAILED;
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) vmids = round->list(root, &error);
    if (vmids == NULL) {
        return fail(error);
    }
    g_autoptr(JsonObject) all = json_object_new_array();
    int worst = EXIT_OK;

    for (guint i = 0; i < vmids->len; i++) {
        Call call = {
            .root = root, .vmid = g_array_index(vmids, guint, i), .kernel = &kernel_running
        };
        g_autoptr(Report) report = round->run(&call);
        if (report->outcome == OUTCOME_SKIPPED && report->note == NULL) {
            continue;
        }
        if (arguments->json) {
            json_object_array_add(all, report_to_json(report));
        } else {
            print_in_round(root, round, report);
        }
        worst = MAX(worst, report_exit_status(report));
    }
    if (arguments->json) {
        print_json(stdout, all);
    } else if (vmids->len == 0 && round->none != NULL) {
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

static const Round status_of_all = { .run = run_status,
    .list = run_list_pinned,
    .stream = stream_of_status,
    .none = "no VM on this node is pinned" };
static const Round repair_of_all = {
    .run = run_repair,
    .list = run_list_repairable,
    .stream = stream_of_repair,
    .changes_alone = TRUE,
};

static int status(const Arguments *arguments, guint vmid)
{
    return vmid != 0 ? report_on(arguments, vmid, run_status, stdout)
                     : report_on_all(arguments, &status_of_all);
}

static int repair(const Arguments *arguments, guint vmid)
{
    if (arguments->all == (vmid != 0)) {
        return wrong_usage("repair takes a VMID, or --all in its place");
    }
    return vmid != 0 ? report_on(arguments, vmid, run_repair, stdout)
                     : report_on_all(arguments, &repair_of_all);
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

static int host(const Arguments *arguments, guint vmid)
{
    if (arguments->xml && arguments->json) {
        return wrong_usage("--xml and --json do not go together");
    }
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

static int explain(const Arguments *arguments, guint vmid)
{
    FindingCode code;
    const FindingCode *which = NULL;

    if (arguments->count == 2) {
        if (!finding_lookup(arguments->rest[1], &code)) {
            g_autofree char *message = g_strdup_printf(
                "there is no finding '%s'; 'pinhook explain' lists them", arguments->rest[1]);
            return wrong_option(message);
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

/// "repair alone": the doors that take @option.
static char *name_takers(const Option *option)
{
    GString *names = g_string_new(NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(doors); i++) {
        if (takes(&doors[i], option)) {
            g_string_append_printf(names, "%s%s", names->len > 0 ? " and " : "", doors[i].command);
        }
    }
    g_string_append(names, " alone");
    return g_string_free(names, FALSE);
}

/// An option that @door does not take; NULL: there is none.
static const Option *find_misplaced(const Arguments *arguments, const Door *door)
{
    const Option *option = NULL;

    for (guint i = 0; (option = arguments_option(i)) != NULL; i++) {
        if (arguments_has(arguments, option) && !takes(door, option)) {
            break;
        }
    }
    return option;
}

static int walk_through(const Arguments *arguments)
{
    const char *word = arguments->count > 0 ? arguments->rest[0] : NULL;
    const Door *door = word != NULL ? find_door(word) : NULL;
    guint command = door != NULL && door->command != NULL ? 1 : 0, vmid = 0;

    if (word == NULL) {
        return wrong_usage("a command is missing");
    }
    if (door == NULL || arguments->count < command + door->least ||
        arguments->count > command + door->most) {
        return wrong_usage("'%s' with %u arguments is no command", word, arguments->count - 1);
    }
    const Option *misplaced = find_misplaced(arguments, door);
    if (misplaced != NULL) {
        g_autofree char *takers = name_takers(misplaced);
        return wrong_usage("--%s goes with %s", misplaced->name, takers);
    }
    if (strstr(door->operands, "VMID") != NULL && arguments->count > command &&
        !parse_vmid(arguments->rest[command], &vmid)) {
        return wrong_usage("'%s' is no VMID", arguments->rest[command]);
    }
    return door->walk(arguments, vmid);
}

static int run(int argc, char **argv, const char *migrated_from, int caller)
{
    g_auto(Arguments) arguments = { .caller = caller };
    g_autoptr(GError) error = NULL;

    if (migrated_from != NULL && *migrated_from != '\0') {
        if (!is_node_name(migrated_from)) {
            return wrong_usage("PVE_MIGRATED_FROM '%s' is no node", migrated_from);
        }
        arguments.migrated_from = migrated_from;
    }
    if (!arguments_parse(&arguments, argc, argv, &error)) {
        return wrong_usage("%s", error->message);
    }
    if (arguments.help) {
        g_autofree char *usage = make_usage();
        fputs(usage, stdout);
        return EXIT_OK;
    }
    if (arguments.version) {
        printf("pinhook %s\n", PINHOOK_VERSION);
        return EXIT_OK;
    }
    return walk_through(&arguments);
}

/// What is opened later must not come to stand where lines are written to; what is written to one
/// that was closed fails.
static void occupy_standard_streams(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        close(fd);
    }
}

/// What nobody could be told is not known to anybody, whatever came out.
static int look_at_output(int status)
{
    errno = 0;
    gboolean told = fflush(stdout) == 0;
    int why = errno;

    told &= ferror(stdout) == 0;
    if (told && ferror(stderr) == 0) {
        return status;
    }
    if (!told) {
        g_autofree char *message = g_strconcat("cannot write to stdout", why != 0 ? ": " : "",
            why != 0 ? g_strerror(why) : NULL, NULL);
        complain(message);
    }
    return EXIT_FAILED;
}

int cli_main(int argc, char **argv, const char *migrated_from, int caller)
{
    occupy_standard_streams();
    signal(SIGPIPE, SIG_IGN); // a pipe that was closed is an error like others
    return look_at_output(run(argc, argv, migrated_from, caller));
}
