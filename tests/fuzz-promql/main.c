/*
 * main.c - fuzz-promql: options, the loop over data sets, the summary.
 *
 * While the peer works on one data set's cases, ferula works on the same ones and the next are
 * made: two batches are under way at a time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferula/base/clock.h"
#include "fuzz.h"

/* So many expressions have everything in them. */
#define ENOUGH_FOR_ALL 20000

struct options {
    const char *peer;
    const char *text; /* instead of the case's own expression */
    uint64_t seed, first, n;
    uint64_t show; /* differences that are shrunk and printed */
    bool print;    /* the answers of every case */
    struct classes classes;
    bool all; /* classes are as by default */
};

struct batch {
    struct arena a;
    struct data_set d;
    struct test_case *cases;
    struct answer *own;
    size_t n;
};

struct run {
    const struct options *o;
    struct peer *peer;
    struct mem_source *source;
    struct judge judge;
    uint64_t next, done, errors, empty;
    uint64_t verdicts[DIFFERS + 1];
    struct coverage coverage;
    size_t missing; /* of what should have been made */
};

static void start_batch(struct run *r, struct batch *b)
{
    const struct options *o = r->o;
    uint64_t set = r->next / CASES_PER_SET, end = o->first + o->n;
    uint64_t to = (set + 1) * CASES_PER_SET < end ? (set + 1) * CASES_PER_SET : end;

    arena_reset(&b->a);
    data_make(&b->a, o->seed, set, &o->classes, &b->d);
    peer_data(r->peer, &b->d);
    b->n = (size_t)(to - r->next);
    b->cases = arena_array(&b->a, struct test_case, b->n);
    b->own = arena_array(&b->a, struct answer, b->n);
    for (size_t i = 0; i < b->n; i++, r->next++) {
        case_make(&b->a, o->seed, r->next, &b->d, &o->classes, &b->cases[i]);
        if (o->text != NULL)
            b->cases[i].text = str_of(o->text);
        peer_query(r->peer, &b->cases[i]);
        if (i % 8 == 0) /* some will do */
            coverage_add(&r->coverage, b->cases[i].text);
    }
    peer_flush(r->peer);
}

static void print_answers(const struct answer *own, const struct answer *peer)
{
    struct buf out = {0};

    buf_puts(&out, "  ferula:\n");
    answer_print(&out, own);
    buf_puts(&out, "  Prometheus:\n");
    answer_print(&out, peer);
    fputs(out.p, stdout);
    buf_release(&out);
}

static void print_case(const struct data_set *d, const struct test_case *c)
{
    printf("  " STR_FMT
           "\n  start %lld end %lld step %lld; lookback %lld, subquery step %lld%s%s\n",
           STR_ARG(c->text), (long long)c->start, (long long)c->end, (long long)c->step,
           (long long)d->lookback, (long long)d->subquery_step,
           d->delayed_name_removal ? ", delayed name removal" : "", c->inexact ? ", inexact" : "");
}

/* A difference: the case as it was made, then the least that shows it. */
static void show(struct run *r, const struct batch *b, const struct test_case *c, struct str what)
{
    struct data_set d = b->d;
    struct test_case small = *c;
    struct answer own, peer;
    struct buf out = {0};

    printf("\n#%llu: --seed %llu --case %llu: " STR_FMT "\n", (unsigned long long)c->number,
           (unsigned long long)r->o->seed, (unsigned long long)c->number, STR_ARG(what));
    print_case(&b->d, c);
    d.series = arena_array(r->judge.arena, struct series, d.n_series);
    memcpy(d.series, b->d.series, d.n_series * sizeof(*d.series));
    shrink(&r->judge, &d, &small);
    (void)judge_case(&r->judge, &d, &small, &own, &peer, &what);
    printf("  shrunk: " STR_FMT "\n", STR_ARG(what));
    print_case(&d, &small);
    for (size_t i = 0; i < d.n_series; i++)
        series_print(&out, &d.series[i]);
    fputs(out.n > 0 ? out.p : "", stdout);
    buf_release(&out);
    print_answers(&own, &peer);
    fflush(stdout);
}

static void suspect(struct run *r, const struct batch *b, const struct test_case *c)
{
    static const char *const names[] = {"same", "ordered", "wavers", "differs"};
    struct answer own, peer;
    enum verdict verdict;
    struct str what;

    data_load(&b->d, r->judge.source);
    peer_data(r->judge.peer, &b->d);
    verdict = judge_case(&r->judge, &b->d, c, &own, &peer, &what);
    r->verdicts[verdict]++;
    if (verdict == DIFFERS && r->verdicts[DIFFERS] <= r->o->show)
        show(r, b, c, what);
    else if (verdict == DIFFERS || (verdict != SAME && r->o->print))
        printf("%s: --case %llu: " STR_FMT ": " STR_FMT "\n", names[verdict],
               (unsigned long long)c->number, STR_ARG(what), STR_ARG(c->text));
    arena_reset(r->judge.arena);
}

