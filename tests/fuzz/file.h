/* tests/fuzz/file.h - a fuzz target's input as a file, for readers that want a
 * path. One per process, in memory, behind a name in a folder of its own that
 * is gone at exit. */
#ifndef TESTS_FUZZ_FILE_H
#define TESTS_FUZZ_FILE_H

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/lib/slice.h"
#include "tests/fuzz/fuzz.h"

/* libconfig 1.5 forgets the string it has just read where a text breaks off
 * behind it: a few bytes for each refused file. */
#define FUZZ_LIBCONFIG_LEAKS                                                   \
	const char *__lsan_default_suppressions(void);                         \
	const char *__lsan_default_suppressions(void)                          \
	{                                                                      \
		return "leak:libconfig";                                       \
	}

static char fuzz_folder[64], fuzz_path[80];

static inline void
fuzz_file_remove(void)
{
	unlink(fuzz_path);
	rmdir(fuzz_folder);
}

static inline int
fuzz_file_open(void)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	char target[64];

	FUZZ_REQUIRE(fd >= 0);
	snprintf(fuzz_folder, sizeof(fuzz_folder), "%s",
	    "/tmp/pointsman-fuzz-XXXXXX");
	FUZZ_REQUIRE(mkdtemp(fuzz_folder) != NULL);
	snprintf(fuzz_path, sizeof(fuzz_path), "%s/input", fuzz_folder);
	snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	FUZZ_REQUIRE(symlink(target, fuzz_path) == 0);
	atexit(fuzz_file_remove);
	return fd;
}

/* Its path; the file is written anew. */
static inline const char *
fuzz_file(struct slice bytes)
{
	static int fd = -1;

	if (fd < 0)
		fd = fuzz_file_open();
	FUZZ_REQUIRE(ftruncate(fd, 0) == 0);
	FUZZ_REQUIRE(pwrite(fd, bytes.p, bytes.n, 0) == (ssize_t)bytes.n);
	return fuzz_path;
}

#endif
