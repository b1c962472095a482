// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/mapping.h"

#include "fakes/large-text.h"

#include <string.h>

/// What "gpu" stands for on "alpha": candidates parted by blanks, their addresses by `;`.
static void assert_found(const char *text, const char *wanted)
{
    g_autoptr(GPtrArray) candidates = mapping_find(text, "gpu", "alpha");
    g_autoptr(GString) have = g_string_new(NULL);

    for (guint i = 0; i < candidates->len; i++) {
        g_autofree char *addresses = g_strjoinv(";", candidates->pdata[i]);
        g_string_append_printf(have, "%s%s", i > 0 ? " " : "", addresses);
    }
    g_test_message("%s", text);
    g_assert_cmpstr(have->str, ==, wanted);
}

/* As PVE::SectionConfig writes it. */
static const char written[] =
    "nic\n"
    "\tdescription for the router\n"
    "\tmap id=8086:1572,iommugroup=31,node=alpha,path=0000:81:00.0,subsystem-id=8086:0002\n"
    "\tmap id=8086:1572,iommugroup=31,node=beta,path=0000:41:00.0,subsystem-id=8086:0002\n"
    "\n"
    "gpu\n"
    "\tmap id=10de:2204,iommugroup=11,node=beta,path=0000:c1:00,subsystem-id=10de:1467\n"
    "\tmap id=10de:2204,iommugroup=12,node=alpha,path=0000:01:00.0;0000:01:00.1\n"
    "\tmap id=10de:2204,iommugroup=13,node=alpha,path=0000:02:00,subsystem-id=10de:1467\n"
    "\tmdev 1\n"
    "\n";

static void test_each_map_line_of_the_node_is_a_candidate(void)
{
    g_autoptr(GPtrArray) nic = mapping_find(written, "nic", "beta");

    assert_found(written, "0000:01:00.0;0000:01:00.1 0000:02:00");
    g_assert_cmpuint(nic->len, ==, 1);
    g_assert_cmpstr(((char **)nic->pdata[0])[0], ==, "0000:41:00.0");
}

static void test_what_is_not_there_has_no_candidates(void)
{
    static const struct {
        const char *name, *node_name;
    } cases[] = { { "nic", "gamma" }, { "gp", "alpha" }, { "gpus", "alpha" }, { "GPU", "alpha" },
        { "gpu", "alph" }, { "gpu", "" }, { "gpu", NULL }, { "", "alpha" }, { "map", "alpha" } };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GPtrArray) none = mapping_find(written, cases[i].name, cases[i].node_name);
        g_test_message("%s on %s", cases[i].name, cases[i].node_name);
        g_assert_cmpuint(none->len, ==, 0);
    }
}

#define LINE "\tmap node=alpha,path=0000:01:00.0\n"

/* PVE::SectionConfig, parse_config. */
static void test_a_section_ends_at_an_empty_line_alone(void)
{
    assert_found("gpu\n\nnic\n" LINE, "");
    assert_found("nic\ngpu\n" LINE, "");
    assert_found("gpu\nnic\n" LINE, "0000:01:00.0");
    assert_found("gpu\n# a\n  # b\n \t \n" LINE, "0000:01:00.0");
    assert_found("# gpu\n" LINE, "");
    assert_found(LINE, "");
    assert_found("\n\n\ngpu\n" LINE, "0000:01:00.0");
}

static void test_a_header_is_the_id_alone(void)
{
    assert_found("gpu  \t\n" LINE, "0000:01:00.0");
    assert_found(" gpu\n" LINE, "");
    assert_found("pci: gpu\n" LINE, "");
    assert_found("gpu x\n" LINE, "");
    assert_found("pci: nic\ngpu\n" LINE, "0000:01:00.0");
}

static void test_of_two_sections_the_last_counts(void)
{
    assert_found("gpu\n" LINE "\ngpu\n\tmap node=alpha,path=0000:02:00\n", "0000:02:00");
    assert_found("gpu\n" LINE "\ngpu\n\tmdev 1\n", "");
}

