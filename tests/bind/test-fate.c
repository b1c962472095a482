// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bind/fate.h"

/* Every combination, against the rule in other words. */

typedef enum { PROVEN, REFUTED, NOT_KNOWN, PROOFS } Proof;

typedef struct {
    Circumstances c;
    Proof proof;
} Case;

enum { FLAGS = 5, CASES = (1 << FLAGS) * PROOFS * 3 * 3 };

static Case make_case(guint number)
{
    guint flags = number % (1 << FLAGS), rest = number / (1 << FLAGS);
    Case one = { .proof = (Proof)(rest % PROOFS) };

    one.c = (Circumstances){ .frozen = flags & 1,
        .first = flags >> 1 & 1,
        .locked = flags >> 2 & 1,
        .incoming = flags >> 3 & 1,
        .resumed = flags >> 4 & 1,
        .proven = one.proof == PROVEN,
        .refuted = one.proof == REFUTED,
        .mode = (PolicyMode)(rest / PROOFS % 3),
        .unproven = (PolicyUnproven)(rest / PROOFS / 3) };
    return one;
}

/// Whether anything at all may be done about the guest.
static gboolean is_ours(const Case *one)
{
    return one->c.frozen && !one->c.locked && !one->c.incoming;
}

/// A start that is at stake: nothing is lost that was ever there.
static gboolean is_at_stake(const Case *one)
{
    return is_ours(one) && one->c.first && !one->c.resumed && one->c.mode == POLICY_ENFORCE &&
           one->proof != PROVEN;
}

static void test_every_combination(void)
{
    static const Fate at_stake[][PROOFS] = {
        [POLICY_FAIL] = { [REFUTED] = FATE_ENDED, [NOT_KNOWN] = FATE_RELEASED },
        [POLICY_RUN] = { [REFUTED] = FATE_RELEASED, [NOT_KNOWN] = FATE_RELEASED },
        [POLICY_STOP] = { [REFUTED] = FATE_ENDED, [NOT_KNOWN] = FATE_ENDED },
    };
    guint counts[3] = { 0 };

    for (guint i = 0; i < CASES; i++) {
        Case one = make_case(i);
        Fate fate = fate_of(&one.c);
        Fate wanted = !is_ours(&one)      ? FATE_GOES_ON
                      : is_at_stake(&one) ? at_stake[one.c.unproven][one.proof]
                                          : FATE_RELEASED;
        if (fate != wanted) {
            g_error("case %u: %d, not %d", i, fate, wanted);
        }
        counts[fate]++;
    }
    g_assert_cmpuint(counts[FATE_GOES_ON], ==, CASES / 8 * 7);
    g_assert_cmpuint(counts[FATE_ENDED], ==, 3);
}

/* What would hurt most, each in a line. */

static void test_running_guest_is_never_touched(void)
{
    for (guint i = 0; i < CASES; i++) {
        Case one = make_case(i);
        if (!one.c.frozen) {
            g_assert_cmpint(fate_of(&one.c), ==, FATE_GOES_ON);
        }
    }
}

static void test_warn_and_off_always_let_run(void)
{
    for (guint i = 0; i < CASES; i++) {
        Case one = make_case(i);
        if (one.c.mode != POLICY_ENFORCE && is_ours(&one)) {
            g_assert_cmpint(fate_of(&one.c), ==, FATE_RELEASED);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fate/every-combination", test_every_combination);
    g_test_add_func("/fate/running-guest-is-never-touched", test_running_guest_is_never_touched);
    g_test_add_func("/fate/warn-and-off-always-let-run", test_warn_and_off_always_let_run);
    return g_test_run();
}
