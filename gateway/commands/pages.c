/* gateway/commands/pages.c - the manual page and what shells complete by, from
 * the table of commands and the options that each says it takes. */
#include <stdio.h>
#include <string.h>

#include "gateway/commands/command.h"
#include "gateway/lib/count.h"

/* --- the manual page --- */

/* A line that begins with a dot or a quote would be an order to troff. */
static void
man_text(const char *s)
{
	bool begins = true;

	for (; *s != '\0'; s++) {
		if (begins && (*s == '.' || *s == '\''))
			fputs("\\&", stdout);
		begins = *s == '\n';
		if (*s == '\\')
			fputs("\\e", stdout);
		else if (*s == '-')
			fputs("\\-", stdout);
		else
			putchar(*s);
	}
}

static void
man_form(void *arg, const struct command_form *form)
{
	const struct command_option *o = form->options;

	(void)arg;
	puts(".nf");
	man_text(form->usage);
	puts("\n.fi");
	for (int i = 0; i < form->n_options; i++) {
		puts(".TP");
		printf(".B ");
		if (o[i].letter != 0)
			printf("\\-%c, ", o[i].letter);
		fputs("\\-\\-", stdout);
		man_text(o[i].name);
		if (o[i].value != NULL) {
			putchar(' ');
			man_text(o[i].value);
		}
		putchar('\n');
		man_text(o[i].help);
		putchar('\n');
	}
}

static void
write_man(const struct command *c, size_t n)
{
	puts(".TH POINTSMAN 1 2026-11-21 \"pointsman " POINTSMAN_VERSION "\"\n"
	     ".SH NAME\npointsman \\- LLM inference routing gateway\n"
	     ".SH SYNOPSIS\n.B pointsman\n.I COMMAND\n[\\fIOPTION\\fR]...\n"
	     ".SH DESCRIPTION\n"
	     "A gateway between applications that speak OpenAI's API and "
	     "backends that answer: for each request it chooses the cheapest "
	     "that meets the request's latency targets, and another one where "
	     "that fails. Each command takes \\fB\\-\\-help\\fR.\n"
	     ".SH COMMANDS");
	for (size_t i = 0; i < n; i++) {
		if (c[i].help == NULL)
			continue;
		printf(".SS %s\n", c[i].name);
		man_text(c[i].help);
		puts("");
		command_ask_form(&c[i], man_form, NULL);
	}
	puts(".SH ENVIRONMENT\n"
	     ".TP\n.B POINTSMAN_ADMIN_KEY\nthe key of an operator, for "
	     "commands that ask a running gateway with \\fIadmin_keys\\fR.\n"
	     ".TP\n.B POINTSMAN_ADMIN_CA\na file of certificates to trust "
	     "there, PEM.\n"
	     ".TP\n.B POINTSMAN_API_KEY\nthe key of a tenant, for "
	     "\\fBask\\fR.");
	puts(".SH EXIT STATUS\n0: good; 1: what was checked is bad; 2: wrong "
	     "usage.\n"
	     ".SH FILES\n.I gateway.conf\nin the current folder, where no "
	     "other is named; its settings are in docs/configuration.md.");
}

/* --- bash --- */

static void
bash_options(void *arg, const struct command_form *form)
{
	(void)arg;
	for (int i = 0; i < form->n_options; i++)
		printf(" --%s", form->options[i].name);
}

static void
bash_words(void *arg, const struct command_form *form)
{
	const struct command *c = arg;

	if (form->n_words == 0)
		return;
	printf("\t\t%s) operands=\"", c->name);
	for (int i = 0; i < form->n_words; i++)
		printf("%s%s", i > 0 ? " " : "", form->words[i].name);
	puts("\" ;;");
}

static void
write_bash(const struct command *c, size_t n)
{
	struct command one;

	printf("# bash completion of pointsman\n_pointsman()\n{\n"
	       "\tlocal word=${COMP_WORDS[COMP_CWORD]} words operands=\n"
	       "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\twords=\"");
	for (size_t i = 0; i < n; i++)
		if (c[i].help != NULL)
			printf("%s%s", i > 0 ? " " : "", c[i].name);
	printf("\"\n\telse\n\t\tcase ${COMP_WORDS[1]} in\n");
	for (size_t i = 0; i < n; i++) {
		if (c[i].help == NULL)
			continue;
		printf("\t\t%s) words=\"--help", c[i].name);
		command_ask_form(&c[i], bash_options, NULL);
		printf("\" ;;\n");
	}
	printf("\t\tesac\n\t\t[ \"$COMP_CWORD\" -gt 2 ] ||\n"
	       "\t\tcase ${COMP_WORDS[1]} in\n");
	for (size_t i = 0; i < n; i++) {
		one = c[i];
		if (c[i].help != NULL)
			command_ask_form(&c[i], bash_words, &one);
	}
	printf("\t\tesac\n\t\tcase $word in\n\t\t-*) ;;\n"
	       "\t\t*) words=$operands ;;\n\t\tesac\n\tfi\n"
	       "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n"
	       "complete -o default -F _pointsman pointsman\n");
}