static void test_only_map_lines_count(void)
{
    assert_found("gpu\n\tmaps node=alpha,path=0000:01:00.0\n", "");
    assert_found("gpu\n\tmapping=1,node=alpha,path=0000:01:00.0\n", "");
    assert_found("gpu\n\tdescription map node=alpha,path=0000:01:00.0\n", "");
    assert_found("gpu\nmap node=alpha,path=0000:01:00.0\n", "");
    assert_found("gpu\n\tmap\n\tmap \n\tma\n" LINE, "0000:01:00.0");
    assert_found("gpu\n  map \t node=alpha,path=0000:01:00.0  \n", "0000:01:00.0");
}

static void test_a_bad_map_line_is_passed_over(void)
{
    static const char *const lines[] = { "node=alpha", "path=0000:01:00.0", "node=,path=01:00",
        "node=alpha,path=", "node=alpha,path=0000:01:00.0;", "node=alpha,path=0000:0A:00.0",
        "node=alpha,path=../../x", "node=alpha,node=alpha,path=0000:01:00.0",
        "node=alpha,path=0000:01:00.0,path=0000:02:00.0", "node=alpha path=0000:01:00.0",
        "node=beta,node=alpha,path=0000:01:00.0", "xnode=alpha,path=0000:01:00.0" };

    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *text = g_strdup_printf(
            "gpu\n\tmap %s\n\tmap node=alpha,path=0000:02:00\n", lines[i]);
        assert_found(text, "0000:02:00");
    }
}

static void test_the_last_line_needs_no_newline(void)
{
    assert_found("gpu\n\tmap node=alpha,path=0000:01:00.0", "0000:01:00.0");
    assert_found("gpu", "");
    assert_found("", "");
}

/* Proxmox itself would take "\r" for a line of its own. */
static void test_a_file_from_windows_reads_the_same(void)
{
    g_autoptr(GString) windows = g_string_new(written);

    g_string_replace(windows, "\n", "\r\n", 0);
    assert_found(windows->str, "0000:01:00.0;0000:01:00.1 0000:02:00");
}

static void test_a_mebibyte_is_read_in_time(gconstpointer data)
{
    const char *const *parts = data;
    g_autoptr(GString) text = large_text_new(parts[0], parts[1]);

    clock_t before = clock();
    g_autoptr(GPtrArray) candidates = mapping_find(text->str, "gpu", "alpha");
    assert_read_in_time(before);
    g_assert_cmpuint(candidates->len > 0, ==, g_str_has_prefix(parts[0], "gpu"));
}

static void add_sizes(void)
{
    static const char *const newlines[] = { "", "\n" };
    static const char *const sections[] = { "", "a\n\n" };
    static const char *const maps[] = { "gpu\n", LINE };
    static const char *const paths[] = { "gpu\n\tmap node=alpha,path=0000:01:00", ";0000:01:00.0" };
    static const char *const commas[] = { "gpu\n" LINE "\tmap ", "," };
    static const char *const blanks[] = { "gpu\n" LINE, " " };

    g_test_add_data_func("/mapping/quick/newlines", newlines, test_a_mebibyte_is_read_in_time);
    g_test_add_data_func("/mapping/quick/sections", sections, test_a_mebibyte_is_read_in_time);
    g_test_add_data_func("/mapping/quick/maps", maps, test_a_mebibyte_is_read_in_time);
    g_test_add_data_func("/mapping/quick/paths", paths, test_a_mebibyte_is_read_in_time);
    g_test_add_data_func("/mapping/quick/commas", commas, test_a_mebibyte_is_read_in_time);
    g_test_add_data_func("/mapping/quick/blanks", blanks, test_a_mebibyte_is_read_in_time);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mapping/candidates", test_each_map_line_of_the_node_is_a_candidate);
    g_test_add_func("/mapping/none", test_what_is_not_there_has_no_candidates);
    g_test_add_func("/mapping/section-end", test_a_section_ends_at_an_empty_line_alone);
    g_test_add_func("/mapping/header", test_a_header_is_the_id_alone);
    g_test_add_func("/mapping/twice", test_of_two_sections_the_last_counts);
    g_test_add_func("/mapping/other-properties", test_only_map_lines_count);
    g_test_add_func("/mapping/bad-line", test_a_bad_map_line_is_passed_over);
    g_test_add_func("/mapping/last-line", test_the_last_line_needs_no_newline);
    g_test_add_func("/mapping/crlf", test_a_file_from_windows_reads_the_same);
    add_sizes();
    return g_test_run();
}
