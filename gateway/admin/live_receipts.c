/* gateway/admin/live_receipts.c - the newest receipts, a line each. */
#include <stdlib.h>

#include "gateway/admin/live_store.h"
#include "gateway/admin/receipt_pages.h"
#include "gateway/lib/count.h"

/* By which terms it missed. */
static json_t *
missed_json(const struct receipt *r)
{
	static const enum phase terms[] = { PHASE_TTFT, PHASE_ITL,
		PHASE_TOTAL };
	json_t *list = json_array();
	usec by;

	for (size_t i = 0; i < COUNT(terms); i++)
		if (r->slo_declared && receipt_missed(r, terms[i], &by))
			json_array_append_new(
			    list, json_string(phase_name(terms[i])));
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
