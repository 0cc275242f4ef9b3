/* gateway/lib/err.c - error codes and messages. */
#include "gateway/lib/err.h"

#include <stdarg.h>
#include <stdio.h>

enum err
fail(struct errmsg *why, enum err err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return err;
}

const char *
err_name(enum err err)
{
	switch (err) {
	case OK:
		return "ok";
	case ERR_MEMORY:
		return "out of memory";
	case ERR_LIMIT:
		return "limit exceeded";
	case ERR_SYNTAX:
		return "syntax error";
	case ERR_INVALID:
		return "invalid value";
	case ERR_NOT_FOUND:
		return "not found";
	case ERR_UNSUPPORTED:
		return "unsupported";
	case ERR_IO:
		return "input/output error";
	case ERR_AGAIN:
		return "try again";
	}
	return "unknown error";
}
