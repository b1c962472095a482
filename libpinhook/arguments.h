// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

/// --vcpus was not given.
#define ARGUMENTS_NO_VCPUS G_MININT

/// What was typed.
typedef struct {
    gboolean json, xml, all, version, help, advise;
    int vcpus;
    char *root;
    char *config, *policy, *isolated, *pool, *taken, *nodes, *smt;
    char *topology, *kinds, *llc_sizes, *offline, *siblings;
    char **rest; // what is no option, `count` of them
    guint count;
    const char *migrated_from; // of the environment, and not freed
    int caller;
} Arguments;

/// An option, in words for the usage.
typedef struct {
    const char *name; // without its dashes
    GOptionArg kind;
    gsize at;          // its value in Arguments
    const char *value; // what that is called; NULL: it takes none
    const char *help;  // NULL: it is told of with its door
    gboolean common;   // every door takes it
} Option;

/// The @i'th option; NULL: there are no more.
const Option *arguments_option(guint i);

/// Whether the option was given.
gboolean arguments_has(const Arguments *arguments, const Option *option);

/// Takes the options out of @argv, which is not changed, wherever they stand.
gboolean arguments_parse(Arguments *arguments, int argc, char **argv, GError **error);

void arguments_clear(Arguments *arguments);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_clear)
