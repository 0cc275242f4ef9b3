/* gateway/translation/translation.c - the formats that are translated. */
#include "gateway/translation/translation.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/translation/format.h"

#define TEXT_MAX ((size_t)256 << 20) /* a request is shorter */

static const struct translation_format *const formats[] = {
	&translation_messages, &translation_responses
};

static const struct translation_format *
find(enum dialect dialect)
{
	for (size_t i = 0; i < COUNT(formats); i++)
		if (formats[i]->dialect == dialect)
			return formats[i];
	return NULL;
}

bool
translation_exists(enum dialect dialect)
{
	return find(dialect) != NULL;
}

static struct slice
digits_of(const char *id)
{
	struct slice s = slice_of(id);
	ptrdiff_t mark = slice_find(s, '_');

	return slice_make(s.p + (mark + 1), s.n - (size_t)(mark + 1));
}

struct translation *
translation_new(enum dialect dialect, const struct translation_about *about)
{
	const struct translation_format *format = find(dialect);
	struct translation *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->format = format;
	t->created = about->created;
	t->files = about->files;
	t->formats = about->formats;
	t->origin = about->origin;
	t->length = about->length != NULL ? about->length : "max_tokens";
	slice_copy(t->id, sizeof(t->id), digits_of(about->id));
	slice_copy(t->model, sizeof(t->model), about->model);
	buf_init(&t->chat, TEXT_MAX);
	buf_init(&t->kept, TEXT_MAX);
	t->state = calloc(1, format->state_bytes);
	if (t->state == NULL)
		translation_free(&t);
	return t;
}

void
translation_free(struct translation **tp)
{
	struct translation *t = *tp;

	if (t == NULL)
		return;
	if (t->state != NULL && t->format->fini != NULL)
		t->format->fini(t->state);
	translation_free_request(t);
	buf_fini(&t->kept);
	free(t->state);
	free(t);
	*tp = NULL;
}

static bool
is_left_out(const struct translation *t, const char *name)
{
	struct slice rest = slice_of(t->left_out), one;

	while (slice_next(&rest, ',', &one))
		if (slice_is(slice_trim(one), name))
			return true;
	return false;
}

void
translation_leave_out(struct translation *t, const char *name)
{
	size_t n = strlen(t->left_out), more = strlen(name);

	if (is_left_out(t, name) || n + more + 3 > sizeof(t->left_out))
		return;
	if (n > 0) {
		memcpy(t->left_out + n, ", ", 2);
		n += 2;
	}
	memcpy(t->left_out + n, name, more + 1);
}

struct slice
translation_left_out(const struct translation *t)
{
	return slice_of(t->left_out);
}

void
translation_fail(
    struct translation *t, enum err rc, const char *passed, struct buf *out)
{
	if (rc == OK || out->err != OK)
		return;
	out->err = rc;
	t->passed = passed;
}

const char *
translation_passed(const struct translation *t)
{
	return t->passed != NULL ? t->passed : "too many bytes";
}

enum err
translation_request(struct translation *t, struct slice body,
    struct slice *chat, struct errmsg *why)
{
	enum err rc = t->format->request(t, body, &t->chat, why);

	if (rc == OK)
		rc = buf_err(&t->chat);
	if (rc == OK)
		rc = buf_err(&t->kept);
	if (rc == OK)
		*chat = buf_slice(&t->chat);
	return rc;
}

void
translation_free_request(struct translation *t)
{
	buf_fini(&t->chat);
}

const char *
translation_details(const struct translation *t)
{
	return t->details;
}

void
translation_event(struct translation *t, struct slice data, struct buf *out)
{
	t->format->event(t, data, out);
}

void
translation_end(
    struct translation *t, const struct usage *usage, struct buf *out)
{
	t->format->end(t, usage, out);
}

void
translation_answer(struct translation *t, struct slice body,
    const struct usage *usage, struct buf *out)
{
	t->format->answer(t, body, usage, out);
}
