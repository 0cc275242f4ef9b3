/* bench/sim/group.h - members of a group in a scenario's file, as a struct. */
#ifndef BENCH_SIM_GROUP_H
#define BENCH_SIM_GROUP_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>

#include "gateway/lib/err.h"

enum field_type {
	FIELD_NUMBER, /* double */
	FIELD_COUNT, /* unsigned */
	FIELD_LONG, /* uint64_t */
	FIELD_SPAN, /* usec, from "100ms" */
	FIELD_TEXT, /* const char *, in the tree */
	FIELD_BOOL,
	FIELD_OTHER /* looked at elsewhere */
};

struct field {
	const char *name;
	enum field_type type;
	size_t at;
	double min, max; /* of numbers */
	bool required;
};

/* What is not there stays as it is in *base. *why names file and line. */
enum err group_read(const config_setting_t *group, const struct field *,
    size_t n, void *base, const char *path, struct errmsg *why) MUST_USE;

/* "FILE:LINE: text" */
enum err group_fail(const config_setting_t *, const char *path,
    struct errmsg *why, const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
