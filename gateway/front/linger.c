/* gateway/front/linger.c - the end of a connection whose client still sends.
 *
 * Bytes that nobody has read turn a close into a reset, and that destroys the
 * answer on its way or in the client's memory (RFC 9112, 9.6). So our half is
 * closed, what comes is thrown away, and the rest is closed once the client has
 * done so, says nothing for a while, has sent more than enough, or others need
 * its place. libmicrohttpd closes its descriptor when it is told to: what
 * lingers is a copy of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/front/private.h"

#define LINGER_SILENT (5 * USEC_SEC) /* so long may the client say nothing */
#define LINGER_LONGEST (30 * USEC_SEC)
#define LINGER_BEYOND ((uint64_t)64 << 20) /* past limits.body */
#define PIECE ((size_t)16 << 10)
#define PIECES 16 /* a turn, so that other work goes on */

struct lingering {
	struct list node;
	struct front *front;
	int fd;
	uv_poll_t poll;
	usec began, heard;
	uint64_t seen; /* bytes thrown away */
};

enum unread { UNREAD_NONE, UNREAD_SOME, UNREAD_ENDED };

/* Adds to *seen what it has thrown away. */
static enum unread
discard(int fd, uint64_t *seen)
{
	char bytes[PIECE];
	enum unread was = UNREAD_NONE;
	ssize_t n = 1;

	for (int i = 0; i < PIECES && n > 0; i++) {
		n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n > 0) {
			was = UNREAD_SOME;
			*seen += (uint64_t)n;
		}
	}
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return was;
	return UNREAD_ENDED;
}

static void
on_poll_closed(uv_handle_t *h)
{
	struct lingering *l =
	    CONTAINER_OF((uv_poll_t *)h, struct lingering, poll);

	front_handle_closed(h);
	free(l);
}

static void
linger_end(struct lingering *l)
{
	list_remove(&l->node);
	uv_close((uv_handle_t *)&l->poll, on_poll_closed);
	close(l->fd);
	front_uncount(l->front);
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct lingering *l = CONTAINER_OF(h, struct lingering, poll);

	(void)events;
	if (status != 0 || discard(l->fd, &l->seen) == UNREAD_ENDED ||
	    l->seen > l->front->settings.limits.body + LINGER_BEYOND)
		linger_end(l);
	else
		l->heard = clock_now();
}

static bool
linger_begin(struct front *f, int fd)
{
	struct lingering *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return false;
	l->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (l->fd < 0 || uv_poll_init(f->loop, &l->poll, l->fd) != 0) {
		if (l->fd >= 0)
			close(l->fd);
		free(l);
		return false;
	}
	(void)shutdown(l->fd, SHUT_WR);
	l->front = f;
	l->poll.data = f;
	l->began = l->heard = clock_now();
	f->n_handles++;
	list_append(&f->lingers, &l->node);
	uv_poll_start(&l->poll, UV_READABLE, on_poll);
	return true;
}

bool
linger_for(struct front *f, int fd, bool more)
{
	uint64_t seen = 0;
	enum unread unread = discard(fd, &seen);

	return unread != UNREAD_ENDED && (more || unread == UNREAD_SOME) &&
	    !f->closing && linger_begin(f, fd);
}

void
lingers_expire(struct front *f, usec now)
{
	struct list *n, *next;
	struct lingering *l;

	for (n = f->lingers.next; n != &f->lingers; n = next) {
		next = n->next;
		l = CONTAINER_OF(n, struct lingering, node);
		if (now - l->heard >= LINGER_SILENT ||
		    now - l->began >= LINGER_LONGEST)
			linger_end(l);
	}
}

bool
lingers_end_oldest(struct front *f)
{
	if (list_empty(&f->lingers))
		return false;
	linger_end(CONTAINER_OF(f->lingers.next, struct lingering, node));
	return true;
}

void
lingers_end(struct front *f)
{
	while (lingers_end_oldest(f))
		continue;
}
