/*
 * err.h - errors: a code for programs, a sentence for people.
 *
 * Functions that can fail return int: 0, or one of the negative codes below. Foreign codes (MDB_*,
 * errno, curl) are translated once, where they arrive.
 */
#ifndef FERULA_BASE_ERR_H
#define FERULA_BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

// clang-format off
#define FER_ERR_MAP(X) \
    X(FER_EINVAL,    -1,  "malformed input") \
    X(FER_ELIMIT,    -2,  "a configured limit was reached") \
    X(FER_ECORRUPT,  -3,  "stored data failed a checksum or bounds check") \
    X(FER_ENOSPC,    -4,  "no space left on the disk or in the store") \
    X(FER_EIO,       -5,  "the disk or the network failed") \
    X(FER_ENOENT,    -6,  "not found") \
    X(FER_EBUSY,     -7,  "held by another process") \
    X(FER_ETIMEOUT,  -8,  "took too long") \
    X(FER_ECANCELED, -9,  "cancelled by the client or by a shutdown") \
    X(FER_EEXEC,     -10, "the query could not be executed") \
    X(FER_EUNSUP,    -11, "not supported") \
    X(FER_EFORMAT,   -12, "written by a foreign program or a newer version") \
    X(FER_ESTOP,     -13, "shutting down or not ready") \
    X(FER_ESTALE,    -14, "what was looked up has gone since")
// clang-format on

enum fer_err {
#define X(name, code, text) name = (code),
    FER_ERR_MAP(X)
#undef X
};

/* The table's text for `code`; "success" for 0, "unknown error" for a code not in the table. */
const char *fer_strerror(int code);

/* What went wrong, for the person who typed the query, the option or the manifest. */
struct fault {
    int code;
    size_t at;       /* byte offset in the input, where that makes sense */
    char text[2048]; /* cut with "..." when longer */
};

/* Fills in *f (when f is not NULL) and returns `code`, so that a parser can return fault_set(). */
__attribute__((format(printf, 4, 5))) int fault_set(struct fault *f, int code, size_t at,
                                                    const char *fmt, ...);
__attribute__((format(printf, 4, 0))) int fault_vset(struct fault *f, int code, size_t at,
                                                     const char *fmt, va_list ap);

#endif
