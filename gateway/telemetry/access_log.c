/* gateway/telemetry/access_log.c - lines from any thread, one that writes. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/lib/log.h"
#include "gateway/lib/writer.h"
#include "gateway/telemetry/access_line.h"
#include "gateway/telemetry/telemetry.h"

#define QUEUE_MAX ((size_t)1 << 20) /* bytes; some 3,000 lines */
#define FILE_PIECE ((size_t)64 << 10) /* bytes of one write */
#define GATHER (50 * USEC_MS)
#define POLL_MS 100
#define TURNS_MAX 8
#define GIVE_UP (1 * USEC_SEC) /* after access_log_close() */

/* Bytes of the queue from `at` on go to fd. */
struct turn {
	size_t at;
	int fd; /* -1: off */
};

struct access_log {
	atomic_bool off;
	atomic_ullong dropped;

	struct writer writer; /* its lock is for what follows, too */
	size_t n_turns; /* places that it has yet to turn to */
	struct turn turns[TURNS_MAX];

	/* its thread's own */
	int fd; /* -1: off */
	bool torn; /* a line was cut: end it before the next */
	bool failing; /* has been said */
};

/* --- the writer --- */

static size_t
count_lines(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n';
	return n;
}

static bool
gave_up(struct access_log *l)
{
	bool yes;

	pthread_mutex_lock(&l->writer.lock);
	yes =
	    l->writer.closing != 0 && clock_now() - l->writer.closing > GIVE_UP;
	pthread_mutex_unlock(&l->writer.lock);
	return yes;
}

/* Waits until a write of PIPE_BUF bytes does not block; false: never. */
static bool
await_room(struct access_log *l)
{
	struct pollfd p = { .fd = l->fd, .events = POLLOUT };
	int n;

	for (;;) {
		n = poll(&p, 1, POLL_MS);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
		if (gave_up(l))
			return false;
	}
}

/* What is written at once: to a pipe as much as leaves the lines of others who
 * write there whole; to a file more, but what the log has to say may wait for
 * it. */
static size_t
piece_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? FILE_PIECE
							  : PIPE_BUF;
}

/* As many whole lines as fit into that; a longer line as it is. */
static size_t
chunk_of(struct slice s, size_t most)
{
	size_t n = s.n < most ? s.n : most;
	ptrdiff_t end = slice_rfind(slice_make(s.p, n), '\n');

	return end >= 0 ? (size_t)end + 1 : n;
}

/* Whether the log's lines go there as well. */
static bool
is_stderr(int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstat(STDERR_FILENO, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Writes what it can; returns what is left. */
static struct slice
write_bytes(struct access_log *l, struct slice s)
{
	bool shared = is_stderr(l->fd);
	size_t most = piece_of(l->fd);
	ssize_t n;

	while (s.n > 0 && await_room(l)) {
		n = shared ? log_write(l->fd, s.p, chunk_of(s, most))
			   : write(l->fd, s.p, chunk_of(s, most));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0) {
			if (!l->failing)
				log_warn("access_log reason=write_failed "
					 "text=\"%s\"",
				    strerror(errno));
			l->failing = true;
			return s;
		}
		s = slice_make(s.p + n, s.n - (size_t)n);
	}
	l->failing = s.n > 0;
	return s;
}

static void
write_lines(struct access_log *l, struct slice lines)
{
	struct slice left;

	if (l->fd < 0 || lines.n == 0)
		return;
	if (l->torn && write_bytes(l, SLICE("\n")).n == 0)
		l->torn = false;
	left = l->torn ? lines : write_bytes(l, lines);
	if (left.n == 0)
		return;
	if (left.n < lines.n && left.p[-1] != '\n')
		l->torn = true;
	atomic_fetch_add_explicit(
	    &l->dropped, count_lines(left), memory_order_relaxed);
}

static void
switch_file(struct access_log *l, int fd)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = fd;
	l->torn = false;
}

/* Takes what is queued and writes it; entered and left with the lock. */
static void
write_batch(struct access_log *l)
{
	struct buf *batch = &l->writer.batch;
	struct turn turns[TURNS_MAX];
	size_t n_turns = l->n_turns, at = 0;

	memcpy(turns, l->turns, sizeof(turns));
	l->n_turns = 0;
	writer_take(&l->writer);
	pthread_mutex_unlock(&l->writer.lock);

	for (size_t i = 0; i < n_turns; i++) {
		write_lines(l, slice_make(batch->p + at, turns[i].at - at));
		switch_file(l, turns[i].fd);
		at = turns[i].at;
	}
	write_lines(l, slice_make(batch->p + at, batch->n - at));
	buf_reset(batch);

	pthread_mutex_lock(&l->writer.lock);
}

static void *
write_all(void *arg)
{
	struct access_log *l = arg;
	struct writer *w = &l->writer;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (w->queue.n == 0 && l->n_turns == 0 && w->closing == 0)
			pthread_cond_wait(&w->wake, &w->lock);
		if (w->queue.n == 0 && l->n_turns == 0)
			break;
		writer_gather(w, GATHER);
		write_batch(l);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* --- opening and closing --- */

enum err
access_log_target(const char *target, int *fd, struct errmsg *why)
{
	if (strcmp(target, "off") == 0) {
		*fd = -1;
		return OK;
	}
	if (strcmp(target, "stderr") == 0)
		*fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		*fd = open(target,
		    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK |
			O_NOCTTY,
		    0640);
	if (*fd < 0)
		return fail(why, ERR_IO, "access_log: cannot open %s: %s",
		    target, strerror(errno));
	return OK;
}

static void
release(struct access_log *l)
{
	if (l->fd >= 0)
		close(l->fd);
	free(l);
}

enum err
access_log_open(const char *target, struct access_log **out, struct errmsg *why)
{
	struct access_log *l = calloc(1, sizeof(*l));
	enum err rc;

	if (l == NULL)
		return fail(why, ERR_MEMORY, "access_log: out of memory");
	l->fd = -1;
	rc = access_log_target(target, &l->fd, why);
	if (rc != OK) {
		release(l);
		return rc;
	}
	atomic_init(&l->off, l->fd < 0);
	if (!writer_start(&l->writer, QUEUE_MAX, write_all, l)) {
		release(l);
		return fail(why, ERR_MEMORY, "access_log: out of memory");
	}
	*out = l;
	return OK;
}

void
access_log_turn(struct access_log *l, int fd)
{
	int unused = -1;

	pthread_mutex_lock(&l->writer.lock);
	if (l->n_turns == TURNS_MAX) /* the writer is stuck: skip a place */
		unused = l->turns[--l->n_turns].fd;
	l->turns[l->n_turns++] = (struct turn){ l->writer.queue.n, fd };
	atomic_store(&l->off, fd < 0);
	pthread_cond_signal(&l->writer.wake);
	pthread_mutex_unlock(&l->writer.lock);
	if (unused >= 0)
		close(unused);
}

void
access_log_close(struct access_log **lp)
{
	struct access_log *l = *lp;

	if (l == NULL)
		return;
	writer_end(&l->writer);
	release(l);
	*lp = NULL;
}

/* --- writing --- */

void
access_log_write(struct access_log *l, const struct outcome *o, usec wall)
{
	struct access_line line;

	if (atomic_load_explicit(&l->off, memory_order_relaxed))
		return;
	access_line(o, wall, &line);
	if (!writer_add(&l->writer, slice_make(line.p, line.n)))
		atomic_fetch_add_explicit(&l->dropped, 1, memory_order_relaxed);
}

uint64_t
access_log_dropped(const struct access_log *l)
{
	return atomic_load_explicit(&l->dropped, memory_order_relaxed);
}
