/* gateway/lib/err.h - error codes and messages.
 *
 * A function that can fail returns enum err (OK is 0) and writes what a
 * person needs to know into the caller's struct errmsg. On failure its
 * other outputs are untouched unless its header says otherwise. */
#ifndef GATEWAY_LIB_ERR_H
#define GATEWAY_LIB_ERR_H

enum err {
	OK = 0,
	ERR_MEMORY, /* out of memory, or past a configured cap */
	ERR_LIMIT, /* larger or more than a limit allows */
	ERR_SYNTAX, /* the bytes do not parse */
	ERR_INVALID, /* they parse, but a value is wrong */
	ERR_NOT_FOUND, /* no such thing */
	ERR_UNSUPPORTED, /* valid, but not something we do */
	ERR_IO, /* the system said no */
	ERR_AGAIN, /* not now */
};

/* Ours are checked by the compiler: an ignored error is a warning. */
#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

struct errmsg {
	char text[512];
};

/* Formats into *why and returns err, so that failing is one statement:
 *	return fail(why, ERR_INVALID, "want 1..9, got %d", n); */
enum err fail(struct errmsg *why, enum err err, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* "out of memory", "limit exceeded", ...: a static string. */
const char *err_name(enum err);

#endif
