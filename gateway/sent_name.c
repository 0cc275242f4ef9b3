/* gateway/sent_name.c - what was sent for the star of a model's name. */
#include "gateway/sent_name.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 255

struct sent_name {
	struct sent_name *next;
	uint32_t serving;
	char text[];
};

/* It is the client's to choose, and goes from there to terminals and
 * spreadsheets: what no model's name has is "?". */
static void
calm(char *p)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789._:/@+-";

	for (; *p != '\0'; p++)
		if (strchr(plain, *p) == NULL)
			*p = '?';
}

void
sent_names_note(struct sent_name **all, uint32_t serving, struct slice name)
{
	struct sent_name *s;

	if (sent_names_find(*all, serving) != NULL)
		return;
	if (name.n > SHOWN_MAX)
		name.n = SHOWN_MAX;
	s = malloc(sizeof(*s) + name.n + 1);
	if (s == NULL)
		return;
	slice_copy(s->text, name.n + 1, name);
	calm(s->text);
	s->serving = serving;
	s->next = *all;
	*all = s;
}

const char *
sent_names_find(const struct sent_name *s, uint32_t serving)
{
	while (s != NULL && s->serving != serving)
		s = s->next;
	return s != NULL ? s->text : NULL;
}

void
sent_names_free(struct sent_name **all)
{
	struct sent_name *s;

	while ((s = *all) != NULL) {
		*all = s->next;
		free(s);
	}
}