static bool finish_batch(struct run *r, struct batch *b)
{
    data_load(&b->d, r->source);
    for (size_t i = 0; i < b->n; i++)
        own_answer(&b->a, r->source, &b->d, &b->cases[i], &b->own[i]);
    for (size_t i = 0; i < b->n; i++) {
        struct answer peer;

        if (!peer_answer(r->peer, &b->a, &peer)) {
            printf("Prometheus' engine has ended at case %llu: " STR_FMT "\n",
                   (unsigned long long)b->cases[i].number, STR_ARG(b->cases[i].text));
            return false;
        }
        r->done++;
        r->errors += peer.error.n > 0;
        r->empty += peer.error.n == 0 && peer.n_series == 0;
        if (answers_differ(&b->a, &b->cases[i], &b->own[i], &peer).n > 0)
            suspect(r, b, &b->cases[i]);
        if (r->o->n == 1 && (r->o->print || r->o->text != NULL)) {
            print_case(&b->d, &b->cases[i]);
            print_answers(&b->own[i], &peer);
        }
    }
    return true;
}

static void summary(const struct run *r, double seconds, bool ok)
{
    uint64_t differ = r->verdicts[DIFFERS];

    printf("seed %llu: %llu expressions in %.1f s, %.0f a second; %llu errors, %llu empty results\n"
           "%llu the same but for an order, %llu that Prometheus answers one way and another\n",
           (unsigned long long)r->o->seed, (unsigned long long)r->done, seconds,
           (double)r->done / seconds, (unsigned long long)r->errors, (unsigned long long)r->empty,
           (unsigned long long)r->verdicts[ORDERED], (unsigned long long)r->verdicts[WAVERS]);
    printf("%llu passed, %llu failed\n", (unsigned long long)(r->done - differ),
           (unsigned long long)(differ + r->missing + !ok));
}

static int run_all(struct run *r)
{
    struct batch batches[2] = {0};
    uint64_t end = r->o->first + r->o->n;
    int64_t began = clock_mono_ns(clock_system());
    bool ok = true;
    double seconds;

    r->next = r->o->first;
    start_batch(r, &batches[0]);
    for (size_t at = 0; ok && batches[at].n > 0; at = !at) {
        batches[!at].n = 0;
        if (r->next < end)
            start_batch(r, &batches[!at]);
        ok = finish_batch(r, &batches[at]);
    }
    seconds = (double)(clock_mono_ns(clock_system()) - began) / 1e9;
    if (r->o->all && r->done >= ENOUGH_FOR_ALL)
        r->missing = coverage_report(&r->coverage);
    summary(r, seconds, ok);
    arena_release(&batches[0].a);
    arena_release(&batches[1].a);
    return r->verdicts[DIFFERS] + r->missing > 0 || !ok;
}

static int usage(void)
{
    printf(
        "usage: fuzz-promql --peer PROGRAM [--seed N] [--first K] [--n COUNT] [--case K]\n"
        "                   [--classes LIST] [--show N] [--print]\n"
        "Evaluates random expressions with ferula and with Prometheus' engine (PROGRAM, of\n"
        "tests/interop/promeval). --case K is --first K --n 1; with --print it shows both answers.\n"
        "LIST: names that are on, or +name,-name to change the defaults. Classes:\n");
    classes_print();
    return 2;
}

static bool parse_options(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        uint64_t *number = strcmp(argv[i], "--seed") == 0    ? &o->seed
                           : strcmp(argv[i], "--first") == 0 ? &o->first
                           : strcmp(argv[i], "--case") == 0  ? &o->first
                           : strcmp(argv[i], "--n") == 0     ? &o->n
                           : strcmp(argv[i], "--show") == 0  ? &o->show
                                                             : NULL;

        if (strcmp(argv[i], "--print") == 0) {
            o->print = true;
            continue;
        }
        i++;
        if (strcmp(argv[i - 1], "--peer") == 0)
            o->peer = value;
        else if (strcmp(argv[i - 1], "--text") == 0)
            o->text = value;
        else if (strcmp(argv[i - 1], "--classes") == 0 && classes_choose(&o->classes, value))
            o->all = false;
        else if (number == NULL || !str_to_u64(str_of(value), number))
            return false;
        if (strcmp(argv[i - 1], "--case") == 0)
            o->n = 1;
    }
    return o->peer != NULL && o->n > 0;
}

int main(int argc, char **argv)
{
    struct options o = {.seed = 1, .n = 4000, .show = 10, .all = true};
    struct arena a = {0};
    struct run r = {.o = &o};
    int rc;

    classes_default(&o.classes);
    if (!parse_options(argc, argv, &o))
        return usage();
    r.peer = peer_start(o.peer);
    r.source = mem_source_new();
    r.judge = (struct judge){peer_start(o.peer), mem_source_new(), &a};
    if (r.peer == NULL || r.judge.peer == NULL) {
        perror(o.peer);
        return 1;
    }
    rc = run_all(&r);
    peer_stop(r.peer);
    peer_stop(r.judge.peer);
    mem_source_free(r.source);
    mem_source_free(r.judge.source);
    arena_release(&a);
    return rc;
}
