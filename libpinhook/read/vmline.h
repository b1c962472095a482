// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

/* The grammar of a VM's config file, as Proxmox has it: lines, and the values of its schema. */

/// What a line is (PVE::QemuServer, parse_vm_config).
typedef enum {
    VMLINE_NOTHING, // blank, or a comment
    VMLINE_SETTING,
    VMLINE_SECTION, // the header of one: what follows does not describe the VM
    VMLINE_BROKEN,  // Proxmox warns of it and reads on
} VmLineKind;

/// Only of a setting `key: value` @key and @value are written; the caller frees them. The value is
/// without blanks around it. `key:` with blanks alone behind it has the last of these for a value;
/// without any it is broken.
VmLineKind vmline_parse(const char *line, char **key, char **value);

/// Where the number behind a key such as `numa0` begins; where there is none, the key's end.
const char *vmline_key_number(const char *key);

/* Values (PVE::QemuServer, check_type; PVE::JSONSchema, check_type). FALSE: it is none, and nothing
 * is written. */

/// 1, on, yes, true; 0, off, no, false.
gboolean vmline_boolean(const char *text, gboolean *value);

/// Digits alone. Above 64 bits: G_MAXUINT64.
gboolean vmline_integer(const char *text, guint64 *value);

/// Digits, and behind a point more of them.
gboolean vmline_number(const char *text, double *value);

/// The same as part of a property string, where it may also be signed, lack digits on one side of
/// the point, and have an exponent.
gboolean vmline_property_number(const char *text, double *value);

/// `local:snippets/x` (PVE::JSONSchema, parse_volume_id).
gboolean vmline_is_volume(const char *text);

/// `0-3;8`: without blanks (PVE::QemuServer::Memory, $numa_fmt). `3-1` is one to Proxmox until it
/// starts the VM.
gboolean vmline_is_id_list(const char *text);

/// Without the quotes around it that Proxmox takes off a string that has no format. The caller
/// frees it; NULL: it is empty or 0, which Perl takes for not given.
char *vmline_unquote(const char *text);

/// Takes one property into @into. FALSE: it is none.
typedef gboolean (*VmLineProperty)(gpointer into, const char *key, const char *value);

/// Reads `a=1,b=2` (PVE::JSONSchema, parse_property_string), in which empty parts are passed over.
/// FALSE: a key is given twice, a value is missing, or @take refuses one. A part without a key, one
/// at most, has @bare_key for it (NULL: there can be none).
gboolean vmline_properties(
    const char *text, const char *bare_key, VmLineProperty take, gpointer into);
