/*
 * reasons.c - the rules that decide replica counts, by name.
 */
#include "ferula/autoscale/sim.h"

#include "ferula/base/check.h"

static const struct {
    const char *name, *text;
} reasons[N_REASONS] = {
#define R(name, text, source) [REASON_##name] = {#name, text},
#include "ferula/autoscale/reasons.tbl.h"
#undef R
};

const char *reason_name(enum reason r)
{
    CHECK(r < N_REASONS);
    return reasons[r].name;
}

const char *reason_text(enum reason r)
{
    CHECK(r < N_REASONS);
    return reasons[r].text;
}

bool reason_parse(struct str name, enum reason *out)
{
    for (size_t i = 0; i < N_REASONS; i++)
        if (str_is(name, reasons[i].name)) {
            *out = (enum reason)i;
            return true;
        }
    return false;
}
