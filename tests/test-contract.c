// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/policy.h"
#include "fakes/real-qemu.h"
#include "fakes/scratch.h"

#include <glib/gstdio.h>
#include <string.h>

#define LIBRARY "libpinhook.so.0"

/* The library, its map and its header. */

static char *library_path(void)
{
    return g_build_filename(g_getenv("PINHOOK_LIBRARY_DIR"), LIBRARY, NULL);
}

static char *read_file(const char *directory, const char *name)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

static char *read_source(const char *name)
{
    return read_file(g_getenv("PINHOOK_SOURCE_DIR"), name);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/// What @pattern's first group matches in @text, sorted, one a line.
static char *find_names(const char *text, const char *pattern)
{
    g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_MULTILINE, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    g_assert_nonnull(regex);
    for (g_regex_match(regex, text, 0, &match); g_match_info_matches(match);
         g_match_info_next(match, NULL)) {
        g_ptr_array_add(names, g_match_info_fetch(match, 1));
    }
    g_ptr_array_sort(names, compare_names);
    g_ptr_array_add(names, NULL);
    return g_strjoinv("\n", (char **)names->pdata);
}

/// FALSE: the test is skipped.
static gboolean has_program(const char *name)
{
    g_autofree char *path = g_find_program_in_path(name);

    if (path == NULL) {
        g_autofree char *reason = g_strdup_printf("there is no %s", name);
        g_test_skip(reason);
    }
    return path != NULL;
}

static char *ask_readelf(const char *option, const char *path)
{
    const char *argv[] = { "readelf", "-W", option, path, NULL };
    g_autoptr(Ended) ended = run_program(argv, NULL);

    g_assert_cmpint(ended->exit_status, ==, 0);
    return g_steal_pointer(&ended->out);
}

/// The functions that the header declares.
static char *declared_functions(void)
{
    g_autofree char *header = read_source("libpinhook/pinhook.h");

    return find_names(header, "^PINHOOK_API [^;(]*?(\\w+)\\(");
}

static void test_map_is_the_header(void)
{
    g_autofree char *map = read_source("libpinhook/libpinhook.map");
    g_autofree char *mapped = find_names(map, "^ +(\\w+);$");
    g_autofree char *declared = declared_functions();

    g_assert_cmpstr(declared, !=, "");
    g_assert_cmpstr(mapped, ==, declared);
}

static void test_library_exports_the_header(void)
{
    if (!has_program("readelf")) {
        return;
    }
    g_autofree char *path = library_path();
    g_autofree char *symbols = ask_readelf("--dyn-syms", path);
    g_autofree char *exported = find_names(
        symbols, "(?:GLOBAL|WEAK) +DEFAULT +(?!UND|ABS)\\w+ +(\\w+)");
    g_autofree char *declared = declared_functions();

    g_assert_cmpstr(exported, ==, declared);
}

static void test_soname(void)
{
    if (!has_program("readelf")) {
        return;
    }
    g_autofree char *path = library_path();
    g_autofree char *dynamic = ask_readelf("-d", path);

    g_assert_nonnull(strstr(dynamic, "soname: [" LIBRARY "]"));
}

/// The flags that a user of GLib compiles with.
static GStrv glib_flags(void)
{
    const char *argv[] = { "pkg-config", "--cflags", "glib-2.0", NULL };
    g_autoptr(Ended) ended = run_program(argv, NULL);

    g_assert_cmpint(ended->exit_status, ==, 0);
    return g_strsplit(g_strstrip(ended->out), " ", -1);
}

/// @data: the compiler and the name of a file in its language.
static void test_header_stands_alone(gconstpointer data)
{
    const char *const *language = data;
    if (!has_program(language[0]) || !has_program("pkg-config")) {
        return;
    }
    g_auto(GStrv) flags = glib_flags();
    g_autofree char *directory = scratch_new();
    g_autofree char *code = g_build_filename(directory, language[1], NULL);
    g_autofree char *include = g_strconcat(
        "-I", g_getenv("PINHOOK_SOURCE_DIR"), "/libpinhook", NULL);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    const char *const first[] = { language[0], "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
        include, code };

    for (guint i = 0; i < G_N_ELEMENTS(first); i++) {
        g_ptr_array_add(argv, (gpointer)first[i]);
    }
    for (guint i = 0; i <= g_strv_length(flags); i++) {
        g_ptr_array_add(argv, flags[i]);
    }
    g_assert_true(g_file_set_contents(code, "#include <pinhook.h>\n", -1, NULL));
    g_autoptr(Ended) ended = run_program((const char *const *)argv->pdata, NULL);
    scratch_remove(directory);
    g_assert_cmpstr(ended->err, ==, "");
    g_assert_cmpint(ended->exit_status, ==, 0);
}

/* How it was built. */

/// FALSE: the test is skipped. A build for the sanitizers is not the one that is installed.
static gboolean is_hardened_build(void)
{
    if (!has_program("readelf")) {
        return FALSE;
    }
    g_autofree char *path = library_path();
    g_autofree char *symbols = ask_readelf("--dyn-syms", path);

    if (strstr(symbols, "__asan_") != NULL || strstr(symbols, "__ubsan_") != NULL) {
        g_test_skip("built with sanitizers");
        return FALSE;
    }
    return TRUE;
}

static void assert_matches(const char *text, const char *pattern)
{
    if (!g_regex_match_simple(pattern, text, G_REGEX_MULTILINE, 0)) {
        g_error("'%s' is nowhere in: %s", pattern, text);
    }
}

/// Read-only after relocation, all of it at once, and no stack that can be executed.
static void assert_is_hardened(const char *path)
{
    g_autofree char *dynamic = ask_readelf("-d", path);
    g_autofree char *segments = ask_readelf("-l", path);

    assert_matches(dynamic, "\\(FLAGS(_1)?\\).*NOW");
    assert_matches(segments, "^ +GNU_RELRO ");
    assert_matches(segments, "^ +GNU_STACK .* RW +0x");
}

static void test_library_is_hardened(void)
{
    if (!is_hardened_build()) {
        return;
    }
    g_autofree char *path = library_path();
    g_autofree char *symbols = ask_readelf("--dyn-syms", path);

    assert_is_hardened(path);
    assert_matches(symbols, "UND __stack_chk_fail");
#ifdef __OPTIMIZE__
    assert_matches(symbols, "UND __\\w+_chk");
#endif
}

static void test_launcher_is_hardened(void)
{
    if (!is_hardened_build()) {
        return;
    }
    const char *path = g_getenv("PINHOOK_LAUNCHER");
    g_autofree char *header = ask_readelf("-h", path);
    g_autofree char *dynamic = ask_readelf("-d", path);
    g_autofree char *symbols = ask_readelf("--dyn-syms", path);

    assert_is_hardened(path);
    assert_matches(header, "Type: +DYN");
    assert_matches(dynamic, "\\(FLAGS_1\\).*PIE");
    assert_matches(symbols, "UND __stack_chk_fail");
}

/* What is written of it. */

/// Roff writes a hyphen that may be copied as "\-".
static char *read_manual(const char *page)
{
    g_autofree char *text = read_file(g_getenv("PINHOOK_MANUAL"), page);
    g_auto(GStrv) parts = g_strsplit(text, "\\-", -1);

    return g_strjoinv("-", parts);
}

static void assert_has_word(const char *name, const char *text, const char *word)
{
    g_autofree char *escaped = g_regex_escape_string(word, -1);
    g_autofree char *pattern = g_strdup_printf("(?<![\\w-])%s(?![\\w-])", escaped);

    if (!g_regex_match_simple(pattern, text, G_REGEX_MULTILINE, 0)) {
        g_error("%s has no word '%s'", name, word);
    }
}

static void test_manual_has_every_code(void)
{
    g_autofree char *text = read_manual("pinhook.8");

    for (guint i = 0; i < FINDING_COUNT; i++) {
        assert_has_word("pinhook.8.in", text, finding_kind(i)->name);
    }
}

static void test_manual_and_readme_have_every_key(void)
{
    g_autofree char *manual = read_manual("pinhook.conf.5");
    g_autofree char *readme = read_source("README.md");
    const PolicyKey *key;

    for (guint i = 0; (key = policy_key(i)) != NULL; i++) {
        assert_has_word("pinhook.conf.5.in", manual, key->name);
        if (strcmp(key->name, "check.CODE") != 0) {
            assert_has_word("README.md", readme, key->name);
        }
    }
}

/// Commands and options that the usage tells of; commands also in the README.
static void test_all_texts_have_every_command(void)
{
    const char *argv[] = { g_getenv("PINHOOK_LAUNCHER"), "--help", NULL };
    g_autoptr(Ended) help = run_program(argv, NULL);
    g_autofree char *manual = read_manual("pinhook.8");
    g_autofree char *readme = read_source("README.md");
    g_autofree char *completion = read_source("hook/pinhook.bash-completion");
    g_autofree char *commands = find_names(help->out, "^  ([a-z]+) ");
    g_autofree char *options = find_names(help->out, "(--[a-z]+(?:-[a-z]+)*)");
    g_auto(GStrv) each_command = g_strsplit(commands, "\n", -1);
    g_auto(GStrv) each_option = g_strsplit(options, "\n", -1);

    g_assert_cmpuint(g_strv_length(each_command), >=, 6);
    g_assert_cmpuint(g_strv_length(each_option), >=, 20);
    for (guint i = 0; each_command[i] != NULL; i++) {
        assert_has_word("pinhook.8.in", manual, each_command[i]);
        assert_has_word("README.md", readme, each_command[i]);
        assert_has_word("pinhook.bash-completion", completion, each_command[i]);
    }
    for (guint i = 0; each_option[i] != NULL; i++) {
        assert_has_word("pinhook.8.in", manual, each_option[i]);
        assert_has_word("pinhook.bash-completion", completion, each_option[i]);
    }
}

/// What @command prints, where pinhook is the one that was built. The caller frees it.
static char *type(const char *command)
{
    g_autofree char *directory = g_path_get_dirname(g_getenv("PINHOOK_LAUNCHER"));
    g_autofree char *script = g_strdup_printf("PATH=%s:$PATH; %s", directory, command);
    const char *argv[] = { "sh", "-c", script, NULL };
    g_autoptr(Ended) ended = run_program(argv, NULL);

    g_assert_cmpstr(ended->err, ==, "");
    return g_steal_pointer(&ended->out);
}

/// On machines that are only described, so that it is the same everywhere.
static void test_readme_plans(void)
{
    g_autofree char *readme = read_source("README.md");
    char *block = strstr(readme, "```\n$ pinhook plan ");
    g_assert_nonnull(block);
    block += strlen("```\n$ ");
    *strstr(block, "```") = '\0';
    g_auto(GStrv) examples = g_strsplit(block, "\n$ ", -1);

    for (guint i = 0; examples[i] != NULL; i++) {
        char *expected = strchr(examples[i], '\n');
        *expected++ = '\0';
        g_autofree char *printed = type(examples[i]);
        g_assert_cmpstr(g_strchomp(printed), ==, g_strchomp(expected));
    }
}

/// It is read in a terminal, and at one go.
static void test_readme_is_short(void)
{
    g_autofree char *readme = read_source("README.md");
    g_auto(GStrv) lines = g_strsplit(readme, "\n", -1);

    g_assert_cmpuint(g_strv_length(lines), <=, 180);
    for (guint i = 0; lines[i] != NULL; i++) {
        g_test_message("%s", lines[i]);
        g_assert_cmpint(g_utf8_strlen(lines[i], -1), <=, 120);
    }
}

/* The timer. */

/// It runs where either a VM runs or something was left behind: /run/pinhook is there only once a
/// start has made it.
static void test_unit_needs_no_ledger(void)
{
    g_autofree char *unit = read_source("hook/pinhook-repair.service");
    g_autofree char *all = find_names(unit, "^Condition[A-Za-z]*=(.*)$");

    g_assert_cmpstr(all, ==, "|/run/pinhook/*.json\n|/run/qemu-server/*.pid");
}

int main(int argc, char **argv)
{
    static const char *const c[] = { "cc", "alone.c" };
    static const char *const cplusplus[] = { "c++", "alone.cc" };

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/contract/map-is-the-header", test_map_is_the_header);
    g_test_add_func("/contract/library-exports-the-header", test_library_exports_the_header);
    g_test_add_func("/contract/soname-is-what-the-launcher-opens", test_soname);
    g_test_add_data_func("/contract/header-stands-alone-in-c", c, test_header_stands_alone);
    g_test_add_data_func(
        "/contract/header-stands-alone-in-c++", cplusplus, test_header_stands_alone);
    g_test_add_func("/contract/library-is-hardened", test_library_is_hardened);
    g_test_add_func("/contract/launcher-is-hardened", test_launcher_is_hardened);
    g_test_add_func("/contract/manual-has-every-code", test_manual_has_every_code);
    g_test_add_func(
        "/contract/manual-and-readme-have-every-key", test_manual_and_readme_have_every_key);
    g_test_add_func("/contract/all-texts-have-every-command", test_all_texts_have_every_command);
    g_test_add_func("/contract/readme-plans-are-what-is-printed", test_readme_plans);
    g_test_add_func("/contract/readme-is-short", test_readme_is_short);
    g_test_add_func("/contract/unit-needs-no-ledger", test_unit_needs_no_ledger);
    return g_test_run();
}
