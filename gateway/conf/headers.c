/* gateway/conf/headers.c - headers of requests of our own, as a group of names
 * and values, of which any may be a secret. */
#include <string.h>
#include <strings.h>

#include "gateway/conf/loader.h"
#include "gateway/lib/count.h"

#define LINES_MAX ((size_t)64 << 10)

/* What HTTP itself is made of, and what the document is. */
static bool
is_ours(const char *name)
{
	static const char *const names[] = { "connection", "content-encoding",
		"content-length", "content-type", "expect", "host", "te",
		"transfer-encoding", "upgrade" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

/* NULL after a complaint. */
static const char *
value_of(struct loader *l, const struct setting *row, const config_setting_t *s)
{
	const char *text = config_setting_get_string(s);
	const char *name = config_setting_name(s);

	if (text != NULL && strncmp(text, "env:", 4) != 0 &&
	    strncmp(text, "file:", 5) != 0 &&
	    strcasecmp(name, "authorization") != 0) {
		if (secret_fits_header(slice_of(text)))
			return text;
		complain_value(l, s, row, "visible characters");
		return NULL;
	}
	return secret_needed(l, s, row);
}

void
read_headers(struct loader *l, const struct setting *row,
    const config_setting_t *s, void *base)
{
	const bool group = config_setting_is_group(s);
	const config_setting_t *e;
	const char *value;
	struct buf lines;

	if (!group)
		complain_kind(l, s, row);
	buf_init(&lines, LINES_MAX);
	for (int i = 0; group && i < config_setting_length(s); i++) {
		e = config_setting_get_elem(s, (unsigned)i);
		if (is_ours(config_setting_name(e)) ||
		    strchr(config_setting_name(e), '*') != NULL) {
			complain(l, e,
			    "want the name of a header that is not HTTP's "
			    "own, got %s",
			    config_setting_name(e));
			continue;
		}
		value = value_of(l, row, e);
		if (value != NULL)
			buf_addf(
			    &lines, "%s: %s\n", config_setting_name(e), value);
	}
	value = loader_dup(l, buf_slice(&lines));
	memcpy((char *)base + row->at, &value, sizeof(value));
	if (buf_err(&lines) != OK)
		complain(l, s, "want at most 64 KiB of headers, got more");
	buf_fini(&lines);
}
