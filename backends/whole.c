/* backends/whole.c - the steps of backend_decode(), each in slices:
 *
 *	as it came --no object--> blotted --> the copy
 *
 * The decoders themselves look at little of a valid answer. */
#include "backends/whole.h"

#include <stdlib.h>

#include "backends/decode.h"

struct whole {
	struct slice body;
	struct scan *scan; /* of the body, or the copy; NULL: between them */
	struct buf copy; /* blotted */
	size_t blotted; /* up to here */
	bool good; /* answer is what it is */
	struct answer answer;
};

static bool
scan(struct whole *w, struct slice text)
{
	w->scan = scan_new(text, w->answer.members, ANSWER_MEMBERS_MAX);
	return w->scan != NULL;
}

struct whole *
whole_new(struct slice body)
{
	struct whole *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->body = slice_trim(body);
	w->answer.name = SLICE("");
	buf_init(&w->copy, w->body.n);
	if (!scan(w, w->body))
		whole_free(&w);
	return w;
}

void
whole_free(struct whole **wp)
{
	struct whole *w = *wp;

	if (w == NULL)
		return;
	scan_free(&w->scan);
	buf_fini(&w->copy);
	free(w);
	*wp = NULL;
}

/* False: nothing is left to try. */
static bool
end_scan(struct whole *w)
{
	size_t n = 0;

	w->good = scan_end(w->scan, &n, NULL) == OK;
	w->answer.n = n < ANSWER_MEMBERS_MAX ? n : ANSWER_MEMBERS_MAX;
	scan_free(&w->scan);
	return !w->good && w->body.n > 0 && w->copy.n == 0 &&
	    buf_reserve_exactly(&w->copy, w->body.n);
}

static bool
blot(struct whole *w)
{
	size_t to = w->blotted + SCAN_SLICE;

	if (to > w->body.n)
		to = w->body.n;
	w->blotted = decode_blot(w->body, w->blotted, to, &w->copy);
	return w->blotted < w->body.n || scan(w, buf_slice(&w->copy));
}

bool
whole_more(struct whole *w)
{
	if (w->scan == NULL)
		return blot(w);
	return scan_more(w->scan, SCAN_SLICE) || end_scan(w);
}

void
whole_decode(const struct whole *w, enum dialect dialect, struct event *out,
    struct buf *scratch)
{
	if (w->body.n == 0) /* it was all blanks */
		*out = (struct event){ .bits = EVENT_IGNORED };
	else if (w->good)
		decode_answer(dialect, &w->answer, out, scratch);
	else
		decode_nothing(out, scratch);
}
