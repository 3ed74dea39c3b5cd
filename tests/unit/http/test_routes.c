/* test_routes.c - routing, methods, parameters, CORS, compression: what a good request gets. */
#include "fixture.h"

#include <zlib.h>

#define CLOSE "Host: x\r\nConnection: close\r\n"
#define FORM  "Content-Type: application/x-www-form-urlencoded\r\n"

static struct exchange_case {
    const char *name; /* a sentence that is true when the test passes */
    const char *request;
    int status;
    const char *has[4];
    const char *lacks;
} cases[] = {
    {"GET reaches its route",
     "GET /echo HTTP/1.1\r\n" CLOSE "\r\n",
     200,                                                                                                   {"method=1 path=/echo body=0\n", "Content-Type: text/plain; charset=utf-8\r\n"},
     NULL                                                                                                                                                                                                    },
    {"a worker answers as well",                "GET /pool HTTP/1.1\r\n" CLOSE "\r\n",                 200, {"path=/pool"},                                                                  NULL            },
    {"the root is a path",                      "GET / HTTP/1.1\r\n" CLOSE "\r\n",                     200, {"path=/ "},                                                                     NULL            },
    {"repeated slashes are one",
     "GET //api///v1/label//a/values HTTP/1.1\r\n" CLOSE "\r\n",
     200,                                                                                                   {"path=/api/v1/label/a/values arg=\"a\""},
     NULL                                                                                                                                                                                                    },
    {"a trailing slash is none",
     "GET /echo/ HTTP/1.1\r\n" CLOSE "\r\n",
     200,                                                                                                   {"path=/echo "},
     NULL                                                                                                                                                                                                    },
    {"a slash may be data",
     "GET /api/v1/label/a%2Fb/values HTTP/1.1\r\n" CLOSE "\r\n",
     200,                                                                                                   {"arg=\"a/b\""},
     NULL                                                                                                                                                                                                    },
    {"a NUL cuts nothing",
     "GET /api/v1/label/a%00b/values HTTP/1.1\r\n" CLOSE "\r\n",
     200,                                                                                                   {"arg=\"a\\x00b\""},
     NULL                                                                                                                                                                                                    },
    {"the rest of a path is one argument",
     "GET /rest/a/b/c HTTP/1.1\r\n" CLOSE "\r\n",
     200,                                                                                                   {"arg=\"a/b/c\""},
     NULL                                                                                                                                                                                                    },
    {"no rest is an empty argument",
     "GET /rest HTTP/1.1\r\n" CLOSE "\r\n",
     200,                                                                                                   {"arg=\"\""},
     NULL                                                                                                                                                                                                    },
    {"an absolute target has a path",
     "GET http://x:1/echo?a=1 HTTP/1.1\r\n" CLOSE "\r\n",
     200,                                                                                                   {"path=/echo a=\"1\""},
     NULL                                                                                                                                                                                                    },
    {"an unknown path is 404",
     "GET /nothing HTTP/1.1\r\n" CLOSE "\r\n",
     404,                                                                                                   {"\r\n\r\n404 page not found\n"},
     NULL                                                                                                                                                                                                    },
    {"dots go nowhere",                         "GET /api/../echo HTTP/1.1\r\n" CLOSE "\r\n",          404, {NULL},                                                                          NULL            },
    {"a part too many is 404",                  "GET /echo/more HTTP/1.1\r\n" CLOSE "\r\n",            404, {NULL},                                                                          NULL            },
    {"a malformed escape in the path is 400",
     "GET /echo%zz HTTP/1.1\r\n" CLOSE "\r\n",
     400,                                                                                                   {NULL},
     NULL                                                                                                                                                                                                    },
    {"a wrong method is 405",
     "PUT /echo HTTP/1.1\r\n" CLOSE "\r\n",
     405,                                                                                                   {"Allow: GET, POST, HEAD\r\n", "Method Not Allowed\n"},
     NULL                                                                                                                                                                                                    },
    {"an unknown method is 405",                "BREW /echo HTTP/1.1\r\n" CLOSE "\r\n",                405, {NULL},                                                                          NULL            },
    {"HEAD has GET's length and no body",
     "HEAD /echo HTTP/1.1\r\n" CLOSE "\r\n",
     200,                                                                                                   {"Content-Length: 28\r\n"},
     "method="                                                                                                                                                                                               },
    {"204 has no body",                         "GET /status/204 HTTP/1.1\r\n" CLOSE "\r\n",           204, {NULL},                                                                          "Content-Length"},
    {"499 is sent as it is",
     "GET /status/499 HTTP/1.1\r\n" CLOSE "\r\n",
     499,                                                                                                   {"code 499\n", "X-Test: yes\r\n"},
     NULL                                                                                                                                                                                                    },
    {"503 has its text",                        "GET /status/503 HTTP/1.1\r\n" CLOSE "\r\n",           503, {"code 503\n"},                                                                  NULL            },

    {"parameters are decoded",
     "GET /echo?a=%41+b%2B&b=2 HTTP/1.1\r\n" CLOSE "\r\n",
     200,                                                                                                   {" a=\"A b+\""},
     NULL                                                                                                                                                                                                    },
    {"a repeated parameter keeps its order",
     "GET /echo?a=1&b=2&a=3&a HTTP/1.1\r\n" CLOSE "\r\n",
     200,                                                                                                   {" a=\"1\" a=\"3\" a=\"\""},
     NULL                                                                                                                                                                                                    },
    {"a parameter may hold NUL",
     "GET /echo?a=x%00y HTTP/1.1\r\n" CLOSE "\r\n",
     200,                                                                                                   {" a=\"x\\x00y\""},
     NULL                                                                                                                                                                                                    },
    {"a malformed escape is told as Go does",
     "GET /echo?a=%zz1&a=2 HTTP/1.1\r\n" CLOSE "\r\n",
     200,                                                                                                   {" a=\"2\"", " bad=invalid URL escape \"%zz\""},
     NULL                                                                                                                                                                                                    },
    {"an escape cut short is told",
     "GET /echo?a=1&b=%4 HTTP/1.1\r\n" CLOSE "\r\n",
     200,                                                                                                   {" a=\"1\"", " bad=invalid URL escape \"%4\""},
     NULL                                                                                                                                                                                                    },
    {"a semicolon is an error",
     "GET /echo?a=1;a=2&a=3 HTTP/1.1\r\n" CLOSE "\r\n",
     200,                                                                                                   {" a=\"3\"", " bad=invalid semicolon separator in query"},
     NULL                                                                                                                                                                                                    },
    {"the body's values come first",
     "POST /echo?a=url HTTP/1.1\r\n" CLOSE FORM "Content-Length: 11\r\n\r\na=body&a=b2",
     200,                                                                                                   {" a=\"body\" a=\"b2\" a=\"url\" url_a=url"},
     NULL                                                                                                                                                                                                    },
    {"the body's error comes first",
     "POST /echo?a=%qq HTTP/1.1\r\n" CLOSE FORM "Content-Length: 5\r\n\r\na=%xx",
     200,                                                                                                   {" bad=invalid URL escape \"%xx\""},
     NULL                                                                                                                                                                                                    },
    {"another content type is no form",
     "POST /echo HTTP/1.1\r\n" CLOSE "Content-Length: 3\r\n\r\na=1",
     200,                                                                                                   {" body=3:a=1\n"},
     " a="                                                                                                                                                                                                   },
    {"a form's type may have parameters",
     "POST /pool HTTP/1.1\r\n" CLOSE
     "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Length: 3\r\n\r\na=1",
     200,                                                                                                   {" a=\"1\""},
     NULL                                                                                                                                                                                                    },
    {"POST without a length has no body",
     "POST /echo HTTP/1.1\r\n" CLOSE "\r\n",
     200,                                                                                                   {" body=0\n"},
     NULL                                                                                                                                                                                                    },
    {"chunks are put together",
     "POST /pool HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: 1\r\n\r\n",                                           200,
     {" body=7:abcdefg\n"},
     NULL                                                                                                                                                                                                    },
    {"HTTP/1.0 needs no Host",                  "GET /echo HTTP/1.0\r\n\r\n",                          200, {"path=/echo"},                                                                  NULL            },
    {"a type is refused before its body",
     "POST /echo HTTP/1.1\r\n" CLOSE "Content-Type: text/bad\r\nContent-Length: 3\r\n\r\nabc",
     415,                                                                                                   {"unsupported media type\n"},
     NULL                                                                                                                                                                                                    },

    {"CORS says Vary without an origin",
     "GET /api/v1/cors HTTP/1.1\r\n" CLOSE "\r\n",
     200,                                                                                                   {"Vary: Origin\r\n", "Vary: Accept-Encoding\r\n"},
     "Access-Control"                                                                                                                                                                                        },
    {"CORS allows any origin",
     "GET /api/v1/cors HTTP/1.1\r\n" CLOSE "Origin: http://o\r\n\r\n",
     200,                                                                                                   {"Access-Control-Allow-Origin: *\r\n", "Access-Control-Expose-Headers: Date\r\n",
      "Access-Control-Allow-Methods: GET, POST, OPTIONS\r\n",
      "Access-Control-Allow-Headers: Accept, Authorization, Content-Type, Origin\r\n"},
     NULL                                                                                                                                                                                                    },
    {"OPTIONS is 204 with CORS",
     "OPTIONS /api/v1/cors HTTP/1.1\r\n" CLOSE "Origin: o\r\n\r\n",
     204,                                                                                                   {"Access-Control-Allow-Origin: *\r\n", "Vary: Origin\r\n"},
     NULL                                                                                                                                                                                                    },
    {"a route without CORS says nothing of it",
     "GET /echo HTTP/1.1\r\n" CLOSE "Origin: o\r\n\r\n",
     200,                                                                                                   {NULL},
     "Access-Control"                                                                                                                                                                                        },
};

