/* bench/load/options_set.h - an option and its value, one function each. */
#ifndef BENCH_LOAD_OPTIONS_SET_H
#define BENCH_LOAD_OPTIONS_SET_H

#include "bench/load/options.h"

/* What is read in passing, and settled at the end. */
struct draft {
	struct loadtest_options *o;
	const char *model, *key;
	bool speed_given;
};

struct option_row {
	const char *name, *value; /* value NULL: a flag */
	enum err (*set)(struct draft *, const char *value, struct errmsg *);
	const char *help;
};
#define OPTIONS_MAX 32
extern const struct option_row option_rows[];
extern const size_t n_option_rows;

#endif
