/*
 * peer.c - the process that holds Prometheus' engine, and the pipes to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ferula/base/mem.h"
#include "fuzz.h"

struct peer {
    pid_t pid;
    int to, from;
    struct buf out; /* not yet written */
    struct buf in;  /* read; answers from `at` on are not taken yet */
    size_t at;
};

struct peer *peer_start(const char *program)
{
    struct peer *p;
    int to[2], from[2];

    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
        return NULL;
    (void)signal(SIGPIPE, SIG_IGN);
    p = xnew(struct peer);
    p->pid = fork();
    if (p->pid == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        execl(program, program, (char *)NULL);
        perror(program);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    p->to = to[1];
    p->from = from[0];
    return p;
}

void peer_stop(struct peer *p)
{
    if (p == NULL)
        return;
    close(p->to);
    close(p->from);
    (void)waitpid(p->pid, NULL, 0);
    buf_release(&p->out);
    buf_release(&p->in);
    free(p);
}

void peer_data(struct peer *p, const struct data_set *d)
{
    wire_data(&p->out, d);
}

void peer_order(struct peer *p, bool any)
{
    wire_order(&p->out, any);
}

void peer_query(struct peer *p, const struct test_case *c)
{
    wire_query(&p->out, c);
}

/* The peer reads all that it is sent before it writes, so this does not wait for answers. */
void peer_flush(struct peer *p)
{
    size_t done = 0;

    while (done < p->out.n) {
        ssize_t n = write(p->to, p->out.p + done, p->out.n - done);

        if (n < 0 && errno != EINTR)
            break; /* it has ended: seen when its answer is missing */
        done += n > 0 ? (size_t)n : 0;
    }
    buf_reset(&p->out);
}

static bool fill(struct peer *p, size_t want)
{
    if (p->at > 0 && p->at == p->in.n) {
        buf_reset(&p->in);
        p->at = 0;
    }
    while (p->in.n - p->at < want) {
        char chunk[65536];
        ssize_t n = read(p->from, chunk, sizeof(chunk));

        if (n > 0)
            buf_add(&p->in, chunk, (size_t)n);
        else if (n == 0 || errno != EINTR)
            return false;
    }
    return true;
}

bool peer_answer(struct peer *p, struct arena *a, struct answer *out)
{
    uint32_t n;
    struct str frame;

    peer_flush(p);
    if (!fill(p, sizeof(n)))
        return false;
    memcpy(&n, p->in.p + p->at, sizeof(n));
    p->at += sizeof(n);
    if (!fill(p, n))
        return false;
    frame = (struct str){p->in.p + p->at, n};
    p->at += n;
    return wire_answer(a, frame, out);
}
