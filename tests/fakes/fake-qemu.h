// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "fakes/fake-root.h"

/// A QMP server in a thread of the test, on <root>/run/qemu-server/<vmid>.qmp. It answers as QEMU
/// does until it is told otherwise; it serves one client at a time, as QEMU does.
typedef struct FakeQemu FakeQemu;

/// What it does in place of its part.
typedef enum {
    FAKE_QEMU_GOOD,
    FAKE_QEMU_SILENT,        // takes the connection and never greets
    FAKE_QEMU_STALLS,        // greets, then never answers
    FAKE_QEMU_SPLITS,        // sends its answers byte by byte
    FAKE_QEMU_CLOSES,        // greets and closes
    FAKE_QEMU_GARBAGE,       // answers with what is no JSON
    FAKE_QEMU_HUGE_LINE,     // sends without end and without a newline
    FAKE_QEMU_EVENTS_FIRST,  // sends events before each answer
    FAKE_QEMU_OTHER_REPLIES, // sends another command's reply before each answer
    FAKE_QEMU_REFUSES,       // answers each command but qmp_capabilities with an error
    FAKE_QEMU_EVENTS_ONLY,   // sends events without end, never an answer
    FAKE_QEMU_DRIPS,         // sends a byte now and then, never a whole answer
} FakeQemuManner;

FakeQemu *fake_qemu_new(FakeRoot *fake, guint vmid, FakeQemuManner manner);
void fake_qemu_free(FakeQemu *qemu);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeQemu, fake_qemu_free)

/// What it returns to a command, as JSON. Defaults: no vCPUs, no iothreads, status "running".
void fake_qemu_answer(FakeQemu *qemu, const char *command, const char *json);

/// What it says where it answers with an error, and where it is asked what it does not know.
void fake_qemu_refuse_with(FakeQemu *qemu, const char *description);

/// How often a command came.
guint fake_qemu_count(FakeQemu *qemu, const char *command);

/// It is good until this command comes, and has its manner from there on.
void fake_qemu_misbehave_from(FakeQemu *qemu, const char *command);

/// Called in the fake's own thread before each command is answered, so that a test can make things
/// happen meanwhile.
typedef void (*FakeQemuHook)(const char *command, gpointer data);
void fake_qemu_on_command(FakeQemu *qemu, FakeQemuHook hook, gpointer data);
