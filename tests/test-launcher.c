// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/real-qemu.h"
#include "fakes/scratch.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libpinhook.so.0"

/// FALSE: the test is skipped. With a library on the system none is ever missing.
static gboolean system_has_no_library(void)
{
    g_autoptr(Installed) installed = installed_new_without_library();
    const char *argv[] = { installed->program, "--version", NULL };
    g_autoptr(Ended) ended = run_program(argv, NULL);
    gboolean installed_here = *ended->out != '\0';

    if (installed_here) {
        g_test_skip("this system has " LIBRARY " installed");
    }
    return !installed_here;
}

static void put_library(const Installed *installed, const char *bytes, gsize length)
{
    g_autofree char *path = g_build_filename(installed->directory, LIBRARY, NULL);
    g_autoptr(GError) error = NULL;

    g_file_set_contents(path, bytes, (gssize)length, &error);
    g_assert_no_error(error);
}

/// The library that was built; the caller frees it.
static char *read_library(gsize *length)
{
    g_autofree char *path = g_build_filename(g_getenv("PINHOOK_LIBRARY_DIR"), LIBRARY, NULL);
    g_autoptr(GError) error = NULL;
    char *bytes = NULL;

    g_file_get_contents(path, &bytes, length, &error);
    g_assert_no_error(error);
    return bytes;
}

static Ended *call(const Installed *installed, const char *phase, const char *env)
{
    const char *argv[] = { installed->program, "100", phase, NULL };
    const char *environment[] = { env, NULL };
    Ended *ended = run_program(argv, environment);

    g_test_message("%s%s", ended->out, ended->err);
    return ended;
}

/// One line of the launcher's, which names @word.
static void assert_one_line(const Ended *ended, const char *word)
{
    g_assert_cmpstr(ended->out, ==, "");
    g_assert_true(g_str_has_prefix(ended->err, "pinhook: cannot start: "));
    g_assert_true(strchr(ended->err, '\n') == ended->err + strlen(ended->err) - 1);
    g_assert_nonnull(strstr(ended->err, word));
    g_assert_nonnull(strstr(ended->err, "; fix: "));
}

/// Only a start is refused; in other phases the line is all.
static void assert_does_not_start(const Installed *installed, const char *word)
{
    static const struct {
        const char *phase;
        int exit_status;
    } phases[] = { { "pre-start", 1 }, { "post-start", 0 }, { "pre-stop", 0 }, { "post-stop", 0 },
        { "some-new-phase", 0 } };

    for (guint i = 0; i < G_N_ELEMENTS(phases); i++) {
        g_autoptr(Ended) ended = call(installed, phases[i].phase, NULL);
        g_assert_cmpint(ended->exit_status, ==, phases[i].exit_status);
        assert_one_line(ended, word);
    }
}

/// What lies beside it is at fault, so no package of Debian's mends it.
static void assert_names_the_file_as_fix(const Installed *installed)
{
    g_autoptr(Ended) ended = call(installed, "pre-start", NULL);
    const char *fix = strstr(ended->err, "; fix: ");

    g_assert_nonnull(strstr(fix, LIBRARY));
    g_assert_null(strstr(fix, "apt install"));
}

static void test_missing(void)
{
    if (!system_has_no_library()) {
        return;
    }
    g_autoptr(Installed) installed = installed_new_without_library();

    assert_does_not_start(installed, LIBRARY);
    assert_names_the_file_as_fix(installed);
}

static void test_text_file(void)
{
    static const char text[] = "<html><head><title>404 Not Found</title></head>\n"
                               "<body><center><h1>404 Not Found</h1></center></body></html>\n";
    if (!system_has_no_library()) {
        return;
    }
    g_autoptr(Installed) installed = installed_new_without_library();

    put_library(installed, text, sizeof(text) - 1);
    assert_does_not_start(installed, LIBRARY);
    assert_names_the_file_as_fix(installed);
}

/// As a copy that was broken off leaves it: in the ELF header, in the program headers, in the code,
/// and at the very end. The loader itself refuses the first and dies of the others.
static void test_truncated(void)
{
    if (!system_has_no_library()) {
        return;
    }
    g_autoptr(Installed) installed = installed_new_without_library();
    gsize length;
    g_autofree char *bytes = read_library(&length);
    gsize parts[] = { 0, 20, 64, 4096, length / 2, length - 1 };

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        put_library(installed, bytes, parts[i]);
        assert_does_not_start(installed, LIBRARY);
    }
    assert_names_the_file_as_fix(installed);
}

