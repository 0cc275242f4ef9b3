/* gateway/commands/explain.c - `pointsman explain`: why a request went where it
 * went, and what became of it, for a person. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/commands/admin_client.h"
#include "gateway/commands/command.h"
#include "gateway/commands/doc.h"
#include "gateway/commands/explain_receipt.h"

/* An id is what follows the prefix: nothing that a path could be made of. */
static bool
is_id(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_')
			return false;
	return n > 0 && n < 64;
}

#define ROW_PATIENCE (35 * USEC_SEC) /* it is looked for for 30 s at most */

/* Of one that has been overwritten the ledger may have a row. NULL: it is said
 * why there is nothing. */
static json_t *
ask_for_row(const struct admin_where *where, const char *id)
{
	struct errmsg no_row = { "" };
	struct admin_where there = *where;
	char path[128];
	json_t *row;

	snprintf(path, sizeof(path), "/admin/v1/usage/%s", id);
	there.unfound = &no_row;
	there.patience = ROW_PATIENCE;
	row = admin_get(&there, path);
	if (row == NULL)
		fprintf(stderr, "pointsman: %s\n", where->unfound->text);
	if (no_row.text[0] != '\0')
		fprintf(stderr, "pointsman: %s\n", no_row.text);
	return row != NULL ? json_pack("{s:o}", "ledger", row) : NULL;
}

static void
print(const json_t *doc, bool raw)
{
	const json_t *row = json_object_get(doc, "ledger");

	if (raw)
		doc_print(doc);
	else if (row != NULL)
		explain_print_row(row, stdout);
	else
		explain_print(doc, stdout);
}

int
command_explain(int argc, char **argv)
{
	struct errmsg unfound = { "" };
	struct admin_where where = { .unfound = &unfound };
	bool raw = false;
	const struct command_option options[] = {
		ADMIN_WHERE_OPTIONS(where),
		{ "json", 0, NULL, "as JSON", NULL, &raw },
	};
	const char *text = "pointsman explain ID [-c FILE | --admin URL] "
			   "[--json]\n\nID is what an answer's "
			   "x-pointsman-receipt or x-request-id says.";
	int at;
	char path[128];
	json_t *doc;

	if (!command_options(argc, argv, text, COMMAND_OPTIONS(options), &at))
		return at;
	if (at + 1 != argc || !is_id(argv[at])) {
		fprintf(stderr,
		    "pointsman explain: want one ID, as in "
		    "x-pointsman-receipt\n");
		return EXIT_USAGE;
	}
	snprintf(path, sizeof(path), "/admin/v1/receipts/%s", argv[at]);
	doc = admin_get(&where, path);
	if (doc == NULL && unfound.text[0] != '\0')
		doc = ask_for_row(&where, argv[at]);
	if (doc == NULL)
		return EXIT_BAD;
	print(doc, raw);
	json_decref(doc);
	return EXIT_GOOD;
}
