/*
 * sender.c - encoding before the clock runs, sending while it does.
 */
#include "sender.h"

#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define RETRY_PAUSE_NS 50000000

static size_t pods_of(const struct sender_plan *plan)
{
    return (plan->n_series + MIX_POD_SERIES - 1) / MIX_POD_SERIES;
}

int sender_init(struct sender *s, const struct sender_plan *plan, size_t index, const char *url,
                struct fault *f)
{
    size_t n = pods_of(plan);

    *s = (struct sender){.plan = plan, .first = index};
    s->n_pods = n > index ? (n - index + plan->n_senders - 1) / plan->n_senders : 0;
    s->pods = xcalloc(s->n_pods + 1, sizeof(*s->pods));
    s->acked_rounds = plan->first_round;
    for (size_t i = 0; i < s->n_pods; i++)
        mix_pod_init(&s->pods[i], plan->seed, (uint32_t)(index + i * plan->n_senders), 0);
    return client_init(&s->client, url, f);
}

void sender_release(struct sender *s)
{
    client_release(&s->client);
    latency_release(&s->latency);
    buf_release(&s->bodies);
    buf_release(&s->message);
    free(s->requests);
    free(s->pods);
}

/* ---- encoding --------------------------------------------------------------------------- */

/*
 * How many pods stood in this place before: pods are replaced in turn, all but the first (whose
 * namespace KEDA's query asks for), so many a minute that their share is churn_percent.
 */
static uint32_t generation(const struct sender_plan *plan, uint32_t pod, uint32_t round)
{
    uint64_t minute = (uint64_t)round * (uint64_t)plan->interval / 60000;
    uint64_t n = pods_of(plan) - 1, replaced = minute * n * plan->churn_percent / 100;

    return pod == 0 || replaced < pod ? 0 : (uint32_t)((replaced - pod) / n + 1);
}

static void end_request(struct sender *s, uint32_t round, uint32_t n_samples, bool ends_round)
{
    size_t n = snappy_max_compressed_length(s->message.n);
    struct buf *out = &s->bodies;

    if (s->n_requests == s->cap_requests) {
        s->cap_requests = s->cap_requests == 0 ? 64 : s->cap_requests * 2;
        s->requests = xrealloc(s->requests, s->cap_requests, sizeof(*s->requests));
    }
    buf_reserve(out, n + 1);
    CHECK(snappy_compress(s->message.p, s->message.n, out->p + out->n, &n) == SNAPPY_OK);
    s->requests[s->n_requests++] = (struct sender_request){out->n, n, n_samples, round, ends_round};
    out->n += n;
    buf_reset(&s->message);
}

static void encode_round(struct sender *s, uint32_t round)
{
    const struct sender_plan *plan = s->plan;
    uint32_t n = 0;

    for (size_t i = 0; i < s->n_pods; i++) {
        struct mix_pod *p = &s->pods[i];
        size_t first = (size_t)p->pod * MIX_POD_SERIES;
        unsigned n_rows = (unsigned)MIN(MIX_POD_SERIES, plan->n_series - first);
        uint32_t gen = generation(plan, p->pod, round);
        ts_ms t = sender_time(plan, round);

        if (plan->spread)
            t += (ts_ms)(p->pod * UINT64_C(7919) % (uint64_t)plan->interval);
        if (gen != p->generation)
            mix_pod_init(p, plan->seed, p->pod, gen);
        for (unsigned row = 0; row < n_rows; row++) {
            mix_add_series(&s->message, p, row, t, mix_next(p, row, round));
            n++;
            if (n == plan->series_per_request) {
                end_request(s, round, n, false);
                n = 0;
            }
        }
    }
    if (n > 0)
        end_request(s, round, n, false);
    if (s->n_requests > 0)
        s->requests[s->n_requests - 1].ends_round = true;
}

void sender_encode(struct sender *s, uint32_t from, uint32_t to)
{
    buf_reset(&s->bodies);
    s->n_requests = 0;
    for (uint32_t round = from; round < to; round++)
        encode_round(s, round);
}

/* ---- sending ---------------------------------------------------------------------------- */

static void note_refusal(struct sender_counts *c, uint32_t n_samples, int status, struct str text)
{
    c->refused_requests++;
    c->refused_samples += n_samples;
    c->refused_status = status;
    (void)snprintf(c->refused_text, sizeof(c->refused_text), STR_FMT, STR_ARG(str_trim(text)));
}

/* Asks until the answer is not 503, or plan->retry is over. */
static int ask(struct sender *s, struct str head, const struct sender_request *rq, int *status,
               struct str *text)
{
    const struct timespec pause = {.tv_nsec = RETRY_PAUSE_NS};
    int64_t end = clock_mono_ns(clock_system()) + s->plan->retry * 1000000;

    for (;;) {
        int rc = client_ask(&s->client, head, (struct str){s->bodies.p + rq->at, rq->n}, status,
                            text, &s->fault);

        if (rc < 0 || *status != 503 || clock_mono_ns(clock_system()) > end)
            return rc;
        s->counts.retried++;
        (void)nanosleep(&pause, NULL);
    }
}

/* Sleeps until the round is due. */
static void wait_for(const struct sender_plan *plan, uint32_t round)
{
    int64_t due = plan->begin_ns + plan->round_ns * (round - plan->first_round);
    int64_t left = due - clock_mono_ns(clock_system());
    const struct timespec pause = {left / 1000000000, left % 1000000000};

    if (plan->round_ns > 0 && left > 0)
        (void)nanosleep(&pause, NULL);
}

static void note_ack(struct sender *s, const struct sender_request *rq)
{
    s->counts.requests++;
    s->counts.samples += rq->n_samples;
    s->counts.bytes += rq->n;
    s->acked_after += rq->n_samples;
    if (rq->ends_round) {
        s->acked_rounds = (int64_t)rq->round + 1;
        s->acked_after = 0;
    }
}

void sender_send(struct sender *s)
{
    char head[512];
    int n = snprintf(head, sizeof(head),
                     "POST %s HTTP/1.1\r\nUser-Agent: bench-load\r\n"
                     "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n"
                     "X-Prometheus-Remote-Write-Version: 0.1.0\r\n",
                     s->plan->path);

    for (size_t i = 0; i < s->n_requests && !s->lost; i++) {
        const struct sender_request *rq = &s->requests[i];
        int64_t begin;
        struct str text;
        int status = 0;

        wait_for(s->plan, rq->round);
        begin = clock_mono_ns(clock_system());
        if (ask(s, (struct str){head, (size_t)n}, rq, &status, &text) < 0) {
            s->lost = true;
            break;
        }
        latency_add(&s->latency, clock_mono_ns(clock_system()) - begin);
        if (status / 100 == 2)
            note_ack(s, rq);
        else
            note_refusal(&s->counts, rq->n_samples, status, text);
    }
}