static void test_exchange(void **state)
{
    const struct exchange_case *c = *state;
    struct buf reply = {0};

    exchange(&shared, c->request, strlen(c->request), &reply);
    if (status_of(&reply) != c->status)
        fail_msg("want %d, got: %s", c->status, reply.p);
    for (size_t i = 0; i < COUNT(c->has) && c->has[i] != NULL; i++)
        if (!has(&reply, c->has[i]))
            fail_msg("no \"%s\" in: %s", c->has[i], reply.p);
    if (c->lacks != NULL && has(&reply, c->lacks))
        fail_msg("\"%s\" in: %s", c->lacks, reply.p);
    buf_release(&reply);
}

static struct encoding_case {
    const char *name, *accept, *want; /* NULL: not compressed */
} encodings[] = {
    {"gzip is gzip",                "gzip",               "gzip"   },
    {"deflate is zlib",             "deflate",            "deflate"},
    {"the first of ours wins",      "br, deflate , gzip", "deflate"},
    {"q-values are not understood", "gzip;q=1, identity", NULL     },
    {"names are exact",             "GZIP",               NULL     },
    {"nothing asked, nothing done", "identity",           NULL     },
};

static void test_encoding(void **state)
{
    const struct encoding_case *c = *state;
    struct buf request = {0}, reply = {0};
    char plain[256] = {0};
    const char *body;
    z_stream z = {0};

    buf_addf(&request, "GET /api/v1/cors HTTP/1.1\r\n" CLOSE "Accept-Encoding: %s\r\n\r\n",
             c->accept);
    exchange(&shared, request.p, request.n, &reply);
    assert_int_equal(status_of(&reply), 200);
    assert_int_equal(has(&reply, "Content-Encoding: "), c->want != NULL);
    body = memmem(reply.p, reply.n, "\r\n\r\n", 4);
    assert_non_null(body);
    body += 4;
    if (c->want != NULL) {
        assert_true(has(&reply, c->want));
        assert_int_equal(inflateInit2(&z, c->want[0] == 'g' ? 31 : 15), Z_OK);
        z.next_in = (z_const Bytef *)(uintptr_t)body;
        z.avail_in = (uInt)(reply.n - (size_t)(body - reply.p));
        z.next_out = (Bytef *)plain;
        z.avail_out = sizeof(plain) - 1;
        assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
        inflateEnd(&z);
        body = plain;
    }
    assert_string_equal(body, "method=1 path=/api/v1/cors body=0\n");
    buf_release(&request);
    buf_release(&reply);
}

static void test_metrics(void **state)
{
    struct buf out = {0}, reply = {0};
    const char *request = "GET /status/418 HTTP/1.1\r\n" CLOSE "\r\n";

    (void)state;
    exchange(&shared, request, strlen(request), &reply);
    http_metrics(shared.server, &out, "prometheus");
    assert_true(has(&out, "prometheus_http_requests_total{handler=\"/status\",code=\"418\"} 1\n"));
    assert_true(has(
        &out, "prometheus_http_request_duration_seconds_bucket{handler=\"/status\",le=\"0.1\"} "));
    assert_true(has(&out, "prometheus_http_response_size_bytes_count{handler=\"/echo\"} "));
    buf_reset(&out);
    stats_render(&out);
    assert_true(has(&out, "ferula_http_requests_total{handler=\"/echo\",code=\"200\"} "));
    buf_release(&out);
    buf_release(&reply);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, cases, test_exchange, name);
    CASES_ADD_TABLE(&c, encodings, test_encoding, name);
    cases_add(&c, "requests are counted", test_metrics, NULL);
    return CASES_RUN_BETWEEN("http routes", &c, shared_start, shared_stop);
}