/// Compiles @source into @name beside the launcher; FALSE: there is no compiler, the test is
/// skipped. @needs: a library to link with; NULL: none.
static gboolean compile(
    const Installed *installed, const char *source, const char *name, const char *needs)
{
    g_autofree char *compiler = g_find_program_in_path("cc");
    g_autofree char *code = g_build_filename(installed->directory, "code.c", NULL);
    g_autofree char *library = g_build_filename(installed->directory, name, NULL);
    g_autofree char *soname = g_strconcat("-Wl,-soname,", name, NULL);
    const char *argv[] = { compiler, "-shared", "-fPIC", "-Wl,--no-as-needed", soname, "-o",
        library, code, needs, NULL };

    if (compiler == NULL) {
        g_test_skip("there is no C compiler");
        return FALSE;
    }
    g_assert_true(g_file_set_contents(code, source, -1, NULL));
    g_autoptr(Ended) ended = run_program(argv, NULL);
    g_remove(code);
    g_assert_cmpint(ended->exit_status, ==, 0);
    return TRUE;
}

static void test_other_version(void)
{
    if (!system_has_no_library()) {
        return;
    }
    g_autoptr(Installed) installed = installed_new_without_library();

    if (compile(installed, "int another_main(void); int another_main(void) { return 0; }\n",
            LIBRARY, NULL)) {
        assert_does_not_start(installed, "pinhook_main");
        assert_names_the_file_as_fix(installed);
    }
}

/// hwloc is not on every node: what is missing is not pinhook's own library.
static void test_missing_dependency(void)
{
    if (!system_has_no_library()) {
        return;
    }
    g_autoptr(Installed) installed = installed_new_without_library();
    g_autofree char *absent = g_build_filename(installed->directory, "libabsent.so.15", NULL);
    if (!compile(installed, "int absent;\n", "libabsent.so.15", NULL)) {
        return;
    }
    compile(installed, "int pinhook_main(void); int pinhook_main(void) { return 0; }\n", LIBRARY,
        absent);
    g_remove(absent);

    assert_does_not_start(installed, "libabsent.so.15");
    g_autoptr(Ended) ended = call(installed, "pre-start", NULL);
    g_assert_nonnull(strstr(ended->err, "fix: apt install libhwloc15"));
}

/// Without a library a tool that was asked something has failed, in whatever words.
static void test_commands_fail(void)
{
    static const char *const commands[][3] = { { "check", "100", NULL }, { "status", NULL },
        { "--version", NULL }, { NULL } };
    if (!system_has_no_library()) {
        return;
    }
    g_autoptr(Installed) installed = installed_new_without_library();

    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        const char *argv[] = { installed->program, commands[i][0], commands[i][1], NULL };
        g_autoptr(Ended) ended = run_program(argv, NULL);
        g_assert_cmpint(ended->exit_status, ==, 3);
        assert_one_line(ended, LIBRARY);
    }
}

static void test_beside(void)
{
    g_autoptr(Installed) installed = installed_new();
    const char *argv[] = { installed->program, "--version", NULL };

    g_autoptr(Ended) ended = run_program(argv, NULL);
    g_assert_cmpint(ended->exit_status, ==, 0);
    g_assert_cmpstr(ended->err, ==, "");
    g_assert_true(g_str_has_prefix(ended->out, "pinhook "));
}

/// As on shared storage, where Proxmox would take the library for a snippet.
static void test_in_a_folder_beside(void)
{
    g_autoptr(Installed) installed = installed_new();
    g_autofree char *beside = g_build_filename(installed->directory, LIBRARY, NULL);
    g_autofree char *folder = g_build_filename(installed->directory, "pinhook.d", NULL);
    g_autofree char *within = g_build_filename(folder, LIBRARY, NULL);
    const char *argv[] = { installed->program, "--version", NULL };

    g_assert_cmpint(g_mkdir(folder, 0755), ==, 0);
    g_assert_cmpint(g_rename(beside, within), ==, 0);
    g_autoptr(Ended) ended = run_program(argv, NULL);
    g_assert_cmpint(ended->exit_status, ==, 0);
    g_assert_cmpstr(ended->err, ==, "");
}

