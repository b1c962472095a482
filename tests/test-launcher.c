// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/real-qemu.h"
#include "fakes/scratch.h"

#include <dlfcn.h>
#include <elf.h>
#include <glib/gstdio.h>
#include <hwloc.h>
#include <string.h>
#include <sys/stat.h>
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

    g_assert_nonnull(fix);
    g_assert_nonnull(strstr(ended->err, ", so VM 100 does not start; fix: "));
    g_assert_nonnull(strstr(fix, LIBRARY));
    g_assert_null(strstr(fix, "apt install"));
}

static void assert_works(const Installed *installed)
{
    const char *argv[] = { installed->program, "--version", NULL };
    g_autoptr(Ended) ended = run_program(argv, NULL);

    g_assert_cmpint(ended->exit_status, ==, 0);
    g_assert_cmpstr(ended->err, ==, "");
}

/// Where pinhook was built, and with an apt that has all installed.
static char *source_new(void)
{
    char *source = scratch_new();
    g_autofree char *build = g_build_filename(source, "build", NULL);
    g_autofree char *apt = g_build_filename(source, "apt", NULL);
    g_autofree char *built = g_path_get_dirname(g_getenv("PINHOOK_LIBRARY_DIR"));

    g_assert_cmpint(symlink(built, build), ==, 0);
    g_assert_true(g_file_set_contents(apt, "#!/bin/sh\n[ \"$1\" = install ]\n", -1, NULL));
    g_assert_cmpint(g_chmod(apt, 0755), ==, 0);
    return source;
}

static void paste(const char *commands)
{
    g_autofree char *source = source_new();
    g_autofree char *script = g_strdup_printf("cd %s && PATH=$PWD:$PATH\n%s", source, commands);
    const char *argv[] = { "bash", "-euc", script, NULL };
    g_autoptr(Ended) ended = run_program(argv, NULL);

    g_test_message("%s\n%s", commands, ended->err);
    g_assert_cmpint(ended->exit_status, ==, 0);
    scratch_remove(source);
}

/// Its fix mends it.
static void assert_fix_mends(const Installed *installed)
{
    g_autoptr(Ended) ended = call(installed, "pre-start", NULL);
    const char *fix = strstr(ended->err, "; fix: ");

    g_assert_nonnull(fix);
    paste(fix + strlen("; fix: "));
    assert_works(installed);
}

