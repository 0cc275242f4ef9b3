/* gateway/lib/folder.c - the folder that a file is in. */
#include "gateway/lib/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool
folder_path(const char *path, char out[FOLDER_BYTES])
{
	const char *slash = strrchr(path, '/');
	const char *from = slash != NULL ? path : ".";
	size_t n = slash != NULL ? (size_t)(slash - path) + 1 : 1;

	if (n >= FOLDER_BYTES) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(out, from, n);
	out[n] = '\0';
	return true;
}

bool
folder_sync(const char *path)
{
	char folder[FOLDER_BYTES];
	bool good;
	int fd, error;

	if (!folder_path(path, folder))
		return false;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	good = fsync(fd) == 0;
	error = errno;
	close(fd);
	errno = error;
	return good;
}
