/* gateway/translation/responses_order.c - what is said between calls and their
 * outputs waits for these.
 *
 * Codex puts what hooks say there. Many servers want the outputs right behind
 * the calls; that of a call may also come behind another call. */
#include "gateway/translation/responses_input.h"

/* Where it stands among those that wait; n_calls: nowhere. */
static size_t
find_call(const struct reader *r, struct slice id)
{
	size_t i = 0;

	while (i < r->n_calls && !slice_eq(r->calls[i], id))
		i++;
	return i;
}

void
order_note_call(struct reader *r, struct slice id)
{
	if (r->n_calls < READER_CALLS)
		r->calls[r->n_calls++] = id;
}

void
order_note_output(struct reader *r, struct slice id)
{
	size_t i = find_call(r, id);

	if (i < r->n_calls)
		r->calls[i] = r->calls[--r->n_calls];
}

/* However many calls there are, an item is looked at once. */
static void
look_ahead(struct reader *r)
{
	struct slice item, *id;
	enum scan_type type;

	if (r->ahead_item <= r->item) {
		r->ahead = r->here;
		r->ahead_item = r->item;
	}
	while (r->ahead_item < r->item + READER_AHEAD &&
	    scan_next_element(&r->ahead, &item, &type)) {
		id = &r->outputs[r->ahead_item++ % READER_AHEAD];
		if (type != SCAN_OBJECT ||
		    input_origin_of(item, id) != INPUT_OUTPUT)
			*id = SLICE("");
	}
}

static bool
output_follows(struct reader *r)
{
	struct slice id;

	look_ahead(r);
	for (size_t i = r->item; i < r->ahead_item; i++) {
		id = r->outputs[i % READER_AHEAD];
		if (id.n > 0 && find_call(r, id) < r->n_calls)
			return true;
	}
	return false;
}

/* Calls that nobody answers are not waited for again. */
static bool
must_wait(struct reader *r)
{
	if (r->holds || r->n_calls == 0)
		return r->holds;
	r->holds = output_follows(r);
	r->held = r->here;
	r->held_item = r->item;
	if (!r->holds)
		r->n_calls = 0;
	return r->holds;
}

/* All outputs are there, or the model has spoken without the others. */
static bool
is_over(const struct reader *r, enum input_origin next)
{
	return next != INPUT_OUTPUT &&
	    (r->n_calls == 0 ||
		(next == INPUT_MODEL && r->messages.role == CHAT_TOOL));
}

enum err
order_release(struct reader *r)
{
	const size_t now = r->item;
	struct slice rest = r->held, item, id;
	enum scan_type type;
	enum err rc = OK;

	if (!r->holds)
		return OK;
	r->holds = false;
	r->n_calls = 0;
	r->item = r->held_item;
	for (; rc == OK && rest.p < r->here.p &&
	     scan_next_element(&rest, &item, &type);
	     r->item++)
		if (input_origin_of(item, &id) == INPUT_OTHERS)
			rc = input_read_item(r, item);
	if (rc == OK)
		r->item = now;
	return rc;
}

enum err
order_read_item(struct reader *r, struct slice item)
{
	struct slice id;
	const enum input_origin origin = input_origin_of(item, &id);
	enum err rc = OK;

	if (r->holds && is_over(r, origin))
		rc = order_release(r);
	if (rc != OK || (origin == INPUT_OTHERS && must_wait(r)))
		return rc;
	return input_read_item(r, item);
}
