// SPDX-License-Identifier: LGPL-2.1-or-later
/* An entry counts, is proven dead, or is unknown. What counts is the same when it is written again;
 * what is unknown lets no other VM start that it could hold CPUs of, and only what is dead is
 * removed. The input is the entry of a VM that runs. */
#include "base/error.h"
#include "bind/ledger.h"
#include "fakes/fake-root.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

enum { VMID = 100, OTHER = 101, PID = 4711, START_TIME = 88 };

#define BOOT "7d0c4b0e-fake"
#define ENTRY LEDGER_PATH "/100.json"

static FakeRoot *fake;

static void prepare(void)
{
    fake = fake_root_new();
    fake_root_write(fake, "proc/sys/kernel/random/boot_id", BOOT "\n");
    fake_root_add_process(
        fake, PID, START_TIME, "/usr/bin/kvm -id 100 -pidfile /run/qemu-server/100.pid");
    fake_root_write(fake, "run/qemu-server/100.pid", "4711\n");
    fake_root_write(fake, "etc/pve/qemu-server/100.conf", "cores: 2\nlock: backup\n");
    fake_root_write(fake, "proc/locks", "");
}

/// Whether the entry says that it is of another boot, or of a process that is not there.
static gboolean names_another(const guint8 *data, gsize size)
{
    g_autofree char *text = g_strndup(size > 0 ? (const char *)data : "", size);
    g_autoptr(JsonObject) json = json_tokener_parse(text);
    const char *boot;
    gint64 pid, start_time;

    return json_get_string(json, "boot", &boot) && json_get_integer(json, "pid", G_MAXINT, &pid) &&
           json_get_integer(json, "start_time", G_MAXINT64, &start_time) &&
           (strcmp(boot, BOOT) != 0 || pid != PID || start_time != START_TIME);
}

/// As another start sees it.
static void assert_held(const LedgerEntry *entry, gboolean known)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Taken) taken = ledger_taken(fake->root, OTHER, &error);

    g_assert((taken == NULL) == (error != NULL));
    if (taken == NULL) {
        g_assert(!known && (entry == NULL || entry->reserved == NULL));
    } else if (entry == NULL || entry->yields) {
        g_assert(known || entry != NULL);
    } else {
        g_assert(hwloc_bitmap_isincluded(entry->reserved, taken->cpus));
    }
}

static void assert_kept(gboolean kept)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Ledger) ledger = ledger_lock(fake->root, 1000, &error);

    g_assert(ledger != NULL);
    g_assert(root_exists(fake->root, ENTRY) == kept);
}

static void assert_reads_back(const LedgerEntry *entry)
{
    g_autoptr(Ledger) ledger = ledger_lock(fake->root, 1000, NULL);
    g_autoptr(LedgerEntry) again = NULL;

    g_assert(ledger_write(ledger, VMID, &entry->owner, entry->owner_kind, entry->plan, NULL, NULL));
    g_assert(ledger_read(fake->root, VMID, &again, NULL) && again != NULL);
    g_autoptr(JsonObject) before = plan_to_json(entry->plan);
    g_autoptr(JsonObject) after = plan_to_json(again->plan);
    g_assert_cmpstr(json_object_to_json_string(after), ==, json_object_to_json_string(before));
    g_assert(process_is(&again->owner, &entry->owner) && again->owner_kind == entry->owner_kind);
    g_assert(again->yields == entry->yields);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(LedgerEntry) entry = NULL;
    g_autoptr(GError) error = NULL;

    if (fake == NULL) {
        prepare();
    }
    fake_root_write_bytes(fake, ENTRY, size > 0 ? (const char *)data : "", size);
    gboolean known = ledger_read(fake->root, VMID, &entry, &error);
    g_assert(known == (error == NULL));
    g_assert(!known || entry == NULL || entry->reserved != NULL);
    g_assert(!known || entry != NULL || names_another(data, size));
    assert_held(entry, known);
    assert_kept(!known || entry != NULL);
    if (known && entry != NULL) {
        g_assert(entry->vmid == VMID && entry->owner.pid == PID &&
                 entry->owner.start_time == START_TIME);
        if (entry->plan != NULL) {
            assert_reads_back(entry);
        }
    }
    return 0;
}
