/* gateway/shared/resp.c - see resp.h. Of answers: texts, numbers, errors, and
 * arrays of texts and numbers. */
#include "gateway/shared/resp.h"

#include <string.h>

#define TEXT_MAX 100000 /* bytes: more than any reader has room for */

void
resp_add(struct buf *to, const struct slice *words, size_t n)
{
	buf_addf(to, "*%zu\r\n", n);
	for (size_t i = 0; i < n; i++) {
		buf_addf(to, "$%zu\r\n", words[i].n);
		buf_add(to, words[i]);
		buf_add_str(to, "\r\n");
	}
}

/* Its line, without its end, is cut off the front of *rest. */
static enum resp_state
take_line(struct slice *rest, struct slice *line)
{
	const char *end = memchr(rest->p, '\n', rest->n);
	size_t n;

	if (end == NULL)
		return RESP_MORE;
	n = (size_t)(end - rest->p) + 1;
	if (n < 3 || end[-1] != '\r')
		return RESP_BAD;
	*line = slice_make(rest->p, n - 2);
	*rest = slice_make(rest->p + n, rest->n - n);
	return RESP_ANSWER;
}

/* What stands behind a line's type, which counts something. */
static bool
read_count(struct slice line, size_t most, size_t *out)
{
	size_t n = 0;

	for (size_t i = 1; i < line.n; i++) {
		if (line.p[i] < '0' || line.p[i] > '9')
			return false;
		n = 10 * n + (size_t)(line.p[i] - '0');
		if (n > most)
			return false;
	}
	*out = n;
	return line.n > 1;
}

static enum resp_state
take_text(struct slice line, struct slice *rest, struct slice *out)
{
	size_t n;

	if (line.p[0] == '+' || line.p[0] == ':') {
		*out = slice_make(line.p + 1, line.n - 1);
		return RESP_ANSWER;
	}
	if (line.p[0] != '$' || !read_count(line, TEXT_MAX, &n))
		return RESP_BAD;
	if (rest->n < n + 2)
		return RESP_MORE;
	if (memcmp(rest->p + n, "\r\n", 2) != 0)
		return RESP_BAD;
	*out = slice_make(rest->p, n);
	*rest = slice_make(rest->p + n + 2, rest->n - n - 2);
	return RESP_ANSWER;
}

static enum resp_state
take_array(size_t n, struct slice *rest, struct resp_answer *out)
{
	enum resp_state s = RESP_ANSWER;
	struct slice line;

	while (out->n < n && s == RESP_ANSWER) {
		s = take_line(rest, &line);
		if (s == RESP_ANSWER)
			s = take_text(line, rest, &out->values[out->n++]);
	}
	return s;
}

enum resp_state
resp_read(struct slice bytes, struct resp_answer *out, size_t *taken)
{
	struct slice line, rest = bytes;
	enum resp_state s = take_line(&rest, &line);
	size_t n;

	*out = (struct resp_answer){ .n = 0 };
	if (s != RESP_ANSWER)
		return s;
	if (line.p[0] == '-')
		out->error = slice_make(line.p + 1, line.n - 1);
	else if (line.p[0] != '*')
		s = take_text(line, &rest, &out->values[out->n++]);
	else if (!read_count(line, RESP_VALUES_MAX, &n))
		return RESP_BAD;
	else
		s = take_array(n, &rest, out);
	*taken = bytes.n - rest.n;
	return s;
}
