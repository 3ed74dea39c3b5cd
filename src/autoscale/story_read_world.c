/*
 * story_read_world.c - `autoscale` of a test: versions, the app and its load, numbers, faults.
 */
#include <limits.h>
#include <math.h>

#include "ferula/base/check.h"
#include "story_load.h"

#define MIN_PERIOD_MS 1000 /* more often would take for ever, and nobody does it */

/* ---- load: text, or a list of {at, value} ------------------------------------------------ */

static void read_point(struct loader *l, const struct tree *v, void *target)
{
    static const struct story_key keys[] = {
        {"at",    story__duration, offsetof(struct load_point, t)},
        {"value", story__number,   offsetof(struct load_point, v)},
    };

    const struct load_point *p = target;

    STORY_MAP(l, v, keys, target);
    if (!isfinite(p->v) || p->v < 0)
        story__wrong(l, v, "'value' has to be a number of at least 0");
}

void story__load(struct loader *l, const struct tree *v, void *target)
{
    struct story_load *out = target;
    struct fault f;

    if (v->kind != TREE_LIST) {
        struct text_at text = {0};

        story__text(l, v, &text);
        if (text.s.p != NULL && load_parse(l->a, text.s, 0, &out->v, &out->n, &f) < 0)
            story__wrong(l, v, "%s", f.text);
        return;
    }
    story__list(l, v, sizeof(*out->v), read_point, &out->v, &out->n);
    for (size_t i = 1; i < out->n; i++)
        if (out->v[i].t <= out->v[i - 1].t)
            story__wrong(l, v->items[i], "the times of a load have to ascend");
}

/* ---- faults ----------------------------------------------------------------------------- */

struct fault_words {
    struct fault_span span;
    struct text_at answer;
    int64_t status, trigger;
};

/* A status may be written as the answer: `answer: 503`. */
static void set_kind(struct loader *l, const struct tree *v, struct fault_words *w)
{
    uint64_t status;

    if (w->answer.s.p == NULL) {
        story__wrong(l, v, "a fault needs 'answer'");
    } else if (str_to_u64(w->answer.s, &status) && status >= 300 && status < 600) {
        w->span.kind = FAULT_STATUS;
        w->status = (int64_t)status;
    } else if (!fault_kind_parse(w->answer.s, &w->span.kind)) {
        complain(l->complaints, w->answer.at, true,
                 "'" STR_FMT "' is no fault; there are empty, nan, inf, two, slow, gap, garbled, "
                 "scalar and HTTP statuses (503)",
                 STR_ARG(w->answer.s));
    } else if (w->span.kind == FAULT_STATUS && w->status == 0) {
        story__wrong(l, v, "a fault with the answer status needs 'status'");
    }
}

static void read_fault(struct loader *l, const struct tree *v, void *target)
{
    static const struct story_key keys[] = {
        {"from",    story__duration, offsetof(struct fault_words, span.from) },
        {"to",      story__duration, offsetof(struct fault_words, span.to)   },
        {"answer",  story__text,     offsetof(struct fault_words, answer)    },
        {"status",  story__count,    offsetof(struct fault_words, status)    },
        {"delay",   story__duration, offsetof(struct fault_words, span.delay)},
        {"trigger", story__count,    offsetof(struct fault_words, trigger)   },
    };
    struct fault_words w = {
        .span = {.to = INT64_MAX, .delay = INT64_MAX},
          .trigger = -1
    };

    STORY_MAP(l, v, keys, &w);
    set_kind(l, v, &w);
    if (w.span.to <= w.span.from)
        story__wrong(l, v, "a fault has to end after it begins");
    w.span.status = (int)w.status;
    w.span.trigger = (int)w.trigger;
    *(struct fault_span *)target = w.span;
}

void story__faults(struct loader *l, const struct tree *v, void *target)
{
    struct story_faults *out = target;

    story__list(l, v, sizeof(*out->v), read_fault, &out->v, &out->n);
}

/* ---- the app ---------------------------------------------------------------------------- */

struct app_words {
    struct story_load load;
    bool ramp;
    double capacity;
    dur_ms start_up, scrape_interval, warm_up;
    struct text_at metric, offered_metric;
};

/* A series without values; the default has the ScaledObject's namespace, see story_run.c. */
static struct labels read_metric(struct loader *l, const struct text_at *text)
{
    struct promql_series_value *values;
    struct labels ls = {0};
    struct fault f;
    size_t n;

    if (text->s.p == NULL)
        return ls;
    if (promql_parse_series(l->a, text->s, &ls, &values, &n, &f) < 0)
        complain(l->complaints, text->at, true, "%s", f.text);
    else if (n > 0 || labels_name(ls).n == 0)
        complain(l->complaints, text->at, true, "expected a metric with labels and no values");
    return ls;
}

