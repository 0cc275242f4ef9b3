/* gateway/lib/folder.c - the folder that a file is in. */
#include "gateway/lib/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES ((size_t)4096)

bool
folder_sync(const char *path)
{
	char folder[PATH_BYTES] = ".";
	const char *slash = strrchr(path, '/');
	bool good;
	int fd, error;

	if (slash != NULL)
		snprintf(folder, sizeof(folder), "%.*s",
		    (int)(slash - path) + 1, path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	good = fsync(fd) == 0;
	error = errno;
	close(fd);
	errno = error;
	return good;
}
