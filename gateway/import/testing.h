/* gateway/import/testing.h - for this folder's unit tests: a configuration of
 * LiteLLM, and what becomes of it. */
#ifndef GATEWAY_IMPORT_TESTING_H
#define GATEWAY_IMPORT_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/import/import.h"

#include <cmocka.h>

struct sheet {
	struct imported i;
	struct errmsg why;
	enum err rc;
	char *conf, *notes;
};

static inline char *
text_of(const struct buf *b)
{
	char *p = calloc(1, b->n + 1);

	assert_non_null(p);
	if (b->n > 0)
		memcpy(p, b->p, b->n);
	return p;
}

static inline void
sheet_init(struct sheet *s, const char *text)
{
	char path[] = "/tmp/pointsman-import-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	imported_init(&s->i);
	s->why.text[0] = '\0';
	s->rc = import_litellm(path, &s->i, &s->why);
	unlink(path);
	s->conf = text_of(&s->i.conf);
	s->notes = text_of(&s->i.notes);
}

static inline void
sheet_fini(struct sheet *s)
{
	imported_fini(&s->i);
	free(s->conf);
	free(s->notes);
}

#define assert_has(where, what)                                                \
	do {                                                                   \
		if (strstr(where, what) == NULL)                               \
			fail_msg("want \"%s\" in\n%s", what, where);           \
	} while (0)
#define assert_lacks(where, what)                                              \
	do {                                                                   \
		if (strstr(where, what) != NULL)                               \
			fail_msg("want no \"%s\" in\n%s", what, where);        \
	} while (0)

/* A model of that name, with these litellm_params. */
#define MODEL(name, params)                                                    \
	"- {model_name: " name ", litellm_params: {" params "}}\n"
#define LIST(models) "model_list:\n" models
#define SECTION(name, members) name ": {" members "}\n"

#endif
