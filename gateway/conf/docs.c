/* gateway/conf/docs.c - docs/configuration.md, from the table of settings. */
#include <string.h>

#include "gateway/conf/conf.h"
#include "gateway/conf/settings.h"

static const char intro[] =
    "# Configuration\n"
    "\n"
    "<!-- Generated from gateway/conf/settings*.c by `make docs`. -->\n"
    "\n"
    "Pointsman reads one file, `gateway.conf`. `pointsman check -c "
    "gateway.conf` says\n"
    "everything that is wrong with it, each with its line, with what was "
    "wanted and\n"
    "what came. SIGHUP reloads it; a file with an error changes nothing. The "
    "file in the\n"
    "root of the repository is an example to start from. Elements of lists go "
    "by their\n"
    "name, or by their number from 0: `models.gemma.serve[0].quality`.\n"
    "\n"
    "How values are written (the syntax is libconfig's):\n"
    "\n"
    "| value | as in |\n"
    "|---|---|\n"
    "| group | `listen = { port = 7070; };` |\n"
    "| list of groups | `backends = ( { name = \"a\"; }, { name = \"b\"; } "
    ");` with no comma after the last |\n"
    "| list of strings | `aliases = [ \"a\", \"b\" ];`; two strings without "
    "a comma between them are an error |\n"
    "| number | `20`, `0.6`; `1` and `1.0` are the same |\n"
    "| duration | `\"500us\"`, `\"100ms\"`, `\"1.5s\"`, `\"2m\"`, "
    "`\"1h\"`, `\"90d\"` |\n"
    "| size | `\"512B\"`, `\"16KiB\"`, `\"64MiB\"`, `\"1GiB\"` |\n"
    "| secret | `\"env:NAME\"`: an environment variable; `\"file:PATH\"`: a "
    "file's content, without the newline at its end; `\"sha256:HEX\"`: a "
    "digest, for keys of tenants. Never the secret itself |\n"
    "| comment | `# ...`, `// ...`, `/* ... */` |\n"
    "\n"
    "Relative paths, among them a program in `command` with a slash in its "
    "name, start\n"
    "from the folder of the file. A program without a slash is looked up in "
    "`PATH`.\n"
    "\n"
    "An SLO class, a backend, `fastest` or `cheapest` can follow a model's "
    "name after a\n"
    "colon: `gemma:voice`. A model whose own name would read so is an "
    "error,\n"
    "and what else a request has there a 404, also with a `default_model`.\n";

/* The heading's anchor: its letters, in lower case, and underscores. */
static void
write_anchor(const struct setting_group *g, FILE *f)
{
	for (const char *p = g->title; *p != '\0'; p++)
		if ((*p >= 'a' && *p <= 'z') || *p == '_')
			fputc(*p, f);
}

static void
write_type(const struct setting *row, FILE *f)
{
	struct buf b;

	buf_init(&b, 1024);
	setting_write_docs(row, &b);
	if (row->group != NULL) {
		fprintf(f, "[%.*s](#", SLICE_ARG(buf_slice(&b)));
		write_anchor(row->group, f);
		fputc(')', f);
	} else {
		fwrite(b.p, 1, b.n, f);
	}
	buf_fini(&b);
}

static void
write_default(const struct setting *row, FILE *f)
{
	bool quoted = row->type != SETTING_INT && row->type != SETTING_NUMBER &&
	    row->type != SETTING_BOOL;

	if (row->flags & SETTING_REQUIRED)
		fputs("required", f);
	else if (row->otherwise != NULL)
		fputs(row->otherwise, f);
	else if (row->value != NULL && quoted)
		fprintf(f, "`\"%s\"`", row->value);
	else if (row->value != NULL)
		fprintf(f, "`%s`", row->value);
	else
		fputs("its own", f);
}

static void
write_group(const struct setting_group *g, FILE *f)
{
	if (g->title[0] != '\0')
		fprintf(f, "\n## `%s`\n\n%s\n", g->title, g->intro);
	else
		fputs("\n## Top level\n", f);
	fputs("\n| setting | value | default | meaning |\n|---|---|---|---|\n",
	    f);
	for (size_t i = 0; i < g->n; i++) {
		const struct setting *row = &g->rows[i];

		fprintf(f, "| `%s` | ", row->name);
		write_type(row, f);
		fputs(" | ", f);
		write_default(row, f);
		fprintf(f, " | %s%s |\n", row->help,
		    row->flags & SETTING_RESTART
			? " A change takes effect at the next start."
			: "");
	}
	for (size_t i = 0; i < g->n; i++)
		if (g->rows[i].group != NULL)
			write_group(g->rows[i].group, f);
}

void
conf_write_docs(FILE *f)
{
	fputs(intro, f);
	write_group(&settings_top, f);
}
