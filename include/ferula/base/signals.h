/*
 * signals.h - which signals a thread of ours takes.
 *
 * A process's signals are for the main thread, which waits for them. Threads are started with all
 * of them blocked, but for those that a thread raises by its own fault (SIGBUS on a cut-short
 * memory map among them): blocked, these would kill the process without their handler's word.
 */
#ifndef FERULA_BASE_SIGNALS_H
#define FERULA_BASE_SIGNALS_H

#include <signal.h>

/* Call before pthread_create(), which inherits the mask; then signals_restore(). */
void signals_block(sigset_t *before);
void signals_restore(const sigset_t *before);

#endif