/* --- zsh --- */

/* Inside single quotes; brackets and colons are the syntax of _arguments. */
static void
quoted(const char *s, const char *special)
{
	for (; *s != '\0'; s++) {
		if (*s == '\'')
			fputs("'\\''", stdout);
		else if (*s == '\n')
			putchar(' ');
		else if (strchr(special, *s) != NULL)
			printf("\\%c", *s);
		else
			putchar(*s);
	}
}

static void
zsh_form(void *arg, const struct command_form *form)
{
	const struct command_option *o = form->options;

	(void)arg;
	for (int i = 0; i < form->n_options; i++) {
		printf(" \\\n\t\t\t'--%s[", o[i].name);
		quoted(o[i].help, "[]:\\");
		putchar(']');
		if (o[i].value != NULL) {
			printf(":%s:_files", o[i].value);
		}
		putchar('\'');
	}
	if (form->n_words == 0)
		return;
	printf(" \\\n\t\t\t'2:word:(");
	for (int i = 0; i < form->n_words; i++)
		printf("%s%s", i > 0 ? " " : "", form->words[i].name);
	printf(")'");
}

static void
write_zsh(const struct command *c, size_t n)
{
	printf("#compdef pointsman\n_pointsman()\n{\n\tlocal -a commands\n"
	       "\tcommands=(\n");
	for (size_t i = 0; i < n; i++) {
		if (c[i].help == NULL)
			continue;
		printf("\t\t'%s:", c[i].name);
		quoted(c[i].help, ":\\");
		printf("'\n");
	}
	printf("\t)\n\tif (( CURRENT == 2 )); then\n"
	       "\t\t_describe command commands\n\t\treturn\n\tfi\n"
	       "\tcase $words[2] in\n");
	for (size_t i = 0; i < n; i++) {
		if (c[i].help == NULL)
			continue;
		printf("\t%s)\n\t\t_arguments '--help[this text]'", c[i].name);
		command_ask_form(&c[i], zsh_form, NULL);
		printf(" \\\n\t\t\t'*:file:_files' ;;\n");
	}
	printf("\tesac\n}\n_pointsman \"$@\"\n");
}

/* --- fish --- */

/* Inside single quotes. */
static void
fish_text(const char *s)
{
	for (; *s != '\0'; s++)
		printf(*s == '\'' || *s == '\\' ? "\\%c" : "%c", *s);
}

static void
fish_form(void *arg, const struct command_form *form)
{
	const struct command_option *o = form->options;
	const struct command *c = arg;

	for (int i = 0; i < form->n_words; i++)
		printf("complete -c pointsman -n "
		       "'__fish_prev_arg_in %s' -f -a %s\n",
		    c->name, form->words[i].name);
	for (int i = 0; i < form->n_options; i++) {
		printf("complete -c pointsman -n "
		       "'__fish_seen_subcommand_from %s' -l %s",
		    c->name, o[i].name);
		if (o[i].letter != 0)
			printf(" -s %c", o[i].letter);
		printf("%s -d '", o[i].value != NULL ? " -r" : "");
		fish_text(o[i].help);
		printf("'\n");
	}
}

static void
write_fish(const struct command *c, size_t n)
{
	struct command one;

	printf("# fish completion of pointsman\n");
	for (size_t i = 0; i < n; i++) {
		if (c[i].help == NULL)
			continue;
		printf(
		    "complete -c pointsman -n __fish_use_subcommand -f -a %s "
		    "-d '",
		    c[i].name);
		fish_text(c[i].help);
		printf("'\n");
		one = c[i];
		command_ask_form(&c[i], fish_form, &one);
	}
}

bool
pages_write(const char *kind)
{
	static const struct {
		const char *kind;
		void (*write)(const struct command *, size_t n);
	} rows[] = {
		{ "man", write_man },
		{ "bash", write_bash },
		{ "zsh", write_zsh },
		{ "fish", write_fish },
	};
	size_t n;
	const struct command *c = command_table(&n);

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (strcmp(kind, rows[i].kind) != 0)
			continue;
		rows[i].write(c, n);
		return true;
	}
	return false;
}