/// A hookscript is called by the path in its storage, which may be a link.
static void test_through_a_link(void)
{
    g_autoptr(Installed) installed = installed_new();
    g_autofree char *directory = scratch_new();
    g_autofree char *link = g_build_filename(directory, "hook.pl", NULL);
    const char *argv[] = { link, "--version", NULL };

    g_assert_cmpint(symlink(installed->program, link), ==, 0);
    g_autoptr(Ended) ended = run_program(argv, NULL);
    scratch_remove(directory);
    g_assert_cmpint(ended->exit_status, ==, 0);
    g_assert_cmpstr(ended->err, ==, "");
}

/// "LD_LIBRARY_PATH=…": the library that was built, in the place of an installed one.
static char *system_library(void)
{
    return g_strconcat("LD_LIBRARY_PATH=", g_getenv("PINHOOK_LIBRARY_DIR"), NULL);
}

static void test_system(void)
{
    g_autoptr(Installed) installed = installed_new_without_library();
    g_autofree char *env = system_library();

    g_autoptr(Ended) ended = call(installed, "pre-stop", env);
    g_assert_cmpint(ended->exit_status, ==, 0);
    g_assert_cmpstr(ended->err, ==, "");
}

static void test_system_in_place_of_broken(void)
{
    g_autoptr(Installed) installed = installed_new_without_library();
    g_autofree char *env = system_library();
    const char *environment[] = { env, NULL };
    const char *argv[] = { installed->program, "--version", NULL };

    put_library(installed, "rubbish", strlen("rubbish"));
    g_autoptr(Ended) ended = run_program(argv, environment);
    g_assert_cmpint(ended->exit_status, ==, 0);
    g_assert_true(g_str_has_prefix(ended->out, "pinhook "));
    g_assert_nonnull(strstr(ended->err, installed->directory));
    g_assert_nonnull(strstr(ended->err, "using the system's\n"));
}

static char *ask_readelf(const char *option)
{
    const char *argv[] = { "readelf", "-W", option, g_getenv("PINHOOK_LAUNCHER"), NULL };
    g_autoptr(Ended) ended = run_program(argv, NULL);

    g_assert_cmpint(ended->exit_status, ==, 0);
    return g_steal_pointer(&ended->out);
}

/// FALSE: the test is skipped. A sanitizer brings libraries of its own.
static gboolean shows_what_it_needs(void)
{
    g_autofree char *readelf = g_find_program_in_path("readelf");
    if (readelf == NULL) {
        g_test_skip("there is no readelf");
        return FALSE;
    }
    g_autofree char *symbols = ask_readelf("--dyn-syms");
    gboolean sanitized = strstr(symbols, "__asan_") != NULL || strstr(symbols, "__ubsan_") != NULL;
    if (sanitized) {
        g_test_skip("built with sanitizers");
    }
    return !sanitized;
}

static void test_needs_libc_alone(void)
{
    if (!shows_what_it_needs()) {
        return;
    }
    g_autofree char *dynamic = ask_readelf("-d");
    g_auto(GStrv) parts = g_strsplit(dynamic, "(NEEDED)", -1);

    g_assert_cmpuint(g_strv_length(parts), ==, 2);
    g_assert_nonnull(strstr(parts[1], "Shared library: [libc.so.6]"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/launcher/missing-library-is-one-line", test_missing);
    g_test_add_func("/launcher/text-in-place-of-the-library-is-one-line", test_text_file);
    g_test_add_func("/launcher/truncated-library-is-one-line", test_truncated);
    g_test_add_func("/launcher/library-of-another-version-is-one-line", test_other_version);
    g_test_add_func("/launcher/missing-dependency-names-its-package", test_missing_dependency);
    g_test_add_func("/launcher/commands-fail-without-library", test_commands_fail);
    g_test_add_func("/launcher/takes-the-library-beside-itself", test_beside);
    g_test_add_func("/launcher/takes-the-library-in-a-folder-beside", test_in_a_folder_beside);
    g_test_add_func("/launcher/finds-the-library-through-a-link", test_through_a_link);
    g_test_add_func("/launcher/takes-the-systems-library", test_system);
    g_test_add_func(
        "/launcher/takes-the-systems-in-place-of-a-broken-one", test_system_in_place_of_broken);
    g_test_add_func("/launcher/needs-libc-alone", test_needs_libc_alone);
    return g_test_run();
}
