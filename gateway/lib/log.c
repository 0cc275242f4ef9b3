/* gateway/lib/log.c - key=value lines, one write(2) each. */
#include "gateway/lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/lib/count.h"
#include "gateway/lib/utf8.h"

#define LINE_BYTES 2048

static const char *const names[] = { "error", "warn", "info", "debug" };
static atomic_int level = LOG_INFO;
static atomic_uint_fast64_t dropped;
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

void
log_set_level(enum log_level l)
{
	atomic_store_explicit(&level, (int)l, memory_order_relaxed);
}

bool
log_wants(enum log_level l)
{
	return (int)l <= atomic_load_explicit(&level, memory_order_relaxed);
}

bool
log_level_parse(const char *name, enum log_level *out)
{
	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(name, names[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

/* "2026-11-21T03:27:17.123456Z level=info "; its length. */
static size_t
add_prefix(char *line, size_t cap, enum log_level l)
{
	size_t n = clock_text(line, clock_wall(), 6);

	return n + (size_t)snprintf(line + n, cap - n, " level=%s ", names[l]);
}

ssize_t
log_write(int fd, const char *lines, size_t n)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	ssize_t written = -1;
	int error = EAGAIN;

	pthread_mutex_lock(&writing);
	/* of what cannot be asked, write(2) says what is wrong */
	if (poll(&p, 1, 0) != 0) {
		written = write(fd, lines, n);
		error = errno;
	}
	pthread_mutex_unlock(&writing);
	errno = error;
	return written;
}

uint64_t
log_dropped(void)
{
	return atomic_load_explicit(&dropped, memory_order_relaxed);
}

void
log_line(enum log_level l, const char *fmt, ...)
{
	char line[LINE_BYTES];
	size_t n, room;
	va_list ap;
	int added;

	if (!log_wants(l))
		return;
	n = add_prefix(line, sizeof(line), l);
	room = sizeof(line) - n - 1;
	va_start(ap, fmt);
	added = vsnprintf(line + n, room, fmt, ap);
	va_end(ap);
	if (added < 0)
		return;
	added = (size_t)added >= room ? (int)room - 1 : added;
	/* strangers' words are in it: what forges a line, or is no text */
	utf8_calm(line + n, (size_t)added, "");
	n += (size_t)added;
	line[n++] = '\n';
	if (log_write(STDERR_FILENO, line, n) < 0) /* nobody to tell */
		atomic_fetch_add_explicit(&dropped, 1, memory_order_relaxed);
}

/* The second stands in the upper half, what has come in it in the lower. */
bool
log_limit_pass(struct log_limit *l, usec now)
{
	uint64_t second = (uint64_t)(now / USEC_SEC) << 32, next;
	uint64_t old = atomic_load_explicit(&l->window, memory_order_relaxed);
	uint32_t before;

	do
		next = second > (old | UINT32_MAX) ? second + 1 : old + 1;
	while (!atomic_compare_exchange_weak_explicit(&l->window, &old, next,
	    memory_order_relaxed, memory_order_relaxed));
	before = (uint32_t)old;
	if (next != old + 1 && before > l->most)
		log_info("suppressed event=%s lines=%" PRIu32, l->event,
		    before - l->most);
	return (uint32_t)next <= l->most;
}
