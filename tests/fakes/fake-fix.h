// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/finding.h"

/// The lines of the first fix for VM 100, or of that of the finding that it goes with, parted by
/// newlines; NULL: there is none. Nobody frees it.
const char *fix_of(const Finding *finding);

/// Likewise, of an array of Fix, each line with a newline behind; NULL: there is no array.
const char *lines_of(const GPtrArray *fixes);

/// A finding that @command mends; NULL: nothing does. @command and @message are copied.
Finding *finding_mended_by(
    FindingCode code, Severity severity, const char *message, const char *command);