static void test_missing(void)
{
    if (!system_has_no_library()) {
        return;
    }
    g_autoptr(Installed) installed = installed_new_without_library();

    assert_does_not_start(installed, LIBRARY);
    assert_names_the_file_as_fix(installed);
    assert_fix_mends(installed);
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

/* All libraries beside it, as the README puts them there. */

#define OWN "pinhook.d/libpinhook.so.0"
#define HWLOC "pinhook.d/libhwloc.so.15"

static void put_file(const Installed *installed, const char *name, const char *bytes, gsize length)
{
    g_autofree char *path = g_build_filename(installed->directory, name, NULL);
    g_autoptr(GError) error = NULL;

    g_file_set_contents_full(
        path, bytes, (gssize)length, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &error);
    g_assert_no_error(error);
}

/// hwloc's library, as it is installed here; the caller frees it.
static char *read_hwloc(gsize *length)
{
    g_autoptr(GError) error = NULL;
    char *bytes = NULL;
    Dl_info info;

    g_assert_cmpint(dladdr((void *)hwloc_get_api_version, &info), !=, 0);
    g_file_get_contents(info.dli_fname, &bytes, length, &error);
    g_assert_no_error(error);
    return bytes;
}

static Installed *bundle_new(void)
{
    Installed *installed = installed_new_without_library();
    g_autofree char *folder = g_build_filename(installed->directory, "pinhook.d", NULL);
    gsize own_length, hwloc_length;
    g_autofree char *own = read_library(&own_length), *hwloc = read_hwloc(&hwloc_length);

    g_assert_cmpint(g_mkdir(folder, 0755), ==, 0);
    put_file(installed, OWN, own, own_length);
    put_file(installed, HWLOC, hwloc, hwloc_length);
    return installed;
}

static Elf64_Ehdr *header_of(char *bytes)
{
    return (Elf64_Ehdr *)(gpointer)bytes;
}

static Elf64_Phdr *last_segment(char *bytes)
{
    Elf64_Ehdr *header = header_of(bytes);

    return (Elf64_Phdr *)(gpointer)(bytes + header->e_phoff) + header->e_phnum - 1;
}

static void set_other_machine(char *bytes)
{
    header_of(bytes)->e_machine = EM_AARCH64;
}

static void set_other_class(char *bytes)
{
    header_of(bytes)->e_ident[EI_CLASS] = ELFCLASS32;
}

static void set_other_order(char *bytes)
{
    header_of(bytes)->e_ident[EI_DATA] = ELFDATA2MSB;
}

static void set_program(char *bytes)
{
    header_of(bytes)->e_type = ET_EXEC;
}

static void set_sections_behind_the_end(char *bytes)
{
    header_of(bytes)->e_shoff += 1;
}

static void set_sections_that_overflow(char *bytes)
{
    header_of(bytes)->e_shoff = -(guint64)header_of(bytes)->e_shentsize;
}

static void set_segments_that_overflow(char *bytes)
{
    header_of(bytes)->e_phoff = -(guint64)header_of(bytes)->e_phentsize;
}

static void set_segment_behind_the_end(char *bytes)
{
    last_segment(bytes)->p_offset = 1 << 30;
    last_segment(bytes)->p_filesz = 1;
}

static void set_segment_that_overflows(char *bytes)
{
    last_segment(bytes)->p_offset = 4096;
    last_segment(bytes)->p_filesz = G_MAXUINT64 - 4095;
}

static void set_text(char *bytes)
{
    memset(bytes, '\n', 4096);
}

/// What no loader may be given, whichever library it is.
static void test_unsound(void)
{
    static const struct {
        void (*damage)(char *bytes);
        const char *reason;
    } rows[] = {
        { set_text, "no library" },
        { set_program, "no library" },
        { set_other_machine, "a library of another machine" },
        { set_other_class, "a library of another machine" },
        { set_other_order, "a library of another machine" },
        { set_sections_behind_the_end, "cut off" },
        { set_sections_that_overflow, "cut off" },
        { set_segments_that_overflow, "cut off" },
        { set_segment_behind_the_end, "cut off" },
        { set_segment_that_overflows, "cut off" },
    };
    if (!system_has_no_library()) {
        return;
    }
    g_autoptr(Installed) installed = bundle_new();
    gsize length;
    g_autofree char *sound = read_hwloc(&length);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *bytes = g_memdup2(sound, length);
        g_autofree char *line = g_strconcat("/" HWLOC ": ", rows[i].reason, NULL);
        rows[i].damage(bytes);
        put_file(installed, HWLOC, bytes, length);
        assert_does_not_start(installed, line);
        assert_fix_mends(installed);
    }
}

/// As a copy of hwloc's that was broken off leaves it.
static void test_truncated_beside(void)
{
    if (!system_has_no_library()) {
        return;
    }
    g_autoptr(Installed) installed = bundle_new();
    gsize length;
    g_autofree char *bytes = read_hwloc(&length);
    gsize parts[] = { 0, 3, 20, 64, 4096, length / 2, length - 1 };

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        put_file(installed, HWLOC, bytes, parts[i]);
        assert_does_not_start(installed, "/" HWLOC ": cut off");
        assert_fix_mends(installed);
    }
    put_file(installed, OWN, bytes, 4096);
    assert_fix_mends(installed);
}

/// As one of a newer Debian's does on an older.
static void test_newer(void)
{
    if (!system_has_no_library()) {
        return;
    }
    g_autoptr(Installed) installed = bundle_new();
    gsize length;
    g_autofree char *bytes = read_hwloc(&length);
    static const char version[] = "GLIBC_2.";

    for (char *at = memmem(bytes, length, version, strlen(version)); at != NULL;
         at = memmem(at, length - (at - bytes), version, strlen(version))) {
        at[strlen("GLIBC_")] = '9';
    }
    put_file(installed, HWLOC, bytes, length);
    assert_does_not_start(installed, "/" HWLOC ")");
    assert_fix_mends(installed);
}

