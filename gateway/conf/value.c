/* gateway/conf/value.c - spans of time and numbers of bytes in text. */
#include "gateway/conf/value.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "gateway/lib/count.h"

struct unit {
	const char *name;
	int64_t scale;
};

/* Largest first; but for days, which are only read. */
static const struct unit times[] = {
	{ "h", 3600 * USEC_SEC },
	{ "m", 60 * USEC_SEC },
	{ "s", USEC_SEC },
	{ "ms", USEC_MS },
	{ "us", 1 },
	{ "d", 24 * 3600 * USEC_SEC },
};

static const struct unit sizes[] = {
	{ "TiB", INT64_C(1) << 40 },
	{ "GiB", INT64_C(1) << 30 },
	{ "MiB", INT64_C(1) << 20 },
	{ "KiB", INT64_C(1) << 10 },
	{ "B", 1 },
};

static bool
parse(struct slice s, const struct unit *units, size_t n, int64_t *out)
{
	struct slice unit;
	size_t digits = 0;
	double v;

	while (digits < s.n &&
	    ((s.p[digits] >= '0' && s.p[digits] <= '9') || s.p[digits] == '.'))
		digits++;
	if (!slice_double(slice_make(s.p, digits), &v))
		return false;
	unit = slice_make(s.p + digits, s.n - digits);
	for (size_t i = 0; i < n; i++) {
		if (!slice_is(unit, units[i].name))
			continue;
		v *= (double)units[i].scale;
		*out = v < 9.2e18 ? llround(v) : INT64_MAX;
		return true;
	}
	return false;
}

static void
to_text(int64_t v, const struct unit *units, size_t n, const char *zero,
    struct buf *out)
{
	if (v == 0) {
		buf_add_str(out, zero);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (v % units[i].scale == 0) {
			buf_addf(out, "%" PRId64 "%s", v / units[i].scale,
			    units[i].name);
			return;
		}
}

bool
duration_parse(struct slice s, usec *out)
{
	return parse(s, times, COUNT(times), out);
}

void
duration_write(usec v, struct buf *out)
{
	to_text(v, times, COUNT(times), "0s", out);
}

bool
size_parse(struct slice s, uint64_t *out)
{
	int64_t v;

	if (!parse(s, sizes, COUNT(sizes), &v))
		return false;
	*out = (uint64_t)v;
	return true;
}

void
size_write(uint64_t v, struct buf *out)
{
	to_text((int64_t)v, sizes, COUNT(sizes), "0B", out);
}
