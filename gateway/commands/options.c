/* gateway/commands/options.c - a subcommand's command line: read, or only told,
 * for its help and the pages about it. */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "gateway/commands/command.h"

#define OPTIONS_MAX 16
#define PACKAGED "/etc/pointsman/gateway.conf"

static void
print_help(const char *text, const struct command_option *o, int n)
{
	char left[48];

	printf("usage: %s\n\n", text);
	for (int i = 0; i < n; i++) {
		snprintf(left, sizeof(left), "%c%c%s --%s %s",
		    o[i].letter ? '-' : ' ', o[i].letter ? o[i].letter : ' ',
		    o[i].letter ? "," : " ", o[i].name,
		    o[i].value != NULL ? o[i].value : "");
		printf("  %-26s %s\n", left, o[i].help);
	}
	printf("  %-26s %s\n", "-h, --help", "this text");
}

int
command_misused(const char *text)
{
	fprintf(stderr, "usage: %s\n", text);
	return EXIT_USAGE;
}

/* Set while a command is only asked what it takes. */
static struct {
	command_take *take;
	void *arg;
} asked;

void
command_ask_form(const struct command *c, command_take *take, void *arg)
{
	char name[32];
	char *argv[] = { name, NULL };

	snprintf(name, sizeof(name), "%s", c->name);
	asked.take = take;
	asked.arg = arg;
	(void)c->run(1, argv);
	asked.take = NULL;
}

bool
command_answers(const struct command_form *form)
{
	if (asked.take == NULL)
		return false;
	asked.take(asked.arg, form);
	return true;
}

bool
command_options(int argc, char **argv, const char *text,
    const struct command_option *o, int n, int *at)
{
	struct option longs[OPTIONS_MAX + 2] = { { 0 } };
	char shorts[3 * OPTIONS_MAX + 2] = "h";
	const struct command_form form = {
		.usage = text, .options = o, .n_options = n
	};
	int c, which;

	assert(n <= OPTIONS_MAX);
	if (command_answers(&form)) {
		*at = EXIT_GOOD;
		return false;
	}
	for (int i = 0; i < n; i++) {
		size_t len = strlen(shorts);

		longs[i].name = o[i].name;
		longs[i].has_arg = o[i].value != NULL;
		longs[i].val = 256 + i;
		if (o[i].letter != 0)
			snprintf(shorts + len, sizeof(shorts) - len, "%c%s",
			    o[i].letter, o[i].value != NULL ? ":" : "");
	}
	longs[n] = (struct option){ "help", 0, NULL, 'h' };
	optind = 1;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (c == 'h') {
			print_help(text, o, n);
			*at = EXIT_GOOD;
			return false;
		}
		which = c - 256;
		for (int i = 0; i < n && which < 0; i++)
			if (o[i].letter == c)
				which = i;
		if (c == '?' || which < 0) {
			*at = command_misused(text);
			return false;
		}
		if (o[which].value != NULL)
			*o[which].string = optarg;
		else
			*o[which].flag = true;
	}
	*at = optind;
	return true;
}

void
command_hint_config(const char *path)
{
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return;
	fprintf(stderr, "pointsman: -c FILE says where it is%s\n",
	    access(PACKAGED, F_OK) == 0 ? ", such as -c " PACKAGED : "");
}

bool
command_close(const char *command, FILE *f, const char *path)
{
	const bool failed = ferror(f) != 0;

	errno = 0;
	if (fclose(f) == 0 && !failed)
		return true;
	fprintf(stderr, "pointsman %s: %s: %s\n", command, path,
	    errno != 0 ? strerror(errno) : "cannot be written");
	return false;
}

/* "check gateway.conf" wants "check -c gateway.conf". */
static const struct command_option *
find_file_option(const struct command_option *o, int n)
{
	for (int i = 0; i < n; i++)
		if (o[i].letter != 0 && o[i].value != NULL &&
		    strcmp(o[i].value, "FILE") == 0)
			return &o[i];
	return NULL;
}

bool
command_only_options(int argc, char **argv, const char *text,
    const struct command_option *o, int n, int *code)
{
	const struct command_option *file = find_file_option(o, n);
	int at;

	if (!command_options(argc, argv, text, o, n, &at)) {
		*code = at;
		return false;
	}
	if (at == argc)
		return true;
	fprintf(stderr, "pointsman %s: want options only, got \"%s\"", argv[0],
	    argv[at]);
	if (file != NULL)
		fprintf(
		    stderr, ": did you mean -%c %s?", file->letter, argv[at]);
	fputs("\n", stderr);
	*code = EXIT_USAGE;
	return false;
}

/* want "a", "b" or "c", got "x" */
static void
complain_word(const char *command, const struct command_word *words, int n,
    const char *got)
{
	fprintf(stderr, "pointsman %s: want ", command);
	for (int i = 0; i < n; i++)
		fprintf(stderr, "%s\"%s\"",
		    i == 0           ? ""
			: i + 1 == n ? " or "
				     : ", ",
		    words[i].name);
	if (got != NULL)
		fprintf(stderr, ", got \"%s\"\n", got);
	else
		fputs(", got nothing\n", stderr);
}

int
command_words(int argc, char **argv, const char *text,
    const struct command_option *o, int n, const struct command_word *words,
    int n_words, void *wish)
{
	const struct command_form form = { .usage = text,
		.options = o,
		.words = words,
		.n_options = n,
		.n_words = n_words };
	int at;

	if (command_answers(&form))
		return EXIT_GOOD;
	if (!command_options(argc, argv, text, o, n, &at))
		return at;
	for (int i = 0; i < n_words && at < argc; i++)
		if (strcmp(argv[at], words[i].name) == 0)
			return words[i].run(wish, argc - at, argv + at);
	complain_word(argv[0], words, n_words, at < argc ? argv[at] : NULL);
	return command_misused(text);
}