static void read_app(struct loader *l, const struct tree *v, void *target)
{
    static const struct story_key keys[] = {
        {"load",            story__load,     offsetof(struct app_words, load)           },
        {"ramp",            story__bool,     offsetof(struct app_words, ramp)           },
        {"capacity",        story__number,   offsetof(struct app_words, capacity)       },
        {"start_up",        story__duration, offsetof(struct app_words, start_up)       },
        {"scrape_interval", story__duration, offsetof(struct app_words, scrape_interval)},
        {"warm_up",         story__duration, offsetof(struct app_words, warm_up)        },
        {"metric",          story__text,     offsetof(struct app_words, metric)         },
        {"offered_metric",  story__text,     offsetof(struct app_words, offered_metric) },
    };
    struct app_words w = {0};

    STORY_MAP(l, v, keys, &w);
    if (!(w.capacity >= 0))
        story__wrong(l, v, "capacity has to be at least 0");
    if (w.scrape_interval != 0 && w.scrape_interval < MIN_PERIOD_MS)
        story__wrong(l, v, "scrape_interval has to be at least 1s");
    if (w.warm_up > STORY_MAX_LENGTH)
        story__wrong(l, v, "warm_up is more than 32 days");
    *(struct app_model *)target = (struct app_model){
        .given = true,
        .load = w.load.v,
        .n_load = w.load.n,
        .steps = !w.ramp,
        .capacity = w.capacity,
        .start_up = w.start_up,
        .scrape_interval = w.scrape_interval,
        .warm_up = w.warm_up,
        .labels = read_metric(l, &w.metric),
        .offered_labels = read_metric(l, &w.offered_metric),
    };
}

/* ---- numbers ---------------------------------------------------------------------------- */

static void read_number(struct loader *l, const struct tree *v, void *target)
{
    static const struct story_key keys[] = {
        {"trigger", story__text, offsetof(struct story_numbers, trigger)},
        {"values",  story__load, offsetof(struct story_numbers, v)      },
    };

    /* `v` and `n` of the target are a struct story_load. */
    _Static_assert(offsetof(struct story_numbers, n) - offsetof(struct story_numbers, v) ==
                       offsetof(struct story_load, n),
                   "points and their number lie as in a load");
    ((struct story_numbers *)target)->trigger.s = STR("0");
    STORY_MAP(l, v, keys, target);
}

static void read_numbers(struct loader *l, const struct tree *v, void *target)
{
    struct story_test *t = target;

    story__list(l, v, sizeof(*t->numbers), read_number, &t->numbers, &t->n_numbers);
}

/* ---- versions, and all of it ------------------------------------------------------------ */

static void read_version(struct loader *l, const struct tree *v, int *out,
                         int (*parse)(struct str text, int *version, struct fault *f))
{
    struct text_at text = {0};
    struct fault f;

    story__text(l, v, &text);
    if (text.s.p != NULL && parse(text.s, out, &f) < 0)
        story__wrong(l, v, "%s", f.text);
}

static void read_keda(struct loader *l, const struct tree *v, void *target)
{
    read_version(l, v, target, autoscale_parse_keda);
}

static void read_k8s(struct loader *l, const struct tree *v, void *target)
{
    read_version(l, v, target, autoscale_parse_k8s);
}

static void read_sync_period(struct loader *l, const struct tree *v, void *target)
{
    dur_ms *period = target;

    story__duration(l, v, period);
    if (*period != 0 && *period < MIN_PERIOD_MS)
        story__wrong(l, v, "sync_period has to be at least 1s");
}

static void read_test_faults(struct loader *l, const struct tree *v, void *target)
{
    struct story_test *t = target;
    struct story_faults faults = {0};

    story__faults(l, v, &faults);
    t->faults = faults.v;
    t->n_faults = faults.n;
}

void story__world(struct loader *l, const struct tree *v, void *target)
{
    // clang-format off
    static const struct story_key keys[] = {
        {"initial_replicas", story__count,     offsetof(struct story_test, replicas)},
        {"created_at",       story__duration,  offsetof(struct story_test, created)},
        {"for",              story__duration,  offsetof(struct story_test, length)},
        {"keda_version",     read_keda,        offsetof(struct story_test, versions.keda)},
        {"k8s_version",      read_k8s,         offsetof(struct story_test, versions.k8s)},
        {"sync_period",      read_sync_period, offsetof(struct story_test, sync_period)},
        {"ready_after",      story__duration,  offsetof(struct story_test, ready_after)},
        {"app",              read_app,         offsetof(struct story_test, app)},
        {"numbers",          read_numbers,     0},
        {"faults",           read_test_faults, 0},
        {"changes",          story__changes,   0},
    };
    // clang-format on

    const struct story_test *t = target;

    STORY_MAP(l, v, keys, target);
    if (t->replicas > WORLD_PODS_MAX)
        story__wrong(l, v, "initial_replicas has to be at most %d", WORLD_PODS_MAX);
}
