// SPDX-License-Identifier: LGPL-2.1-or-later
#include "arguments.h"

#define FLAG(name) #name, G_OPTION_ARG_NONE, offsetof(Arguments, name), NULL
#define FILE_NAME(name) #name, G_OPTION_ARG_FILENAME, offsetof(Arguments, name)
#define TEXT(name) #name, G_OPTION_ARG_STRING, offsetof(Arguments, name)
#define NUMBER(name) #name, G_OPTION_ARG_INT, offsetof(Arguments, name)

static const Option options[] = {
    { FILE_NAME(config), "FILE" },
    { NUMBER(vcpus), "N" },
    { FILE_NAME(topology), "FILE.xml|TEXT" },
    { TEXT(kinds), "8P+16E" },
    { "llc-sizes", G_OPTION_ARG_STRING, offsetof(Arguments, llc_sizes), "96M,32M" },
    { TEXT(siblings), "split" },
    { TEXT(offline), "LIST" },
    { TEXT(isolated), "LIST" },
    { TEXT(pool), "LIST" },
    { TEXT(taken), "LIST" },
    { TEXT(nodes), "LIST" },
    { TEXT(smt), "MODE" },
    { FILE_NAME(policy), "FILE" },
    { FLAG(advise), "the qm set lines for the best plan" },
    { FLAG(all), "the same for every VM that was bound" },
    { FLAG(xml), "the same for lstopo, which draws it" },
    { FLAG(json), "JSON instead of lines", .common = TRUE },
    { FILE_NAME(root), "DIR", "a directory that stands for /", .common = TRUE },
    { FLAG(version), "which pinhook this is", .common = TRUE },
    { FLAG(help), "this text", .common = TRUE },
};

const Option *arguments_option(guint i)
{
    return i < G_N_ELEMENTS(options) ? &options[i] : NULL;
}

gboolean arguments_has(const Arguments *arguments, const Option *option)
{
    switch (option->kind) {
    case G_OPTION_ARG_NONE:
        return G_STRUCT_MEMBER(gboolean, arguments, option->at);
    case G_OPTION_ARG_INT:
        return G_STRUCT_MEMBER(int, arguments, option->at) != ARGUMENTS_NO_VCPUS;
    default:
        return G_STRUCT_MEMBER(char *, arguments, option->at) != NULL;
    }
}

gboolean arguments_parse(Arguments *arguments, int argc, char **argv, GError **error)
{
    g_auto(GStrv) copy = g_new0(char *, argc + 1);
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    GOptionEntry entries[G_N_ELEMENTS(options) + 2] = { 0 };
    guint count = G_N_ELEMENTS(options);

    for (guint i = 0; i < count; i++) {
        entries[i] = (GOptionEntry){ .long_name = options[i].name,
            .short_name = options[i].at == offsetof(Arguments, help) ? 'h' : 0,
            .arg = options[i].kind,
            .arg_data = G_STRUCT_MEMBER_P(arguments, options[i].at) };
    }
    entries[count] = (GOptionEntry){ .long_name = G_OPTION_REMAINING,
        .arg = G_OPTION_ARG_FILENAME_ARRAY,
        .arg_data = &arguments->rest };
    for (int i = 0; i < argc; i++) {
        copy[i] = g_strdup(argv[i]);
    }
    arguments->vcpus = ARGUMENTS_NO_VCPUS;
    g_option_context_set_help_enabled(context, FALSE); // GLib's own help exits
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse_strv(context, &copy, error)) {
        return FALSE;
    }
    arguments->count = arguments->rest != NULL ? g_strv_length(arguments->rest) : 0;
    return TRUE;
}

void arguments_clear(Arguments *arguments)
{
    for (guint i = 0; i < G_N_ELEMENTS(options); i++) {
        if (options[i].value != NULL && options[i].kind != G_OPTION_ARG_INT) {
            g_free(G_STRUCT_MEMBER(char *, arguments, options[i].at));
        }
    }
    g_strfreev(arguments->rest);
}
