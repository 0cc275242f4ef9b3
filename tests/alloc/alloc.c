/* tests/alloc/alloc.c - makes allocations of the program fail, when told to.
 *
 * Linked in place of malloc() and its kin by --wrap, so that our own objects
 * are counted and no library is. $POINTSMAN_ALLOC names a file of three 64-bit
 * integers that a test maps too: which allocation fails first, how many after
 * it do as well (0: none), and how many there have been. Without it nothing
 * ever fails. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct control {
	atomic_uint_fast64_t first; /* 0: none */
	atomic_uint_fast64_t more;
	atomic_uint_fast64_t count; /* the test sets it to zero */
};

static struct control *control;

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
char *__real_strdup(const char *);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
char *__wrap_strdup(const char *);

static void __attribute__((constructor)) open_control(void)
{
	const char *path = getenv("POINTSMAN_ALLOC");
	void *p;
	int fd;

	if (path == NULL)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	p = fd < 0 ? MAP_FAILED
		   : mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		abort(); /* a test that tests nothing would pass */
	close(fd);
	control = p;
}

static int
fails(void)
{
	uint64_t first, n;

	if (control == NULL || (first = atomic_load(&control->first)) == 0)
		return 0;
	n = atomic_fetch_add(&control->count, 1) + 1;
	if (n < first || n - first > atomic_load(&control->more))
		return 0;
	errno = ENOMEM;
	return 1;
}

void *
__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

char *
__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}
