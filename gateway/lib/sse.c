/* gateway/lib/sse.c - cuts a byte stream into server-sent events.
 *
 * Invariant: the state says all about the bytes before; splitting a stream
 * elsewhere moves at most the LF of a CRLF from the end of one event's span to
 * the start of the next. */
#include "gateway/lib/sse.h"

#include <string.h>

#include "gateway/lib/scan_plain.h"

void
sse_init(struct sse *s)
{
	*s = (struct sse){ .line_start = true };
}

/* Offset of the first line break in p[0..n), or n. */
static size_t
line_length(const char *p, size_t n)
{
	const unsigned char *from = (const unsigned char *)p;

	return (size_t)(scan_either(from, from + n, '\n', '\r') - from);
}

/* Ends a line at the break b; true when that ends an event. */
static bool
end_line(struct sse *s, char b)
{
	bool second_half = b == '\n' && s->after_cr;
	bool blank = s->line_start && !second_half;

	s->after_cr = b == '\r';
	s->line_start = true;
	return blank && s->any;
}

enum sse_state
sse_scan(struct sse *s, struct slice bytes, size_t *taken)
{
	size_t i = 0, n, room;
	bool ended = false;

	while (i < bytes.n && !ended) {
		room = SSE_EVENT_MAX - s->length;
		if (room == 0) {
			*taken = i;
			return SSE_LONG;
		}
		n = bytes.n - i < room ? bytes.n - i : room;
		n = line_length(bytes.p + i, n);
		if (n > 0) {
			s->any = true;
			s->line_start = s->after_cr = false;
		} else {
			n = 1;
			ended = end_line(s, bytes.p[i]);
		}
		i += n;
		s->length += n;
	}
	if (ended) {
		/* the rest of a CRLF, where it is here already, goes along: a
		 * client may wait for it before it believes the CR */
		if (s->after_cr && i < bytes.n && bytes.p[i] == '\n') {
			s->after_cr = false;
			i++;
		}
		s->any = false;
		s->length = 0;
	}
	*taken = i;
	return ended ? SSE_EVENT : SSE_MORE;
}

/* Cuts a line, without its break, off the front of *rest. */
static struct slice
take_line(struct slice *rest)
{
	size_t n = line_length(rest->p, rest->n), whole = n;
	struct slice line = slice_make(rest->p, n);

	if (whole < rest->n)
		whole += rest->n - n > 1 && memcmp(rest->p + n, "\r\n", 2) == 0
		    ? 2
		    : 1;
	*rest = slice_make(rest->p + whole, rest->n - whole);
	return line;
}

static void
add_data(
    struct sse_fields *f, struct slice value, struct buf *scratch, size_t lines)
{
	if (lines == 0) {
		f->data = value;
		return;
	}
	if (lines == 1)
		buf_add(scratch, f->data);
	buf_add_char(scratch, '\n');
	buf_add(scratch, value);
	f->data = buf_slice(scratch);
}

void
sse_parse(struct slice raw, struct sse_fields *f, struct buf *scratch)
{
	struct slice line, name, value;
	size_t data_lines = 0;
	ptrdiff_t colon;

	*f = (struct sse_fields){ .comment_only = true };
	buf_reset(scratch);
	while (raw.n > 0 && (raw.p[0] == '\n' || raw.p[0] == '\r'))
		raw = slice_make(raw.p + 1, raw.n - 1);
	if (slice_starts(raw, SLICE("\xef\xbb\xbf")))
		raw = slice_make(raw.p + 3, raw.n - 3);
	while (raw.n > 0) {
		line = take_line(&raw);
		colon = slice_find(line, ':');
		if (line.n == 0 || colon == 0)
			continue;
		f->comment_only = false;
		name = value = line;
		if (colon > 0)
			name.n = (size_t)colon;
		value.n = line.n - name.n;
		value.p += name.n;
		if (value.n > 0) {
			value.p++;
			value.n--;
		}
		if (slice_starts(value, SLICE(" "))) {
			value.p++;
			value.n--;
		}
		if (slice_is(name, "event"))
			f->event = value;
		else if (slice_is(name, "data"))
			add_data(f, value, scratch, data_lines++);
	}
	f->has_data = data_lines > 0;
}
