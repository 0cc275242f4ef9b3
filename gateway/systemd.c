/* gateway/systemd.c - socket activation and notices of state. */
#include "gateway/systemd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/lib/utf8.h"

#define FIRST_FD 3
#define STATUS_BYTES 1024
#define REFUSED_BYTES 800 /* of them */

/* --- sockets handed over --- */

static uint64_t
variable(const char *name)
{
	uint64_t v;

	return slice_u64(slice_of(getenv(name)), &v) ? v : 0;
}

/* A socket unit that does not say goes by its own name. */
static bool
is_nameless(struct slice names)
{
	return names.n == 0 || slice_is(names, "unknown") ||
	    slice_ends(names, SLICE(".socket"));
}

/* The descriptor of that name, or -1. */
static int
find(const char *name, uint64_t n)
{
	struct slice names = slice_of(getenv("LISTEN_FDNAMES")), one;
	int fd = FIRST_FD;

	for (; slice_next(&names, ':', &one); fd++)
		if (slice_is(one, name))
			return fd < FIRST_FD + (int)n ? fd : -1;
	names = slice_of(getenv("LISTEN_FDNAMES"));
	return n == 1 && strcmp(name, "listen") == 0 && is_nameless(names)
	    ? FIRST_FD
	    : -1;
}

static void
write_address(const struct sockaddr *a, char *out, size_t cap)
{
	const struct sockaddr_in *in4 = (const void *)a;
	const struct sockaddr_in6 *in6 = (const void *)a;
	const struct sockaddr_un *local = (const void *)a;
	char host[INET6_ADDRSTRLEN] = "?";

	if (a->sa_family == AF_INET) {
		inet_ntop(AF_INET, &in4->sin_addr, host, sizeof(host));
		snprintf(out, cap, "%s port %u", host, ntohs(in4->sin_port));
	} else if (a->sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(out, cap, "%s port %u", host, ntohs(in6->sin6_port));
	} else if (a->sa_family == AF_UNIX) {
		snprintf(out, cap, "%s", local->sun_path);
	} else {
		snprintf(out, cap, "no stream socket");
	}
}

/* Addresses in the file are as inet_ntop() has them, or nearly so. */
static void
write_wanted(const struct conf_listen *l, char *out, size_t cap)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET,
		.sin_port = htons(l->port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(l->port) };

	if (l->path != NULL)
		snprintf(out, cap, "%s", l->path);
	else if (inet_pton(AF_INET, l->address, &in4.sin_addr) == 1)
		write_address((const struct sockaddr *)&in4, out, cap);
	else if (inet_pton(AF_INET6, l->address, &in6.sin6_addr) == 1)
		write_address((const struct sockaddr *)&in6, out, cap);
	else
		snprintf(out, cap, "%s port %u", l->address, l->port);
}

static enum err
check(int fd, const char *name, const struct conf_listen *l, struct errmsg *why)
{
	char got[160], want[160];
	struct sockaddr_storage a = { 0 };
	socklen_t n = sizeof(a) - 1; /* a path may lack its NUL */
	socklen_t size = sizeof(int);
	int listens = 0;

	if (getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		return fail(why, ERR_INVALID,
		    "systemd: want a socket for %s, got an error: %s", name,
		    strerror(errno));
	(void)getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size);
	if (!listens)
		return fail(why, ERR_INVALID,
		    "systemd: want a socket that listens for %s, as of "
		    "ListenStream=, got another",
		    name);
	write_address((const struct sockaddr *)&a, got, sizeof(got));
	write_wanted(l, want, sizeof(want));
	if (strcmp(got, want) != 0)
		return fail(why, ERR_INVALID,
		    "systemd: want the socket that %s says, %s, got %s", name,
		    want, got);
	return OK;
}

enum err
systemd_listener(
    const char *name, const struct conf_listen *l, int *fd, struct errmsg *why)
{
	uint64_t n = variable("LISTEN_FDS");
	int got = -1;

	if (variable("LISTEN_PID") == (uint64_t)getpid() && n > 0 && n < 1024)
		got = find(name, n);
	*fd = -1;
	if (got < 0)
		return OK;
	if (check(got, name, l, why) != OK)
		return ERR_INVALID;
	if (fcntl(got, F_SETFD, FD_CLOEXEC) != 0 ||
	    fcntl(got, F_SETFL, fcntl(got, F_GETFL) | O_NONBLOCK) != 0)
		return fail(
		    why, ERR_IO, "systemd: %s: %s", name, strerror(errno));
	*fd = got;
	return OK;
}

/* --- notices --- */

void
systemd_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = path != NULL ? strlen(path) : 0;
	int fd;

	if (n == 0 || n >= sizeof(a.sun_path))
		return;
	memcpy(a.sun_path, path, n);
	if (path[0] == '@') /* the abstract namespace */
		a.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL,
	    (const struct sockaddr *)&a,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}

void
systemd_ready(uint64_t config_version, struct slice refused)
{
	char text[STATUS_BYTES];
	int n = snprintf(text, sizeof(text),
	    "READY=1\nSTATUS=config_version %" PRIu64, config_version);

	if (refused.n > 0)
		snprintf(text + n, sizeof(text) - (size_t)n,
		    ", a reload was refused: %.*s",
		    (int)utf8_cut(refused.p, refused.n, REFUSED_BYTES),
		    refused.p);
	for (char *p = text + n; *p != '\0'; p++)
		if (*p > '\0' && *p < ' ') /* a new line ends a variable */
			*p = ' ';
	systemd_notify(text);
}

void
systemd_reloading(void)
{
	char text[64];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
	    (uint64_t)clock_now());
	systemd_notify(text);
}
