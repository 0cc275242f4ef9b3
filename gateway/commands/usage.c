/* gateway/commands/usage.c - `pointsman usage`: what was asked for, by whom,
 * and what it cost: from the ledger of a running gateway, or from its file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/admin/usage_page.h"
#include "gateway/commands/admin_client.h"
#include "gateway/commands/command.h"
#include "gateway/conf/conf.h"
#include "gateway/lib/count.h"

#define TEXT_MAX ((size_t)64 << 20)
#define QUERY_MAX ((size_t)8192)
#define PATIENCE (35 * USEC_SEC) /* a gateway sums up for 30 s at most */

/* As a gateway would read it; false: it is said what is wrong. */
static bool
read_question(const struct query_part *list, size_t n, struct usage_question *q)
{
	struct errmsg why = { "" };
	struct buf query;
	enum err rc;

	buf_init(&query, QUERY_MAX);
	query_write(list, n, &query);
	rc = buf_err(&query) == OK
	    ? usage_read_question(buf_slice(&query), clock_wall(), q, &why)
	    : fail(&why, ERR_LIMIT, "the options are too long");
	buf_fini(&query);
	if (rc != OK)
		fprintf(stderr, "pointsman: %s\n", why.text);
	return rc == OK;
}

static json_t *
ask_file(
    const char *file, const struct query_part *list, size_t n, bool *misused)
{
	struct usage_question q;
	struct errmsg why = { "" };
	json_t *doc = NULL;

	*misused = !read_question(list, n, &q);
	if (!*misused &&
	    usage_sum(file, &q.query, USEC_NEVER / 2, NULL, &doc, &why) != OK)
		fprintf(stderr, "pointsman: %s\n", why.text);
	return doc;
}

