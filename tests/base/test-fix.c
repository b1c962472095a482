// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/fix.h"

#include "fakes/fake-shell.h"

#include <string.h>

/// Frees @fix.
static void assert_line(Fix *fix, const FixPlace *place, const char *wanted)
{
    g_auto(GStrv) lines = fix_lines(fix, place);

    g_assert_cmpstr(lines[0], ==, wanted);
    g_assert_true(wanted == NULL || lines[1] == NULL);
    fix_free(fix);
}

static const FixPlace of_100 = { .vmid = 100 }, of_none = { 0 };

static void test_options(void)
{
    assert_line(fix_set(fix_new(), "affinity", "4-7"), &of_100, "qm set 100 --affinity 4-7");
    assert_line(fix_set(fix_new(), "freeze", "1"), &of_none, "qm set VMID --freeze 1");
    assert_line(fix_set(fix_new(), "cpulimit", NULL), &of_100, "qm set 100 --delete cpulimit");
    assert_line(
        fix_set(fix_set(fix_set_number(fix_new(), "cores", 3), "vcpus", NULL), "args", NULL),
        &of_100, "qm set 100 --cores 3 --delete vcpus,args");
    assert_line(fix_set(fix_new(), "numa0", "cpus=0;2,memory=512"), &of_100,
        "qm set 100 --numa0 'cpus=0;2,memory=512'");
    assert_line(fix_drop_unknown(fix_set(fix_new(), "affinity", "1"), "cpuset"), &of_100,
        "qm set 100 --affinity 1");
}

static void test_lines_and_rules(void)
{
    const FixPlace here = { .vmid = 100, .config = "my vm.conf", .policy = "-p.conf" };

    assert_line(fix_comment_out(fix_new(), 4, "cores: [a/b]*.^$'\\"), &of_100,
        "sed -i 's/^cores: \\[a\\/b\\]\\*\\.\\^\\$'\\''\\\\\\s*$/#&/' "
        "/etc/pve/qemu-server/100.conf");
    assert_line(fix_comment_out(fix_new(), 4, "a: \xc3\xa4\t"), &here,
        "LC_ALL=C sed -i 's/^a: ...\\s*$/#&/' 'my vm.conf'");
    assert_line(fix_rule(fix_new(), "smt", "auto"), &of_100,
        "printf '\\n[vm 100]\\nsmt = auto\\n' >> /etc/pve/pinhook.conf");
    assert_line(fix_rule(fix_rule(fix_new(), "smt", "auto"), "cpus", "1-2"), &of_none,
        "printf '\\n[vm VMID]\\nsmt = auto\\ncpus = 1-2\\n' >> /etc/pve/pinhook.conf");
    assert_line(fix_rule(fix_new(), "smt", "auto"), &here,
        "printf '\\n[vm 100]\\nsmt = auto\\n' >> ./-p.conf");
    assert_line(
        fix_rule_lines(fix_new(), 2, 2, NULL), &of_100, "sed -i '2s/^/#/' /etc/pve/pinhook.conf");
    assert_line(
        fix_rule_lines(fix_new(), 2, 5, NULL), &of_100, "sed -i '2,5s/^/#/' /etc/pve/pinhook.conf");
    assert_line(fix_rule_lines(fix_new(), 2, 2, "run"), &here, "sed -i '2s/=.*/= run/' ./-p.conf");
}

static void test_commands(void)
{
    static const guint all[] = { 24, 30, 31, 32, 40, 41 };
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(guint));

    assert_line(fix_run(fix_new(), "tuned-adm profile {} > {}", "a b", "x;y"), &of_100,
        "tuned-adm profile 'a b' > 'x;y'");
    g_array_append_vals(numbers, all, 1);
    assert_line(fix_run_for_each(fix_new(), numbers, "echo {} > $i/$i", "0-3"), &of_100,
        "echo 0-3 > 24/24");
    g_array_append_vals(numbers, all + 1, 5);
    assert_line(fix_run_for_each(fix_new(), numbers, "echo {} > $i", "0-3"), &of_100,
        "for i in 24 $(seq 30 32) 40 41; do echo 0-3 > $i; done");
    assert_line(fix_run(fix_rule(fix_new(), "memory", "migrate"), "pinhook {} post-start", "100"),
        &of_100,
        "printf '\\n[vm 100]\\nmemory = migrate\\n' >> /etc/pve/pinhook.conf && pinhook 100 "
        "post-start");
}

