/* gateway/lib/text.h - strings that may not be there: NULL. */
#ifndef GATEWAY_LIB_TEXT_H
#define GATEWAY_LIB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Neither is there, or both say the same. */
static inline bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Whether it is in the list, which NULL ends; no list: anything is. */
static inline bool
text_listed(const char *const *list, const char *text)
{
	if (list == NULL)
		return true;
	for (; *list != NULL; list++)
		if (same_text(*list, text))
			return true;
	return false;
}

/* For logs and tables. */
static inline const char *
or_dash(const char *s)
{
	return s != NULL ? s : "-";
}

#endif
