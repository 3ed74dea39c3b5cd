/*
 * fuzz_remote_read.c - any bytes as a request of remote read: as the body, or as the message in it,
 * as the first byte says. The same body decodes to the same twice, and what it asks can be asked.
 */
#include <snappy-c.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/ingest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct ingest_limits limits = {1u << 20, 8, 64, 256};

static void check_query(const struct ingest_read_query *q, const struct ingest_read_query *again)
{
    static const struct label some[] = {
        {STR("__name__"), STR("up")  },
        {STR("job"),      STR("node")}
    };
    bool all = true;

    CHECK(q->range.from == again->range.from && q->range.to == again->range.to);
    CHECK(q->n_matchers == again->n_matchers);
    for (size_t i = 0; i < q->n_matchers; i++) {
        const struct matcher *m = &q->m[i];

        CHECK(m->op == again->m[i].op && m->op <= MATCH_NRE);
        CHECK(str_eq(m->name, again->m[i].name) && str_eq(m->value, again->m[i].value));
        CHECK((m->re != NULL) == (m->op == MATCH_RE || m->op == MATCH_NRE));
        all &= matchers_match(m, 1, (struct labels){some, COUNT(some)});
    }
    CHECK(matchers_match(q->m, q->n_matchers, (struct labels){some, COUNT(some)}) == all);
}

static void run(struct str body)
{
    struct ingest_read_request r, again;
    struct arena a = {0};
    struct fault f = {0};
    int rc = ingest_decode_read(&a, &limits, body, &r, &f);

    if (rc == 0) {
        CHECK(ingest_decode_read(&a, &limits, body, &again, NULL) == 0);
        CHECK(r.streamed == again.streamed && r.n_queries == again.n_queries);
        for (size_t i = 0; i < r.n_queries; i++)
            check_query(&r.queries[i], &again.queries[i]);
    } else {
        CHECK((rc == FER_EINVAL || rc == FER_ELIMIT) && f.text[0] != '\0');
    }
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    size_t packed;
    char *body;

    if (n == 0)
        return 0;
    if (data[0] & 1) {
        run((struct str){(const char *)data + 1, n - 1});
        return 0;
    }
    packed = snappy_max_compressed_length(n - 1);
    body = malloc(packed);
    CHECK(body != NULL &&
          snappy_compress((const char *)data + 1, n - 1, body, &packed) == SNAPPY_OK);
    run((struct str){body, packed});
    free(body);
    return 0;
}
