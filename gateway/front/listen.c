/* gateway/front/listen.c - listening descriptors.
 *
 * One per address, shared by all fronts. SO_REUSEADDR for quick restarts, but
 * never SO_REUSEPORT: it would let two gateways bind one port in silence. */
#include <errno.h>
#ifdef __linux__
#include <linux/filter.h>
#endif
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/front/front.h"

#define BACKLOG 1024

static int
stream_socket(int family)
{
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* --- TCP --- */

static enum err
fail_address(const struct conf_listen *l, int error, struct errmsg *why)
{
	switch (error) {
	case EADDRINUSE:
		return fail(why, ERR_IO, "port %u on %s is in use", l->port,
		    l->address);
	case EACCES:
		return fail(why, ERR_IO,
		    "port %u on %s needs more rights: take one above 1023",
		    l->port, l->address);
	case EADDRNOTAVAIL:
		return fail(why, ERR_IO, "%s is no address of this machine",
		    l->address);
	default:
		return fail(why, ERR_IO, "cannot listen on %s port %u: %s",
		    l->address, l->port, strerror(error));
	}
}

/* The descriptor, or -1 with errno set. */
static int
bind_address(const struct addrinfo *a)
{
	int fd = stream_socket(a->ai_family), on = 1, error;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* "[::1]" as in a URL, or plain. */
static void
host_name(struct slice address, char *out, size_t n)
{
	if (address.n >= 2 && address.p[0] == '[' &&
	    address.p[address.n - 1] == ']')
		address = slice_make(address.p + 1, address.n - 2);
	snprintf(out, n, "%.*s", SLICE_ARG(address));
}

/* The first of the host's addresses that can be bound; -1 with *error. */
static int
bind_host(const char *host, const char *port, int family, int *error)
{
	const struct addrinfo hints = { .ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *list;
	int fd = -1;

	if (getaddrinfo(host, port, &hints, &list) != 0)
		return -1;
	for (struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next) {
		fd = bind_address(a);
		*error = fd < 0 ? errno : 0;
	}
	freeaddrinfo(list);
	return fd;
}

/* IPv4 first: "localhost" has both, and every client speaks that. */
static enum err
listen_tcp(const struct conf_listen *l, int *fd, struct errmsg *why)
{
	char port[8], host[256];
	int error = 0, got;

	host_name(slice_of(l->address), host, sizeof(host));
	snprintf(port, sizeof(port), "%u", l->port);
	got = bind_host(host, port, AF_INET, &error);
	if (got < 0 && error == 0)
		got = bind_host(host, port, AF_INET6, &error);
	if (got < 0 && error == 0)
		return fail(
		    why, ERR_IO, "no address is known for %s", l->address);
	if (got < 0)
		return fail_address(l, error, why);
	*fd = got;
	return OK;
}

/* --- Unix sockets --- */

/* Nobody answers on it: left over from a process that has died. */
static bool
is_stale(const struct sockaddr_un *a)
{
	int fd = stream_socket(AF_UNIX);
	bool stale;

	if (fd < 0)
		return false;
	stale = connect(fd, (const struct sockaddr *)a, sizeof(*a)) != 0 &&
	    errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static enum err
clear_path(const char *path, const struct sockaddr_un *a, struct errmsg *why)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return OK; /* nothing there, or bind() will say it better */
	if (!S_ISSOCK(st.st_mode))
		return fail(
		    why, ERR_IO, "%s is there and is not a socket", path);
	if (!is_stale(a))
		return fail(why, ERR_IO, "socket %s is in use", path);
	if (unlink(path) != 0)
		return fail(why, ERR_IO,
		    "cannot remove the stale socket %s: %s", path,
		    strerror(errno));
	return OK;
}

static enum err
listen_unix(const struct conf_listen *l, int *fd, struct errmsg *why)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = strlen(l->path);
	enum err rc;
	int got;

	if (n >= sizeof(a.sun_path))
		return fail(why, ERR_IO,
		    "socket path %s is longer than %zu bytes", l->path,
		    sizeof(a.sun_path) - 1);
	memcpy(a.sun_path, l->path, n + 1);
	rc = clear_path(l->path, &a, why);
	if (rc != OK)
		return rc;
	got = stream_socket(AF_UNIX);
	if (got < 0)
		return fail(why, ERR_IO, "no socket: %s", strerror(errno));
	if (bind(got, (const struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(got, BACKLOG) != 0) {
		rc = fail(why, ERR_IO, "cannot listen on %s: %s", l->path,
		    strerror(errno));
		close(got);
		return rc;
	}
	*fd = got;
	return OK;
}

enum err
front_listen(const struct conf_listen *l, int *fd, struct errmsg *why)
{
	return l->path != NULL ? listen_unix(l, fd, why)
			       : listen_tcp(l, fd, why);
}

void
front_bar(int fd)
{
#ifdef SO_ATTACH_FILTER
	/* A filter of a TCP socket reads from the TCP header on. Its flags are
	 * in byte 13 (RFC 9293 3.1): SYN without ACK opens a connection. */
	struct sock_filter openers[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TH_SYN | TH_ACK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TH_SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog drop = {
		.len = sizeof(openers) / sizeof(openers[0]),
		.filter = openers,
	};

	(void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &drop, sizeof(drop));
#else
	(void)fd;
#endif
}

void
front_unlisten(const struct conf_listen *l, int fd)
{
	if (l->path != NULL)
		(void)unlink(l->path);
	close(fd);
}