static int
print(const json_t *doc, enum usage_format format)
{
	struct errmsg why;
	struct buf out;
	int rc;

	if (format == USAGE_CSV && !usage_is_whole(doc, &why)) {
		fprintf(stderr, "pointsman usage: %s\n", why.text);
		return EXIT_BAD;
	}
	if (format == USAGE_JSON) {
		json_dumpf(
		    doc, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
		putchar('\n');
		return EXIT_GOOD;
	}
	buf_init(&out, TEXT_MAX);
	if (format == USAGE_CSV)
		usage_write_csv(doc, &out);
	else
		usage_write_table(doc, &out);
	rc = buf_err(&out) == OK ? EXIT_GOOD : EXIT_BAD;
	if (rc == EXIT_GOOD)
		fwrite(out.p, 1, out.n, stdout);
	else
		fprintf(stderr, "pointsman usage: out of memory\n");
	buf_fini(&out);
	return rc;
}

/* --- to be played again --- */

/* Empty: nobody's name, or one that no row can hold. */
static void
print_name(FILE *f, char before, const char *name)
{
	bool none = strcmp(name, "-") == 0 || strpbrk(name, ",\r\n") != NULL;

	fprintf(f, "%c%s", before, none ? "" : name);
}

static void
print_arrival(void *arg, const struct usage_arrival *a)
{
	char at[CLOCK_TEXT];
	int n = (int)clock_text(at, a->at, 6) - 1; /* without its Z */
	const bool custom = strcmp(a->slo, "custom") == 0; /* no class */
	FILE *f = arg;

	at[strcspn(at, "T")] = ' ';
	fprintf(f, "%.*s,%u,%u", n, at, a->prompt, a->output);
	print_name(f, ',', a->tenant);
	print_name(f, ',', a->model);
	print_name(f, ',', custom ? "-" : a->slo);
	putc('\n', f);
}

/* False: not all of it could be read, or written. */
static bool
print_all(FILE *f)
{
	char part[16384];
	size_t n;

	rewind(f);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		if (fwrite(part, 1, n, stdout) < n)
			return false;
	return !ferror(f);
}

/* By way of a file: a pager that takes its time would keep the ledger's log
 * from being taken up into it. */
static enum err
write_trace(const char *file, const struct usage_query *q, struct errmsg *why)
{
	FILE *f = tmpfile();
	enum err rc;

	if (f == NULL)
		return fail(
		    why, ERR_IO, "no temporary file: %s", strerror(errno));
	rc = usage_arrivals(file, q, print_arrival, f, why);
	if (rc == OK && (fflush(f) != 0 || ferror(f)))
		rc = fail(why, ERR_IO, "temporary file: %s", strerror(errno));
	if (rc == OK && ftell(f) == 0)
		fprintf(stderr,
		    "pointsman usage: nobody has asked for anything then\n");
	if (rc == OK) {
		puts("TIMESTAMP,ContextTokens,GeneratedTokens,Tenant,Model,"
		     "Class");
		if (!print_all(f) && ferror(f))
			rc = fail(
			    why, ERR_IO, "temporary file: %s", strerror(errno));
	}
	fclose(f);
	return rc;
}

static int
print_trace(const char *file, const struct query_part *list, size_t n)
{
	struct usage_question q;
	struct errmsg why = { "" };

	if (!read_question(list, n, &q))
		return EXIT_USAGE;
	if (write_trace(file, &q.query, &why) == OK)
		return EXIT_GOOD;
	fprintf(stderr, "pointsman: %s\n", why.text);
	return EXIT_BAD;
}

/* Of the configuration's ledger. */
static int
print_trace_of(const char *config, const struct query_part *list, size_t n)
{
	struct conf *conf =
	    command_config(config, "which ledger with --file FILE");
	int rc = EXIT_BAD;

	if (conf != NULL && conf->ledger != NULL)
		rc = print_trace(conf->ledger, list, n);
	else if (conf != NULL)
		fprintf(
		    stderr, "pointsman usage: %s names no ledger\n", config);
	conf_unref(&conf);
	return rc;
}

/* list: `by` first. */
static int
trace_of(const char *file, const char *config, const struct query_part *list,
    size_t n)
{
	if (list[0].value != NULL) {
		fprintf(stderr,
		    "pointsman usage: --trace sums nothing up: want no --by\n");
		return EXIT_USAGE;
	}
	if (file != NULL)
		return print_trace(file, list, n);
	if (config != NULL)
		return print_trace_of(config, list, n);
	fprintf(stderr,
	    "pointsman usage: --trace reads a ledger's file: want "
	    "--config FILE or --file FILE\n");
	return EXIT_USAGE;
}

/* --json and --csv are short for it. */
static bool
choose_format(const char *word, bool json, bool csv, bool trace,
    enum usage_format *format)
{
	*format = json ? USAGE_JSON : csv ? USAGE_CSV : USAGE_TABLE;
	if ((word != NULL) + json + csv + trace > 1) {
		fprintf(stderr,
		    "pointsman usage: want one of --json, --csv, --trace and "
		    "--format\n");
		return false;
	}
	if (word == NULL || usage_format_parse(slice_of(word), format))
		return true;
	fprintf(stderr,
	    "pointsman usage: --format: want table, csv or json, got \"%s\"\n",
	    word);
	return false;
}

int
command_usage(int argc, char **argv)
{
	struct admin_where where = { .patience = PATIENCE };
	struct query_part list[] = { { "by", NULL }, { "since", NULL },
		{ "until", NULL }, { "tenant", NULL }, { "key", NULL },
		{ "model", NULL } };
	const char *word = NULL, *file = NULL;
	bool json = false, csv = false, trace = false;
	enum usage_format format;
	const struct command_option options[] = {
		{ "by", 'b', "NAMES",
		    "a row for each day, hour, tenant, key, model, backend, "
		    "upstream, slo, dialect, result, fault, missed",
		    &list[0].value, NULL },
		{ "since", 's', "TIME",
		    "24h ago, or 2026-11-21 (24h before --until)",
		    &list[1].value, NULL },
		{ "until", 'u', "TIME", "the same (now)", &list[2].value,
		    NULL },
		{ "tenant", 0, "NAME", "of this one only", &list[3].value,
		    NULL },
		{ "key", 0, "NAME", "of this one only", &list[4].value, NULL },
		{ "model", 0, "NAME", "of this one only", &list[5].value,
		    NULL },
		{ "format", 0, "WORD", "table, csv or json (table)", &word,
		    NULL },
		{ "csv", 0, NULL, "as CSV", NULL, &csv },
		{ "json", 0, NULL, "as JSON", NULL, &json },
		{ "trace", 0, NULL,
		    "who came when, for simulate and loadtest; needs the file",
		    NULL, &trace },
		{ "file", 'f', "FILE", "a ledger's file, without a gateway",
		    &file, NULL },
		ADMIN_WHERE_OPTIONS(where),
	};
	int rc;
	json_t *doc;

	if (!command_only_options(argc, argv,
		"pointsman usage [--by tenant,model] [--since 24h] [--csv | "
		"--json | --trace] [-c FILE | --admin URL | --file FILE]",
		COMMAND_OPTIONS(options), &rc))
		return rc;
	if (!choose_format(word, json, csv, trace, &format))
		return EXIT_USAGE;
	if (trace)
		return trace_of(file, where.config, list, COUNT(list));
	doc = file != NULL ? ask_file(file, list, COUNT(list), &where.misused)
			   : admin_ask_with(&where, "GET", "/admin/v1/usage",
				 list, COUNT(list));
	if (doc == NULL)
		return admin_exit(&where);
	rc = print(doc, format);
	json_decref(doc);
	return rc;
}
