/* gateway/lib/thread.h - threads that take no signals. */
#ifndef GATEWAY_LIB_THREAD_H
#define GATEWAY_LIB_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Signals stay with the threads that there are. False: it was not started. */
bool thread_start(pthread_t *, void *(*run)(void *), void *arg);

#endif