static void test_what_it_costs_is_said(void)
{
    g_autoptr(CpuSet) cpus = cpuset_parse_list("2-3", ',', NULL);
    g_autoptr(CpuSet) rest = cpuset_parse_list("0-1", ',', NULL);
    g_autoptr(Fix) free = fix_set(fix_new(), "freeze", "1");
    g_autoptr(Fix) reboot = fix_isolate(fix_new(), cpus, rest);

    g_assert_cmpint(free->cost, ==, COST_NOTHING);
    g_assert_cmpint(reboot->cost, ==, COST_REBOOT);
    assert_line(fix_end_guest(fix_new(), 101, FALSE), &of_100, "qm shutdown 101 # ends VM 101");
    assert_line(fix_end_guest(fix_new(), 102, TRUE), &of_100, "pct shutdown 102 # ends CT 102");
    assert_line(fix_takes(fix_set_number(fix_new(), "cores", 3), "%u in place of %u", 3U, 4U),
        &of_100, "qm set 100 --cores 3 # 3 in place of 4");
    g_auto(GStrv) ways = fix_lines(fix_takes(reboot, "less"), &of_100);
    g_assert_cmpuint(g_strv_length(ways), ==, 2);
    g_assert_true(g_str_has_suffix(ways[0], "# then reboot; less"));
}

/// A terminal would act on it, or show another command than the one that is pasted.
static void test_what_cannot_be_shown_is_not_pasted(void)
{
    static const char *const words[] = { "\033[2J", "a\nb", "\302\233A", "\342\200\256a", "\377" };

    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        const FixPlace here = { .vmid = 100, .config = words[i] };
        assert_line(fix_set(fix_new(), "args", words[i]), &of_100, NULL);
        assert_line(fix_run(fix_new(), "echo {}", words[i]), &of_100, NULL);
        assert_line(fix_set(fix_new(), "freeze", "1"), &here, NULL);
    }
}

static void test_one_includes_what_changes_less(void)
{
    g_autoptr(Fix) one = fix_set(fix_new(), "affinity", "1"),
                   same = fix_takes(fix_set(fix_new(), "affinity", "1"), "less"),
                   other = fix_set(fix_new(), "affinity", "2"),
                   more = fix_set(fix_set(fix_new(), "affinity", "1"), "numa", "1");

    g_assert_true(fix_includes(one, same));
    g_assert_false(fix_includes(one, other));
    g_assert_false(fix_includes(one, more));
    g_assert_true(fix_includes(more, one));
}

/* A file that was read in place of Proxmox's. */

/// Pastes @fix, which is freed.
static void assert_edited(Fix *fix, const char *before, const char *after)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    const FixPlace here = { .vmid = 100, .config = "a 'b'.conf" };
    g_auto(GStrv) lines = fix_lines(fix, &here);

    fake_root_write(fake, here.config, before);
    for (guint times = 0; times < 2; times++) {
        g_assert_true(fake_shell_run(fake, lines[0]));
        g_autofree char *text = root_read(fake->root, here.config, NULL, NULL);
        g_assert_cmpstr(text, ==, after);
    }
    fix_free(fix);
}

static void test_a_named_file_is_edited(void)
{
    assert_edited(fix_set(fix_new(), "affinity", "4-7"), "cores: 2\n", "affinity: 4-7\ncores: 2\n");
    assert_edited(fix_set(fix_new(), "numa0", "cpus=0;2"), "numa0: cpus=1\nnuma01: x\nnuma: 1\n",
        "numa0: cpus=0;2\nnuma01: x\nnuma: 1\n");
    assert_edited(fix_set(fix_set(fix_new(), "numa", "1"), "numa0", NULL),
        "numa0: a\ncores: 2\n[snap]\nnuma0: b\nnuma: 0\n",
        "numa: 1\ncores: 2\n[snap]\nnuma0: b\nnuma: 0\n");
    assert_edited(fix_set(fix_new(), "args", "-a 'x\\n y' \\ $HOME"),
        "args: 1\n# no [snap]\nargs: 2\n", "args: -a 'x\\n y' \\ $HOME\n# no [snap]\n");
    assert_edited(fix_drop_unknown(fix_set(fix_new(), "affinity", "1"), "cpuset"),
        "cpuset: 1\ncores: 1\n", "affinity: 1\ncores: 1\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fix/options", test_options);
    g_test_add_func("/fix/lines-and-rules", test_lines_and_rules);
    g_test_add_func("/fix/commands", test_commands);
    g_test_add_func("/fix/cost", test_what_it_costs_is_said);
    g_test_add_func("/fix/not-shown", test_what_cannot_be_shown_is_not_pasted);
    g_test_add_func("/fix/includes", test_one_includes_what_changes_less);
    g_test_add_func("/fix/named-file", test_a_named_file_is_edited);
    return g_test_run();
}
