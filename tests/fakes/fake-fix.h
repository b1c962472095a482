// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/finding.h"

/// The lines to paste for VM 100, parted by newlines; NULL: there are none. Nobody frees it.
const char *fix_of(const Finding *finding);

/// Likewise, of an array of Fix, each line with a newline behind; NULL: there is no array.
const char *lines_of(const GPtrArray *fixes);

/// A finding that @command mends; NULL: nothing does. @command and @message are copied.
Finding *finding_mended_by(
    FindingCode code, Severity severity, const char *message, const char *command);
