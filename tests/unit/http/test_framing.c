/*
 * test_framing.c - requests that two servers could read differently. Each is followed by a second
 * request on the same connection, which must never be answered: it may be somebody else's body.
 */
#include "fixture.h"

#define NEXT        "GET /echo?a=smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST        "POST /echo HTTP/1.1\r\n"
#define HOST        "Host: x\r\n"
#define BYTES(text) text NEXT, sizeof(text NEXT) - 1

static struct framing_case {
    const char *name; /* the shape */
    const char *bytes;
    size_t n;
    int status; /* 0: closed without an answer, -1: either that or 400 */
} cases[] = {
    {"two lengths",                      BYTES(POST HOST "Content-Length: 3\r\nContent-Length: 60\r\n\r\nabc"), 400},
    {"two equal lengths",                BYTES(POST HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
     400                                                                                                           },
    {"two lengths in one",               BYTES(POST HOST "Content-Length: 3, 3\r\n\r\nabc"),                    400},
    {"a signed length",                  BYTES(POST HOST "Content-Length: +3\r\n\r\nabc"),                      400},
    {"a negative length",                BYTES(POST HOST "Content-Length: -3\r\n\r\nabc"),                      400},
    {"a hexadecimal length",             BYTES(POST HOST "Content-Length: 0x3\r\n\r\nabc"),                     400},
    {"an empty length",                  BYTES(POST HOST "Content-Length: \r\n\r\nabc"),                        400},
    {"a length over 64 bits",            BYTES(POST HOST "Content-Length: 18446744073709551619\r\n\r\nabc"),
     413                                                                                                           },
    {"length and chunked",
     BYTES(POST HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),                       400},
    {"chunked and length",
     BYTES(POST HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),                       400},
    {"two codings",
     BYTES(POST HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
     400                                                                                                           },
    {"an unknown coding",                BYTES(POST HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),       400},
    {"a list of codings",                BYTES(POST HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
     400                                                                                                           },
    {"gzip coding",                      BYTES(POST HOST "Transfer-Encoding: gzip\r\n\r\nabc"),                 400},
    {"chunked in HTTP/1.0",
     BYTES("POST /echo HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),                       400},
    {"a blank before the colon",         BYTES(POST HOST "Content-Length : 3\r\n\r\nabc"),                      400},
    {"a tab before the colon",           BYTES(POST HOST "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"),
     400                                                                                                           },
    {"a blank before the name",          BYTES(POST HOST " Content-Length: 3\r\n\r\nabc"),                      400},
    {"a folded header",                  BYTES(POST HOST "X: a\r\n b\r\n\r\n"),                                 400},
    {"a folded length",                  BYTES(POST HOST "Content-Length:\r\n 3\r\n\r\nabc"),                   400},
    {"a header without a colon",         BYTES(POST HOST "Content-Length 3\r\n\r\n"),                           400},
    {"a header without a name",          BYTES(POST HOST ": 3\r\n\r\n"),                                        400},
    {"a name with a parenthesis",        BYTES(POST HOST "Content(Length): 3\r\n\r\nabc"),                      400},
    {"a NUL in a value",                 BYTES(POST HOST "X: a\0b\r\n\r\n"),                                    400},
    {"a NUL at the end of a value",      BYTES(POST HOST "X: a\0\r\n\r\n"),                                     400},
    {"a NUL as a value",                 BYTES(POST HOST "X:\0\r\n\r\n"),                                       400},
    {"a NUL in a name",                  BYTES(POST HOST "Content\0-Length: 3\r\n\r\nabc"),                     400},
    {"a NUL before a name",              BYTES(POST HOST "\0Content-Length: 3\r\n\r\nabc"),                     400},
    {"a NUL in the target",              BYTES("POST /echo\0/x HTTP/1.1\r\n" HOST "\r\n"),                      -1 },
    {"a NUL in the method",              BYTES("PO\0ST /echo HTTP/1.1\r\n" HOST "\r\n"),                        -1 },
    {"a control byte in a value",
     BYTES(POST HOST "X: a\x01"
                     "b\r\n\r\n"),
     400                                                                                                           },
    {"DEL in a value",
     BYTES(POST HOST "X: a\x7f"
                     "b\r\n\r\n"),
     400                                                                                                           },
    {"a bare CR in a value",             BYTES(POST HOST "X: a\rContent-Length: 3\r\n\r\nabc"),                 400},
    {"a control byte in the target",     BYTES("POST /echo\x01 HTTP/1.1\r\n" HOST "\r\n"),                      400},
    {"a bare LF after a header",         BYTES(POST HOST "X: a\nContent-Length: 3\r\n\r\nabc"),                 400},
    {"a bare LF after the request line", BYTES("POST /echo HTTP/1.1\n" HOST "\r\n"),                            400},
    {"a bare LF at the end of the head", BYTES(POST HOST "\n"),                                                 400},
    {"bare LFs only",                    BYTES("POST /echo HTTP/1.1\nHost: x\n\n"),                             400},
    {"LF CR in a header",                BYTES(POST HOST "X: a\n\rContent-Length: 3\r\n\r\nabc"),               400},
    {"CR CR LF after a header",          BYTES(POST HOST "X: a\r\r\n\r\n"),                                     400},
    {"no host",                          BYTES("POST /echo HTTP/1.1\r\n\r\n"),                                  400},
    {"two hosts",                        BYTES(POST HOST "Host: y\r\n\r\n"),                                    400},
    {"a blank in the target",            BYTES("POST /echo /x HTTP/1.1\r\n" HOST "\r\n"),                       -1 },
    {"two blanks before the target",     BYTES("POST  /echo HTTP/1.1\r\n" HOST "\r\n"),                         400},
    {"two blanks before the version",    BYTES("POST /echo  HTTP/1.1\r\n" HOST "\r\n"),                         -1 },
    {"a blank after the version",        BYTES("POST /echo HTTP/1.1 \r\n" HOST "\r\n"),                         -1 },
    {"no version",                       BYTES("POST /echo\r\n" HOST "\r\n"),                                   -1 },
    {"a version to come",                BYTES("POST /echo HTTP/1.9\r\n" HOST "\r\n"),                          400},
    {"an old version",                   BYTES("POST /echo HTTP/0.9\r\n" HOST "\r\n"),                          505},
    {"a malformed method",               BYTES("PO(ST /echo HTTP/1.1\r\n" HOST "\r\n"),                         400},
    {"a chunk size that is no number",
     BYTES(POST HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"),                               400},
    {"a chunk size with 0x",
     BYTES(POST HOST "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n"),                              400},
    {"a chunk size over 64 bits",
     BYTES(POST HOST "Transfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n"),
     413                                                                                                           },
    {"a chunk longer than it says",
     BYTES(POST HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n"),                               400},
};

/* These are read, and the connection ends with them: nobody can tell what follows. */
static struct framing_case ends[] = {
    {"a chunked body",                    BYTES(POST HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
     200                                                                                                                 },
    {"a chunked body with bare LFs",
     BYTES(POST HOST "Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n"),                                              200},
    {"a chunk extension with a bare LF",
     BYTES(POST HOST "Transfer-Encoding: chunked\r\n\r\n3;a\nabc\r\n0\r\n\r\n"),                                      200},
    {"a refused body that waits for 100",
     BYTES("POST /nothing HTTP/1.1\r\n" HOST
           "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"),
     404                                                                                                                 },
};

static void test_shape(void **state)
{
    const struct framing_case *c = *state;
    int hits = atomic_load(&shared.n_hits);
    struct buf reply = {0};

    exchange(&shared, c->bytes, c->n, &reply);
    if (c->status >= 0 ? status_of(&reply) != c->status
                       : status_of(&reply) != 400 && status_of(&reply) != 0)
        fail_msg("want %d, got: %s", c->status, reply.p);
    assert_false(has(&reply, "smuggled"));
    /* The head of libmicrohttpd's own answers comes twice; it is one answer all the same. */
    if (count_of(&reply, "HTTP/1.1 ") > 1 && !has(&reply, "<html>"))
        fail_msg("two answers: %s", reply.p);
    assert_int_equal(atomic_load(&shared.n_hits) - hits, c->status == 200);
    buf_release(&reply);
}

/* The same head in pieces of one byte is the same head. */
static void test_pieces(void **state)
{
    const char *text =
        "GET /echo?a=1 HTTP/1.1\r\nHost: x\r\nX:\t a b \r\nConnection: close\r\n\r\n";
    struct buf reply = {0};
    int fd = dial(&shared);

    (void)state;
    for (size_t i = 0; text[i] != '\0'; i++) {
        say(fd, text + i, 1);
        usleep(100);
    }
    hear_all(fd, &reply);
    close(fd);
    assert_int_equal(status_of(&reply), 200);
    assert_true(has(&reply, "a=\"1\""));
    buf_release(&reply);
}

/* Blank lines before a request are allowed by RFC 9112, 2.2. */
static void test_blank_lines(void **state)
{
    const char *text = "\r\n\r\nGET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct buf reply = {0};

    (void)state;
    exchange(&shared, text, strlen(text), &reply);
    assert_int_equal(status_of(&reply), 200);
    buf_release(&reply);
}

static struct big_case {
    const char *name;
    size_t target, header;
    size_t n_headers;
    int status;
} bigs[] = {
    {"a target of 20 KiB is served", 20000,  0,      0,     200},
    {"a target of 100 KiB is 414",   100000, 0,      0,     414},
    {"a header of 20 KiB is served", 0,      20000,  1,     200},
    {"a header of 100 KiB is 431",   0,      100000, 1,     431},
    {"100 headers are served",       0,      10,     100,   200},
    {"300 headers are refused",      0,      10,     300,   400},
    {"10,000 headers are refused",   0,      10,     10000, 431},
};

static void test_big(void **state)
{
    const struct big_case *c = *state;
    struct buf text = {0}, reply = {0};

    buf_puts(&text, "GET /echo?a=");
    for (size_t i = 0; i < c->target; i++)
        buf_putc(&text, 'a');
    buf_puts(&text, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
    for (size_t i = 0; i < c->n_headers; i++) {
        buf_addf(&text, "X-%zu: ", i);
        for (size_t j = 0; j < c->header; j++)
            buf_putc(&text, 'v');
        buf_puts(&text, "\r\n");
    }
    buf_puts(&text, "\r\n");
    exchange(&shared, text.p, text.n, &reply);
    /* With data unread the reset may overtake the answer. */
    if (status_of(&reply) != c->status && !(c->status > 400 && status_of(&reply) == 0))
        fail_msg("want %d, got: %s", c->status, reply.p);
    buf_release(&text);
    buf_release(&reply);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, cases, test_shape, name);
    CASES_ADD_TABLE(&c, ends, test_shape, name);
    CASES_ADD_TABLE(&c, bigs, test_big, name);
    cases_add(&c, "a head byte by byte", test_pieces, NULL);
    cases_add(&c, "blank lines first", test_blank_lines, NULL);
    return CASES_RUN_BETWEEN("http framing", &c, shared_start, shared_stop);
}
