/* gateway/lib/writer.h - a thread that writes what others leave for it. */
#ifndef GATEWAY_LIB_WRITER_H
#define GATEWAY_LIB_WRITER_H

#include <pthread.h>
#include <stdbool.h>

struct writer {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake; /* timed waits are by CLOCK_MONOTONIC */
};

/* Runs run(arg) in a thread that takes no signals. False: there is none, and
 * nothing to end. */
bool writer_start(struct writer *, void *(*run)(void *), void *arg);
/* Once run() has been told to return: waits for it. */
void writer_end(struct writer *);

#endif
