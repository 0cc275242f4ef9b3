/* gateway/import/notes.c - what is noted, in the order of the file's lines,
 * however it was found. */
#include <stdlib.h>
#include <string.h>

#include "gateway/import/inner.h"

struct noted {
	uint64_t line;
	struct slice text; /* in the order of notes as they came */
};

static int
by_line(const void *one, const void *other)
{
	const struct noted *a = one, *b = other;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->text.p < b->text.p ? -1 : a->text.p > b->text.p;
}

/* "config.yaml:12: ..." -> 12 */
static uint64_t
line_of(const struct import *im, struct slice text)
{
	size_t n = strlen(im->file) + 1;
	struct slice rest, number;
	uint64_t line = 0;

	if (text.n <= n)
		return 0;
	rest = slice_make(text.p + n, text.n - n);
	if (slice_next(&rest, ':', &number))
		(void)slice_u64(number, &line);
	return line;
}

void
notes_sort(struct import *im)
{
	struct buf *notes = &im->out->notes;
	struct noted *all = im_alloc(im, (im->out->n_notes + 1) * sizeof(*all));
	const char *copy = im_dup(im, buf_slice(notes));
	struct slice rest, text;
	size_t n = 0;

	if (all == NULL || copy == NULL)
		return;
	rest = slice_make(copy, notes->n);
	while (n < im->out->n_notes && slice_next(&rest, '\n', &text))
		all[n++] = (struct noted){ line_of(im, text), text };
	qsort(all, n, sizeof(*all), by_line);
	buf_reset(notes);
	for (size_t i = 0; i < n; i++)
		buf_addf(notes, "%.*s\n", SLICE_ARG(all[i].text));
}
