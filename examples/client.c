// SPDX-License-Identifier: LGPL-2.1-or-later
/* A program of your own on libpinhook: says whether a VM would start.
 *
 *     cc client.c $(pkg-config --cflags --libs pinhook) -o client && ./client 100
 */
#include <pinhook.h>

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;

    if (argc != 2) {
        fprintf(stderr, "usage: client VMID\n");
        return 2;
    }
    g_autoptr(PinhookReport) report = pinhook_check(NULL, (unsigned)atoi(argv[1]), &error);
    if (report == NULL) {
        fprintf(stderr, "client: %s\n", error->message);
        return 3;
    }
    g_autofree char *text = pinhook_report_to_text(report);
    fputs(text, stdout);
    return pinhook_report_exit_status(report);
}
