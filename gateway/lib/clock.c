/* gateway/lib/clock.c - time as monotonic microseconds. */
#include "gateway/lib/clock.h"

#include <string.h>
#include <sys/timerfd.h>
#include <time.h>

#include "gateway/lib/digits.h"

static usec
read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (usec)ts.tv_sec * USEC_SEC + ts.tv_nsec / 1000;
}

usec
clock_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

usec
clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

static char *
put(char *p, usec number, size_t width, char mark)
{
	p += digits_padded(p, (uint64_t)number, width);
	*p++ = mark;
	return p;
}

size_t
clock_text(char out[CLOCK_TEXT], usec wall, unsigned decimals)
{
	time_t sec = (time_t)(wall / USEC_SEC);
	usec part = wall % USEC_SEC;
	char *p = out;
	struct tm tm;

	gmtime_r(&sec, &tm);
	p = put(p, tm.tm_year + 1900, 4, '-');
	p = put(p, tm.tm_mon + 1, 2, '-');
	p = put(p, tm.tm_mday, 2, 'T');
	p = put(p, tm.tm_hour, 2, ':');
	p = put(p, tm.tm_min, 2, ':');
	p = put(p, tm.tm_sec, 2, '.');
	for (unsigned i = decimals; i < 6; i++)
		part /= 10;
	p = put(p, part, decimals, 'Z');
	return (size_t)(p - out);
}

struct instant
clock_instant(usec now)
{
	return (struct instant){ now, clock_wall() - (clock_now() - now) };
}

usec
clock_cpu(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void
clock_pause(usec span)
{
	const struct timespec t = { (time_t)(span / USEC_SEC),
		(long)(span % USEC_SEC) * 1000 };

	nanosleep(&t, NULL);
}

int
clock_alarm(void)
{
	return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
}

void
clock_alarm_at(int alarm, usec at)
{
	const struct itimerspec t = { .it_value = { at / USEC_SEC,
					  at % USEC_SEC * 1000 } };

	timerfd_settime(alarm, TFD_TIMER_ABSTIME, &t, NULL);
}

bool
clock_read(const char *text, const char *format, usec *out)
{
	struct tm tm = { .tm_mday = 1 };
	const char *end = strptime(text, format, &tm);
	char again[64];
	time_t t;

	if (end == NULL || *end != '\0')
		return false;
	t = timegm(&tm); /* the 30th of February is a day in March to it */
	*out = (usec)t * USEC_SEC;
	return gmtime_r(&t, &tm) != NULL &&
	    strftime(again, sizeof(again), format, &tm) > 0 &&
	    strcmp(again, text) == 0;
}