static void test_no_file(void)
{
    if (!system_has_no_library()) {
        return;
    }
    g_autoptr(Installed) installed = bundle_new();
    g_autofree char *path = g_build_filename(installed->directory, HWLOC, NULL);

    g_assert_cmpint(g_remove(path), ==, 0);
    g_assert_cmpint(mkfifo(path, 0644), ==, 0);
    assert_does_not_start(installed, "/" HWLOC ": no file");
    assert_fix_mends(installed);
}

/// What is no library is nobody's to look at.
static void test_other_files_beside(void)
{
    static const char *const names[] = { "pinhook.d/libhwloc.so.15.broken",
        "pinhook.d/notes.so.txt", "libother.so.1" };
    g_autoptr(Installed) installed = bundle_new();
    g_autofree char *dangling = g_build_filename(installed->directory, "pinhook.d/libx.so", NULL);

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        put_file(installed, names[i], "rubbish", strlen("rubbish"));
    }
    g_assert_cmpint(symlink("nowhere", dangling), ==, 0);
    assert_works(installed);
}

/* Who may write. */

static void set_mode(const Installed *installed, const char *name, int mode)
{
    g_autofree char *path = g_build_filename(installed->directory, name, NULL);

    g_assert_cmpint(g_chmod(path, mode), ==, 0);
}

static void set_owner(const Installed *installed, const char *name, uid_t owner)
{
    g_autofree char *path = g_build_filename(installed->directory, name, NULL);

    g_assert_cmpint(chown(path, owner, owner), ==, 0);
}

static void test_writable(void)
{
    static const struct {
        const char *name;
        int mode;
    } rows[] = { { HWLOC, 0666 }, { HWLOC, 0664 }, { OWN, 0646 }, { "pinhook.d", 0777 },
        { "pinhook.d", 0775 }, { "pinhook.d", 01777 } };
    if (!system_has_no_library()) {
        return;
    }
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Installed) installed = bundle_new();
        set_mode(installed, rows[i].name, rows[i].mode);
        assert_does_not_start(installed, ": more can write to it than to the launcher");
        assert_fix_mends(installed);
    }
}

/// Who may write to a sticky directory cannot exchange the launcher in it.
static void test_writable_in_sticky(void)
{
    if (!system_has_no_library()) {
        return;
    }
    g_autoptr(Installed) installed = bundle_new();

    set_mode(installed, ".", 01777);
    set_mode(installed, "pinhook.d", 0777);
    assert_does_not_start(installed, "/pinhook.d/: more can write to it than to the launcher");
    assert_fix_mends(installed);
}

/// On such a storage everybody may write to everything, and the modes say so.
static void test_all_writable(void)
{
    g_autoptr(Installed) installed = bundle_new();

    set_mode(installed, "pinhook", 0777);
    set_mode(installed, HWLOC, 0777);
    set_mode(installed, "pinhook.d", 0777);
    set_mode(installed, ".", 0777);
    assert_works(installed);
}

/// FALSE: the test is skipped.
static gboolean can_give_away(void)
{
    if (geteuid() != 0) {
        g_test_skip("only root can give files away");
    }
    return geteuid() == 0;
}

static void test_foreign(void)
{
    static const char *const names[] = { HWLOC, OWN, "pinhook.d" };

    if (!can_give_away() || !system_has_no_library()) {
        return;
    }
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(Installed) installed = bundle_new();
        set_owner(installed, names[i], 1000);
        assert_does_not_start(installed, ": its owner cannot write to the launcher");
        assert_fix_mends(installed);
    }
}

/// A NAS that squashes root.
static void test_all_nobodys(void)
{
    static const char *const names[] = { ".", "pinhook", "pinhook.d", HWLOC, OWN };

    if (!can_give_away()) {
        return;
    }
    g_autoptr(Installed) installed = bundle_new();
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        set_owner(installed, names[i], 65534);
    }
    assert_works(installed);
    set_owner(installed, HWLOC, 0);
    assert_works(installed);
}

/* Names that a shell would take apart, and what cannot be read. */

static void test_odd_names(void)
{
    if (!system_has_no_library()) {
        return;
    }
    g_autoptr(Installed) installed = bundle_new();
    g_autofree char *scratch = scratch_new();
    g_autofree char *odd = g_strconcat(scratch, "/it's $(touch pwned)\n\\;\342\200\256", NULL);

    g_assert_cmpint(g_rename(installed->directory, odd), ==, 0);
    Installed moved = { .directory = odd, .program = g_build_filename(odd, "pinhook", NULL) };
    put_file(&moved, HWLOC, "rubbish", strlen("rubbish"));
    assert_does_not_start(&moved, "/it's $(touch pwned)?\\;?\?\?/" HWLOC ": no library");
    assert_fix_mends(&moved);
    g_assert_cmpint(g_rename(odd, installed->directory), ==, 0);
    scratch_remove(scratch);
    g_free(moved.program);
}

