/* gateway/admin/live_receipts.c - the newest receipts, a line each. */
#include <stdlib.h>

#include "gateway/admin/live_store.h"
#include "gateway/admin/receipt_render.h"

/* By which terms it missed. */
static json_t *
missed_json(const struct receipt *r)
{
	json_t *list = json_array();
	usec by;

	for (enum phase t = PHASE_TTFT; t <= PHASE_TOTAL; t++)
		if (receipt_missed(r, t, &by))
			json_array_append_new(list, json_string(phase_name(t)));
	return list;
}

json_t *
live_receipts(const struct admin_picture *p, uint64_t since)
{
	static const struct receipt_filter any;
	json_t *list = json_array(), *line;
	uint64_t filed, cursor, n;
	struct receipt *r;

	if (p->receipts == NULL)
		return list;
	filed = receipts_filed(p->receipts);
	n = filed > since ? filed - since : 0;
	if (n > LIVE_RECEIPTS)
		n = LIVE_RECEIPTS;
	cursor = filed + 1;
	for (; n > 0; n--) {
		r = receipts_next(p->receipts, &cursor, &any);
		if (r == NULL)
			break;
		line = receipt_line_json(r, p->labels);
		set(line, "missed", missed_json(r));
		json_array_append_new(list, line);
		free(r);
	}
	return list;
}
