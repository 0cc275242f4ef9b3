/* backends/classify_testing.h - what a backend says, and what becomes of it. */
#ifndef BACKENDS_CLASSIFY_TESTING_H
#define BACKENDS_CLASSIFY_TESTING_H

#include "backends/backend.h"
#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct row {
	const char *who, *adapter;
	int status;
	const char *body;
};

static void
all_are(const struct row *rows, size_t n, enum dialect dialect,
    enum fault_kind kind)
{
	for (size_t i = 0; i < n; i++) {
		struct answer_head h = { .status = rows[i].status,
			.dialect = dialect };
		struct fault f = backend_find(slice_of(rows[i].adapter))
				     ->classify(&h, slice_of(rows[i].body));

		if (f.kind != kind)
			print_error("%s: %s\n", rows[i].who, rows[i].body);
		assert_string_equal(
		    fault_rule(f.kind)->name, fault_rule(kind)->name);
	}
}

#define ALL_ARE(rows, kind) all_are(rows, COUNT(rows), DIALECT_CHAT, kind)
#define OF(dialect, rows, kind) all_are(rows, COUNT(rows), dialect, kind)

#endif
