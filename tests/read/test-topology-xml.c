// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/topology-xml.h"

#include "base/error.h"

#include <string.h>

#define SETS(cpus, nodes)                                                                          \
    "cpuset=\"" cpus "\" complete_cpuset=\"" cpus "\" nodeset=\"" nodes                            \
    "\" complete_nodeset=\"" nodes "\""

#define OF_MACHINE SETS("0x00000007", "0x00000003")
#define OF_PACKAGE_0 SETS("0x00000003", "0x00000001")
#define OF_CPU_0 SETS("0x00000001", "0x00000001")
#define OF_CPU_1 SETS("0x00000002", "0x00000001")
#define OF_PACKAGE_1 SETS("0x00000004", "0x00000002")

/// Two packages with a node each: the first with a core of two CPUs, the second with one CPU.
static const char machine[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<!DOCTYPE topology SYSTEM \"hwloc2.dtd\">\n"
    "<topology version=\"2.0\">\n"
    "  <object type=\"Machine\" os_index=\"0\" " OF_MACHINE ">\n"
    "    <info name=\"CPUVendor\" value=\"&lt;AMD &amp; &quot;sons&quot;&gt;\"/>\n"
    "    <object type=\"Package\" os_index=\"100000\" " OF_PACKAGE_0 ">\n"
    "      <object type=\"NUMANode\" os_index=\"0\" " OF_PACKAGE_0
    " local_memory=\"1073741824\"><page_type size=\"4096\" count=\"1\"/></object>\n"
    "      <object type=\"L3Cache\" " OF_PACKAGE_0
    " cache_size=\"33554432\" depth=\"3\" cache_linesize=\"64\" cache_type=\"0\">\n"
    "        <object type=\"Core\" os_index=\"0\" " OF_PACKAGE_0 ">\n"
    "          <object type=\"PU\" os_index=\"0\" " OF_CPU_0 "/>\n"
    "          <object type=\"PU\" os_index=\"1\" " OF_CPU_1 "/>\n"
    "        </object>\n"
    "      </object>\n"
    "      <object type=\"Bridge\" gp_index=\"9\" bridge_type=\"0-1\">\n"
    "        <object type=\"PCIDev\" gp_index=\"10\" pci_busid=\"0000:00:1f.2\"/>\n"
    "      </object>\n"
    "    </object>\n"
    "    <object type=\"Package\" os_index=\"1\" " OF_PACKAGE_1 ">\n"
    "      <object type=\"NUMANode\" os_index=\"1\" " OF_PACKAGE_1 "/>\n"
    "      <object type=\"PU\" os_index=\"2\" " OF_PACKAGE_1 "/>\n"
    "    </object>\n"
    "  </object>\n"
    "  <distances2 type=\"NUMANode\" nbobjs=\"2\" kind=\"5\" name=\"NUMALatency\" "
    "indexing=\"os\">\n"
    "    <indexes length=\"4\">0 1 </indexes>\n"
    "    <u64values length=\"6\">10 20 </u64values>\n"
    "    <u64values length=\"6\">20 10 </u64values>\n"
    "  </distances2>\n"
    "  <support name=\"discovery.pu\"/>\n"
    "  <memattr name=\"Bandwidth\" flags=\"5\"/>\n"
    "  <cpukind cpuset=\"0x00000003\" forced_efficiency=\"1\"><info name=\"CoreType\" "
    "value=\"IntelCore\"/></cpukind>\n"
    "  <cpukind cpuset=\"0x00000004\" forced_efficiency=\"-1\"/>\n"
    "</topology>\n";

static const char rewritten[] =
    "<topology version=\"2.0\">\n"
    "<object type=\"Machine\" " OF_MACHINE " os_index=\"0\">\n"
    "<info name=\"CPUVendor\" value=\"&lt;AMD &amp; &quot;sons&quot;&gt;\"/>\n"
    "<object type=\"Package\" " OF_PACKAGE_0 " os_index=\"100000\">\n"
    "<object type=\"NUMANode\" " OF_PACKAGE_0
    " os_index=\"0\" local_memory=\"1073741824\">\n</object>\n"
    "<object type=\"L3Cache\" depth=\"3\" cache_type=\"0\" " OF_PACKAGE_0
    " cache_size=\"33554432\">\n"
    "<object type=\"Core\" " OF_PACKAGE_0 " os_index=\"0\">\n"
    "<object type=\"PU\" " OF_CPU_0 " os_index=\"0\">\n</object>\n"
    "<object type=\"PU\" " OF_CPU_1 " os_index=\"1\">\n</object>\n"
    "</object>\n</object>\n</object>\n"
    "<object type=\"Package\" " OF_PACKAGE_1 " os_index=\"1\">\n"
    "<object type=\"NUMANode\" " OF_PACKAGE_1 " os_index=\"1\">\n</object>\n"
    "<object type=\"PU\" " OF_PACKAGE_1 " os_index=\"2\">\n</object>\n"
    "</object>\n</object>\n"
    "<distances2 type=\"NUMANode\" indexing=\"os\" nbobjs=\"2\" kind=\"5\" name=\"NUMALatency\">\n"
    "<indexes length=\"4\">0 1 </indexes>\n"
    "<u64values length=\"12\">10 20 20 10 </u64values>\n"
    "</distances2>\n"
    "<cpukind cpuset=\"0x00000003\" forced_efficiency=\"1\">\n"
    "<info name=\"CoreType\" value=\"IntelCore\"/>\n</cpukind>\n"
    "<cpukind cpuset=\"0x00000004\">\n</cpukind>\n"
    "</topology>\n";

/// The first @from of @text is @to; the caller frees it.
static char *replace(const char *text, const char *from, const char *to)
{
    g_autoptr(GString) changed = g_string_new(text);

    g_assert_cmpuint(g_string_replace(changed, from, to, 1), ==, 1);
    return g_string_free(g_steal_pointer(&changed), FALSE);
}

static void assert_rewritten(const char *xml, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = topology_xml_rewrite(xml, strlen(xml), &error);

    g_assert_no_error(error);
    g_assert_cmpstr(text, ==, expected);
}

static void assert_refused(const char *xml, gsize length, const char *reason)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(topology_xml_rewrite(xml, length, &error));
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID);
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, reason));
    g_assert_nonnull(strstr(error->message, "; one is made by: lstopo "));
    g_assert_null(strchr(error->message, '\n'));
}

