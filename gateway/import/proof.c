/* gateway/import/proof.c - what has been written, read as `check` reads it:
 * what that finds wrong is a note, and an error. */
#include "backends/backend.h"
#include "gateway/import/inner.h"

#define NAME "gateway.conf"
/* For the tenant's key: whether a variable is set is not the file's fault. */
#define DIGEST                                                                 \
	"sha256:"                                                              \
	"0000000000000000000000000000000000000000000000000000000000000000"

/* NAME:LINE: warning: ... */
static bool
is_warning(struct slice line)
{
	size_t at = sizeof(NAME);

	while (at < line.n && line.p[at] >= '0' && line.p[at] <= '9')
		at++;
	return at < line.n &&
	    slice_starts(
		slice_make(line.p + at, line.n - at), SLICE(": warning: "));
}

static void
keep_errors(struct import *im, const struct complaints *c)
{
	struct slice rest = buf_slice(&c->text), line;

	while (slice_next(&rest, '\n', &line))
		if (line.n > 0 && !is_warning(line))
			buf_addf(&im->out->notes, "%s: %.*s\n", im->file,
			    SLICE_ARG(line));
	im->out->errors = c->errors;
}

void
prove(struct import *im)
{
	struct conf_adapter adapters[BACKENDS_MAX];
	struct conf_env env = backend_conf_env(adapters);
	struct conf *conf = NULL;
	struct complaints c;
	struct buf text;
	enum err rc;

	buf_init(&text, im->out->conf.max);
	complaints_init(&c);
	write_conf(im, &text, im->tenant_key != NULL ? DIGEST : NULL);
	rc = buf_err(&text);
	if (rc == OK)
		rc = conf_load_text(
		    buf_slice(&text), NAME, &env, NULL, &conf, &c);
	im->out_of_memory |= rc == ERR_MEMORY || rc == ERR_LIMIT;
	keep_errors(im, &c);
	conf_unref(&conf);
	complaints_fini(&c);
	buf_fini(&text);
}