/// A link to itself stands for what root cannot read either.
static void test_unreadable(void)
{
    if (!system_has_no_library()) {
        return;
    }
    g_autoptr(Installed) installed = bundle_new();
    g_autofree char *path = g_build_filename(installed->directory, HWLOC, NULL);

    g_assert_cmpint(g_remove(path), ==, 0);
    g_assert_cmpint(symlink("libhwloc.so.15", path), ==, 0);
    assert_does_not_start(installed, "/" HWLOC ": Too many levels of symbolic links");
    assert_fix_mends(installed);
}

/* The README's commands. */

/// The block that puts all on a shared storage, for this build and a directory that stands for the
/// storage's. The caller frees it.
static char *read_commands(const char *snippets)
{
    g_autofree char *path = g_build_filename(g_getenv("PINHOOK_SOURCE_DIR"), "README.md", NULL);
    static const char hwloc[] = "/usr/lib/x86_64-linux-gnu/libhwloc.so.15";
    g_autofree char *readme = NULL;
    Dl_info info;

    g_assert_true(g_file_get_contents(path, &readme, NULL, NULL));
    g_assert_cmpint(dladdr((void *)hwloc_get_api_version, &info), !=, 0);
    const char *from = strstr(readme, "cd /mnt/pve/nfs/snippets");
    g_assert_nonnull(from);
    g_autoptr(GString) commands = g_string_new_len(from, strstr(from, "ln -s \"$PWD") - from);
    g_string_replace(commands, "/mnt/pve/nfs/snippets", snippets, 0);
    g_string_replace(commands, "…/build", "$OLDPWD/build", 0);
    g_assert_cmpuint(g_string_replace(commands, hwloc, info.dli_fname, 0), ==, 1);
    return g_string_free(g_steal_pointer(&commands), FALSE);
}

/// Who runs with the old files keeps them.
static void test_readme(void)
{
    g_autoptr(Installed) installed = bundle_new();
    g_autofree char *path = g_build_filename(installed->directory, HWLOC, NULL);
    g_autofree char *commands = read_commands(installed->directory);
    static const char old[] = "what a hook that runs has mapped";

    put_file(installed, HWLOC, old, sizeof(old));
    g_autoptr(GMappedFile) mapped = g_mapped_file_new(path, FALSE, NULL);
    g_assert_nonnull(mapped);
    paste(commands);
    g_assert_cmpmem(
        g_mapped_file_get_contents(mapped), g_mapped_file_get_length(mapped), old, sizeof(old));
    assert_works(installed);
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
    g_test_add_func("/launcher/unsound-library-beside-is-one-line", test_unsound);
    g_test_add_func("/launcher/truncated-library-beside-is-one-line", test_truncated_beside);
    g_test_add_func("/launcher/library-of-a-newer-system-is-one-line", test_newer);
    g_test_add_func("/launcher/no-file-is-one-line", test_no_file);
    g_test_add_func("/launcher/other-files-do-no-harm", test_other_files_beside);
    g_test_add_func("/launcher/writable-library-is-one-line", test_writable);
    g_test_add_func(
        "/launcher/writable-folder-in-a-sticky-one-is-one-line", test_writable_in_sticky);
    g_test_add_func("/launcher/where-all-is-writable-it-runs", test_all_writable);
    g_test_add_func("/launcher/library-of-somebody-else-is-one-line", test_foreign);
    g_test_add_func("/launcher/where-all-is-nobodys-it-runs", test_all_nobodys);
    g_test_add_func("/launcher/fix-of-an-odd-name-is-safe-to-paste", test_odd_names);
    g_test_add_func("/launcher/what-cannot-be-read-is-one-line", test_unreadable);
    g_test_add_func("/launcher/readme-replaces-what-is-in-use", test_readme);
    g_test_add_func("/launcher/needs-libc-alone", test_needs_libc_alone);
    return g_test_run();
}