static void test_written_anew(void)
{
    assert_rewritten(machine, rewritten);
    assert_rewritten(rewritten, rewritten);
}

/// As other programs write the same.
static void test_other_spellings(void)
{
    static const char *const spellings[][2] = {
        { "type=\"Package\" os_index=\"100000\"", "os_index='100000'\n\ttype='Package'" },
        { "<object type=\"Core\"", "<!-- a core --><object type=\"Core\" more=\"&#38;\"" },
        { "&amp;", "&#x26;" },
        { "cpuset=\"0x00000007\"", "cpuset=\"0x7\"" },
        { "hwloc2.dtd\">", "hwloc2.dtd\" [ <!ENTITY x \"y\"> ]>" },
        { ">10 20 <", ">\n 10\t20<" },
        { "<support", "<![CDATA[<object>]]><support" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(spellings); i++) {
        g_autofree char *changed = replace(machine, spellings[i][0], spellings[i][1]);
        g_test_message("%s", spellings[i][1]);
        assert_rewritten(changed, rewritten);
    }
}

static void test_damaged(void)
{
    static const char *const damages[][3] = {
        { "complete_nodeset=\"0x00000001\">\n          <object type=\"PU\"",
            ">\n          <object type=\"PU\"", "line 9: a Core lacks its complete_nodeset" },
        { " complete_cpuset=\"0x00000001\"", "", "line 10: a PU lacks its complete_cpuset" },
        { " nodeset=\"0x00000003\"", "", "line 4: a Machine lacks its nodeset" },
        { "cpuset=\"0x00000001\"", "cpuset=\"0xf...f\"", "a PU has an impossible cpuset" },
        { "cpuset=\"0x00000001\"", "cpuset=\"\"", "a PU has an impossible cpuset" },
        { "cpuset=\"0x00000001\"", "cpuset=\"1 2\"", "a PU has an impossible cpuset" },
        { "cpuset=\"0x00000001\"", "cpuset=\"0x1\" cpuset=\"0x1\"",
            "a PU has one of its sets twice" },
        { "complete_cpuset=\"0x00000001\"", "complete_cpuset=\"0x00000002\"",
            "the complete sets of a PU are not complete" },
        { "type=\"PU\" os_index=\"0\"", "type=\"PU\" os_index=\"1\"", "impossible os_index" },
        { "type=\"PU\" os_index=\"0\"", "type=\"PU\"", "impossible os_index" },
        { "type=\"PU\" os_index=\"0\"", "type=\"PU\" os_index=\"4294967294\"",
            "impossible os_index" },
        { "type=\"PU\" os_index=\"0\"", "type=\"PU\" os_index=\"x\"", "impossible os_index" },
        { "type=\"PU\" os_index=\"0\"", "type=\"PU\" os_index=\"0\" os_index=\"0\"",
            "a number twice" },
        { "type=\"NUMANode\" os_index=\"1\"", "type=\"NUMANode\" os_index=\"0\"",
            "a NUMANode has an impossible os_index" },
        { "type=\"Core\"", "type=\"PU\"", "a PU has an impossible os_index" },
        { "type=\"Core\"", "type=\"MemCache\"", "a PU is in a MemCache" },
        { "type=\"NUMANode\" os_index=\"1\" " OF_PACKAGE_1 "/>",
            "type=\"PU\" os_index=\"2\" " OF_PACKAGE_1 ">", "a PU is in a PU" },
        { "type=\"L3Cache\"", "type=\"NUMANode\"", "a NUMANode is also in another" },
        { "type=\"Package\" os_index=\"1\" cpuset=\"0x00000004\" complete_cpuset=\"0x00000004\"",
            "type=\"Package\" os_index=\"1\" cpuset=\"0x00000004\" complete_cpuset=\"0x00000006\"",
            "what is in a Package is also in another of its Machine" },
        { "type=\"Package\" os_index=\"1\" cpuset=\"0x00000004\" complete_cpuset=\"0x00000004\"",
            "type=\"Package\" os_index=\"1\" cpuset=\"0x00000000\" complete_cpuset=\"0x00000000\"",
            "there is nothing in a Package" },
        { "cpuset=\"0x00000007\"", "cpuset=\"0x00000006\"",
            "a Package has more than the Machine that it is in" },
        { "complete_cpuset=\"0x00000007\"", "complete_cpuset=\"0xffffffff\" cpuset=\"0xff\"",
            "one of its sets twice" },
        { "cpuset=\"0x00000007\" complete_cpuset=\"0x00000007\"",
            "cpuset=\"0x0000000f\" complete_cpuset=\"0x0000000f\"",
            "not each CPU and each node is an object" },
        { "nodeset=\"0x00000003\" complete_nodeset=\"0x00000003\"",
            "nodeset=\"0x00000007\" complete_nodeset=\"0x00000007\"",
            "not each CPU and each node is an object" },
        { "type=\"Machine\"", "type=\"Package\"", "not one Machine that all is in" },
        { "type=\"Machine\"", "type=\"Misc\"", "not one Machine that all is in" },
        { "type=\"Core\"", "type=\"Machine\"", "a Machine is in a L3Cache" },
        { "type=\"Core\"", "type=\"Nonsense\"", "an object of no type" },
        { "type=\"Core\"", "", "an object of no type" },
        { "type=\"Core\"", "type=\"Core\" type=\"Core\"", "an object of no type" },
        { "cache_size=\"33554432\"", "cache_size=\"32M\"",
            "a L3Cache has an impossible cache_size" },
        { "      <object type=\"Bridge\"", "<info name=\"x\"/><object type=\"Bridge\"",
            "out of place" },
        { "<info name=\"CPUVendor\"", "<info", "an <info> without name" },
        { "nbobjs=\"2\"", "nbobjs=\"1000000000\"", "distances between too many" },
        { "nbobjs=\"2\"", "nbobjs=\"1024\"", "distances between other nodes" },
        { "nbobjs=\"2\"", "nbobjs=\"0\"", "distances between other nodes" },
        { "kind=\"5\"", "kind=\"0\"", "or of no kind" },
        { ">0 1 <", ">0 0 <", "distances between other nodes" },
        { ">0 1 <", ">0 7 <", "distances between other nodes" },
        { ">10 20 <", ">10 20 30 <", "distances between other nodes" },
        { ">10 20 <", ">10 -20 <", "a distance is no number" },
        { "cpuset=\"0x00000003\" forced", "cpuset=\"0x00000006\" forced", "impossible <cpukind>" },
        { "cpuset=\"0x00000003\" forced", "cpuset=\"0x00000000\" forced", "impossible <cpukind>" },
        { "forced_efficiency=\"1\"", "forced_efficiency=\"x\"", "impossible <cpukind>" },
        { "</topology>", "</topology><topology version=\"2.0\">", "more than one topology" },
        { "</topology>", "<object type=\"Machine\" " SETS("0x1", "0x1") "/></topology>",
            "not one Machine that all is in" },
        { "</object>\n  <distances2", "<distances2", "no well-formed XML" },
        { "&amp;", "&undefined;", "no well-formed XML" },
        { "</topology>", "", "no well-formed XML" },
        { "type=\"Core\"", "type=\"<\"", "an object of no type" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(damages); i++) {
        g_autofree char *changed = replace(machine, damages[i][0], damages[i][1]);
        assert_refused(changed, strlen(changed), damages[i][2]);
    }
}

static void test_out_of_order(void)
{
    g_autofree char *first = replace(
        machine, "os_index=\"0\" " OF_CPU_0, "os_index=\"1\" " OF_CPU_1);
    g_autofree char *changed = replace(first, "os_index=\"1\" " OF_CPU_1 "/>\n        </object>",
        "os_index=\"0\" " OF_CPU_0 "/>\n        </object>");

    assert_refused(changed, strlen(changed), "what is in a Core is out of order");
}

static void test_node_twice(void)
{
    g_autofree char *changed = replace(
        machine, "type=\"NUMANode\" os_index=\"1\"", "type=\"NUMANode\" os_index=\"0\"");
    g_autoptr(GString) text = g_string_new(changed);

    g_string_replace(text, "nodeset=\"0x00000002\"", "nodeset=\"0x00000001\"", 0);
    assert_refused(text->str, text->len, "a NUMANode has an impossible os_index");
}

static void test_no_topology(void)
{
    static const char *const texts[][2] = { { "", "no well-formed XML" },
        { "<root></root>", "there is no topology in it" },
        { "<topology version=\"2.0\"></topology>", "there is no machine in it" } };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        assert_refused(texts[i][0], strlen(texts[i][0]), texts[i][1]);
    }
    /* Nothing is hidden behind a NUL. */
    g_autofree char *nul = replace(machine, "type=\"Core\"", "type=\"Core#\"");
    *strchr(nul, '#') = '\0';
    assert_refused(nul, sizeof(machine), "no well-formed XML");
}

/// The version is the reason, and is said.
static void test_other_versions(void)
{
    static const char *const versions[][2] = {
        { " version=\"3.0\"", "it is in the format of hwloc 3, not of hwloc 2; one is made by: "
                              "lstopo --export-xml-flags v2 machine.xml" },
        { " version=\"10.1\"", "the format of hwloc 10, not" },
        { " version=\"1.0\"", "the format of hwloc 1, not of hwloc 2; one is made by: lstopo m" },
        { "", "the format of hwloc 1, not of hwloc 2; one is made by: lstopo m" },
        { " version=\"\x1b[2J\"", "the format of an unknown hwloc, not" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(versions); i++) {
        g_autofree char *changed = replace(machine, " version=\"2.0\"", versions[i][0]);
        assert_refused(changed, strlen(changed), versions[i][1]);
    }
}

/// @count times @open, and as often @close.
static char *nest(const char *open, const char *close, guint count)
{
    g_autoptr(GString) text = g_string_new("<topology version=\"2.0\">");

    for (guint i = 0; i < 2 * count; i++) {
        g_string_append(text, i < count ? open : close);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void test_deep(void)
{
    g_autofree char *groups = nest(
        "<object type=\"Group\" " SETS("0x1", "0x1") ">", "</object>", 40);
    g_autofree char *unknown = nest("<unknown>", "</unknown>", 1000000);
    g_autofree char *machines = replace(groups, "Group", "Machine");

    assert_refused(machines, strlen(machines), "more than 32 objects in one another");
    assert_refused(unknown, strlen(unknown), "more than 256 elements in one another");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/topology-xml/is-written-anew", test_written_anew);
    g_test_add_func("/topology-xml/other-spellings-are-the-same", test_other_spellings);
    g_test_add_func("/topology-xml/what-is-damaged-is-refused", test_damaged);
    g_test_add_func("/topology-xml/children-out-of-order", test_out_of_order);
    g_test_add_func("/topology-xml/node-twice", test_node_twice);
    g_test_add_func("/topology-xml/no-topology", test_no_topology);
    g_test_add_func("/topology-xml/names-the-version-that-wrote-it", test_other_versions);
    g_test_add_func("/topology-xml/deep", test_deep);
    return g_test_run();
}
