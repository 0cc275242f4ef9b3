/* gateway/lib/descriptors.c - how many files and sockets may be open. */
#include "gateway/lib/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

#define FEWEST_CLIENTS 8

int
descriptors_raise(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return errno;
	l.rlim_cur = l.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &l) != 0 ? errno : 0;
}

unsigned
descriptors_for_clients(unsigned kept)
{
	struct rlimit l;
	rlim_t n;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur == RLIM_INFINITY)
		return 0;
	n = l.rlim_cur > kept ? (l.rlim_cur - kept) * 16 / 33 : 0;
	if (n < FEWEST_CLIENTS)
		return FEWEST_CLIENTS;
	return n < UINT_MAX ? (unsigned)n : 0;
}

int
descriptors_for_libuv(void)
{
	int ends[2], third, error = 0;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	third = fcntl(ends[0], F_DUPFD_CLOEXEC, 0);
	if (third < 0)
		error = errno;
	else
		close(third);
	close(ends[0]);
	close(ends[1]);
	return error;
}

bool
descriptors_keep_standard(void)
{
	static const int unfit[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", unfit[fd]) != fd)
			return false;
	return true;
}
