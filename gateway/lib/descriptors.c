/* gateway/lib/descriptors.c - how many files and sockets may be open. */
#include "gateway/lib/descriptors.h"

#include <errno.h>
#include <sys/resource.h>

int
descriptors_raise(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return errno;
	l.rlim_cur = l.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &l) != 0 ? errno : 0;
}
