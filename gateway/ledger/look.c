/* gateway/ledger/look.c - whether a file is a ledger, by its first bytes.
 *
 * SQLite would take locks, and make files beside it. What these bytes are:
 * "The Database Header", https://sqlite.org/fileformat2.html. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "gateway/ledger/ledger.h"
#include "gateway/ledger/schema.h"

#define HEADER 108 /* bytes: the database's, and its first page's */
#define MAGIC "SQLite format 3" /* and a NUL */
#define AT_VERSION 60
#define AT_APPLICATION 68
#define AT_KIND 100 /* of the page that names the tables */
#define AT_CELLS 103
#define KIND_LEAF 13

static uint32_t
number_at(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

/* Whoever made tables, or gave them a version, and did not say who he is. */
static bool
is_somebody_elses(const unsigned char *head)
{
	return number_at(head + AT_VERSION) != 0 ||
	    head[AT_KIND] != KIND_LEAF ||
	    (head[AT_CELLS] | head[AT_CELLS + 1]) != 0;
}

enum err
ledger_look(const char *path, struct errmsg *why)
{
	unsigned char head[HEADER] = { 0 };
	uint32_t application, version;
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return fail(
		    why, ERR_IO, "cannot open %s: %s", path, strerror(errno));
	n = fread(head, 1, sizeof(head), f);
	(void)fclose(f);
	if (n == 0) /* an empty database */
		return OK;
	if (n < sizeof(head) || memcmp(head, MAGIC, sizeof(MAGIC)) != 0)
		return fail(why, ERR_INVALID,
		    "want a ledger or no file, got one that is not a database: "
		    "%s",
		    path);
	application = number_at(head + AT_APPLICATION);
	version = number_at(head + AT_VERSION);
	/* Ours comes with its tables, in one transaction: without both, they
	 * may not have left its log yet. */
	if (application != SCHEMA_APPLICATION &&
	    (application != 0 || is_somebody_elses(head)))
		return fail(why, ERR_INVALID,
		    "want a ledger or no file, got another program's database: "
		    "%s",
		    path);
	if (application != 0 && version != SCHEMA_VERSION)
		return fail(why, ERR_INVALID,
		    "want a ledger of schema %d, got one of schema %u: %s",
		    SCHEMA_VERSION, (unsigned)version, path);
	return OK;
}
