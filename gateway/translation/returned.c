/* gateway/translation/returned.c - what a backend wants back. */
#include "gateway/translation/returned.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/lib/scan.h"

#define MARK "__ptm" /* and eight digits of the origin, and another _ */
#define MARK_BYTES (sizeof(MARK) - 1 + 9)

static const char sextets[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "abcdefghijklmnopqrstuvwxyz0123456789-_";

static void
encode(struct slice s, struct buf *out)
{
	uint32_t bits = 0;
	unsigned n = 0; /* of them */

	for (size_t i = 0; i < s.n; i++) {
		bits = bits << 8 | (unsigned char)s.p[i];
		for (n += 8; n >= 6; n -= 6)
			buf_add_char(out, sextets[bits >> (n - 6) & 63]);
	}
	if (n > 0)
		buf_add_char(out, sextets[bits << (6 - n) & 63]);
}

/* False: it is none of ours. */
static bool
decode(struct slice s, struct buf *out)
{
	uint32_t bits = 0;
	unsigned n = 0;

	for (size_t i = 0; i < s.n; i++) {
		const char *at = memchr(sextets, s.p[i], sizeof(sextets) - 1);

		if (at == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(at - sextets);
		n += 6;
		if (n >= 8) {
			n -= 8;
			buf_add_char(out, (char)(bits >> n & 0xff));
		}
	}
	return buf_err(out) == OK;
}

static void
write_mark(char out[MARK_BYTES + 1], uint32_t origin)
{
	snprintf(out, MARK_BYTES + 1, MARK "%08" PRIx32 "_", origin);
}

/* --- calls --- */

void
returned_add_id(
    struct buf *out, struct slice id, struct slice extra, uint32_t origin)
{
	char mark[MARK_BYTES + 1];

	buf_add(out, id);
	if (extra.n == 0 || extra.n > RETURNED_MAX || origin == 0)
		return;
	write_mark(mark, origin);
	buf_add_str(out, mark);
	encode(extra, out);
}

/* From the mark on; empty: it has none. */
static struct slice
marked(struct slice id)
{
	const char *at = id.n > MARK_BYTES
	    ? memmem(id.p, id.n, MARK, sizeof(MARK) - 1)
	    : NULL;
	size_t n = at != NULL ? (size_t)(at - id.p) : id.n;

	return id.n - n > MARK_BYTES && id.p[n + MARK_BYTES - 1] == '_'
	    ? slice_make(id.p + n, id.n - n)
	    : SLICE("");
}

struct slice
returned_id(struct slice id)
{
	return slice_make(id.p, id.n - marked(id).n);
}

/* Clients may have written anything there. */
void
returned_add_extra(struct buf *out, struct slice id, uint32_t origin)
{
	const struct slice tail = marked(id);
	char mark[MARK_BYTES + 1];
	struct errmsg why;
	struct buf extra;
	size_t n;

	write_mark(mark, origin);
	if (tail.n == 0 || origin == 0 || !slice_starts(tail, slice_of(mark)))
		return;
	buf_init(&extra, RETURNED_MAX);
	if (decode(
		slice_make(tail.p + MARK_BYTES, tail.n - MARK_BYTES), &extra) &&
	    scan_object(buf_slice(&extra), NULL, 0, &n, &why) == OK) {
		buf_add_str(out, ",\"extra_content\":");
		buf_add(out, buf_slice(&extra));
	}
	buf_fini(&extra);
}

/* --- thoughts --- */

void
returned_add_mark(struct buf *out, const char *name, uint32_t origin)
{
	char mark[MARK_BYTES + 1];

	if (name == NULL || origin == 0)
		return;
	write_mark(mark, origin);
	buf_add_str(out, mark);
	buf_add_str(out, name);
}

const char *
returned_name(struct slice mark, uint32_t origin)
{
	static const char *const names[] = { "reasoning_content", "reasoning" };
	char want[MARK_BYTES + 1];

	write_mark(want, origin);
	if (origin == 0 || !slice_starts(mark, slice_of(want)))
		return NULL;
	mark = slice_make(mark.p + MARK_BYTES, mark.n - MARK_BYTES);
	for (size_t i = 0; i < COUNT(names); i++)
		if (slice_is(mark, names[i]))
			return names[i];
	return NULL;
}
