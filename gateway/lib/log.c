/* gateway/lib/log.c - key=value lines, one write(2) each. */
#include "gateway/lib/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/lib/clock.h"

#define LINE_BYTES 2048

static const char *const names[] = { "error", "warn", "info", "debug" };
static atomic_int level = LOG_INFO;

void
log_set_level(enum log_level l)
{
	atomic_store_explicit(&level, (int)l, memory_order_relaxed);
}

bool
log_wants(enum log_level l)
{
	return (int)l <= atomic_load_explicit(&level, memory_order_relaxed);
}

bool
log_level_parse(const char *name, enum log_level *out)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

/* "2026-11-21T03:27:17.123456Z level=info "; its length. */
static size_t
add_prefix(char *line, size_t cap, enum log_level l)
{
	usec wall = clock_wall();
	time_t sec = (time_t)(wall / USEC_SEC);
	struct tm tm;
	size_t n;

	gmtime_r(&sec, &tm);
	n = strftime(line, cap, "%Y-%m-%dT%H:%M:%S", &tm);
	return n +
	    (size_t)snprintf(line + n, cap - n, ".%06dZ level=%s ",
		(int)(wall % USEC_SEC), names[l]);
}

void
log_line(enum log_level l, const char *fmt, ...)
{
	char line[LINE_BYTES];
	size_t n, room;
	va_list ap;
	int added;

	if (!log_wants(l))
		return;
	n = add_prefix(line, sizeof(line), l);
	room = sizeof(line) - n - 1;
	va_start(ap, fmt);
	added = vsnprintf(line + n, room, fmt, ap);
	va_end(ap);
	if (added < 0)
		return;
	added = (size_t)added >= room ? (int)room - 1 : added;
	for (int i = 0; i < added; i++)
		if ((unsigned char)line[n + (size_t)i] < 0x20)
			line[n + (size_t)i] = '?';
	n += (size_t)added;
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nobody to tell */
}
