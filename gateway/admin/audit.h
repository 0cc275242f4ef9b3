/* gateway/admin/audit.h - who changed what, in a file that is only added to.
 *
 * A line is JSON and chained to the one before, so that no byte can be changed
 * and no line taken out, put in or moved without the check finding it:
 *
 *	{"before":"HASH","n":2,"time":"2026-11-21T08:00:00.000Z",
 *	"who":"ci","act":"reload","target":"","result":200,"hash":"HASH"}
 *
 * in one line. `hash` is the SHA-256 of the line's bytes up to `,"hash":`, and
 * `before` that of the line before; the first has zeroes. Lines cut off at the
 * end, and a chain that was made anew, are found by whoever has noted the last
 * hash elsewhere: the log says each.
 *
 * After Schneier and Kelsey, "Cryptographic Support for Secure Logs on
 * Untrusted Machines", USENIX Security 1998, without their keys. */
#ifndef GATEWAY_ADMIN_AUDIT_H
#define GATEWAY_ADMIN_AUDIT_H

#include "gateway/conf/conf.h"

/* Bytes of a line: what a request may have in its query, if each takes six. One
 * that did not fit would be an act that left none. */
#define AUDIT_LINE_MAX ((size_t)256 << 10)
#define AUDIT_HASH (2 * CONF_KEY_BYTES + 1) /* hexadecimal digits, and a NUL */

struct audit;

struct audit_entry {
	const char *who; /* a name in admin_keys; NULL: no keys, anybody */
	const char *act;
	struct slice target;
	int result; /* an HTTP status */
};

struct audit_state {
	uint64_t n; /* lines */
	char hash[AUDIT_HASH]; /* of the last one */
};

/* NULL: out of memory. The file is opened by the first audit_ready(). */
struct audit *audit_new(const char *path);
void audit_free(struct audit **);
/* Whether an act could be written; opens, locks and checks the file where it is
 * not open, or is another by now: one that was moved away is begun anew, and
 * the log has the last hash of the old one. Failing is for as long as nobody
 * mends the file. */
enum err audit_ready(struct audit *, struct errmsg *why) MUST_USE;
/* Adds a line; it is on the disk then. */
enum err audit_write(struct audit *, const struct audit_entry *, usec wall,
    struct errmsg *why) MUST_USE;

/* audit_verify.c: reads all of it. ERR_INVALID: the first line that is not as
 * it was written, as "FILE:LINE: want ..., got ...". */
enum err audit_verify(
    const char *path, struct audit_state *, struct errmsg *why) MUST_USE;
/* The hash of a line's bytes, as digits. */
enum err audit_hash(struct slice, char hash[AUDIT_HASH]) MUST_USE;

#endif
