/*
 * gate.h - lets a limited number of threads through at once; the others wait in line.
 */
#ifndef API_GATE_H
#define API_GATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct api__gate {
    pthread_mutex_t lock;
    pthread_cond_t left; /* signalled when one leaves; on the monotonic clock */
    size_t inside, most;
};

void api__gate_init(struct api__gate *g, size_t most);
void api__gate_release(struct api__gate *g);

/*
 * Waits for a place. give_up(ctx) is asked every 50 ms at the latest; what it returns when not 0 is
 * returned, and there is no place to give back then.
 */
int api__gate_enter(struct api__gate *g, int (*give_up)(void *ctx), void *ctx);
bool api__gate_try(struct api__gate *g); /* without waiting */
void api__gate_leave(struct api__gate *g);

#endif
