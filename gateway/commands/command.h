/* gateway/commands/command.h - the subcommands of `pointsman`.
 *
 * Each gets argv from its own name on and returns the exit code: 0 good,
 * 1 the thing checked is bad, 2 wrong usage. */
#ifndef GATEWAY_COMMANDS_COMMAND_H
#define GATEWAY_COMMANDS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define EXIT_GOOD 0
#define EXIT_BAD 1
#define EXIT_USAGE 2

int command_serve(int argc, char **argv);
int command_check(int argc, char **argv);
int command_ask(int argc, char **argv);
int command_top(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_slo(int argc, char **argv);
int command_drill(int argc, char **argv);
int command_loadtest(int argc, char **argv);
int command_simulate(int argc, char **argv);
int command_usage(int argc, char **argv);
int command_key(int argc, char **argv);
int command_backend(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_import(int argc, char **argv);
int command_docs(int argc, char **argv);

/* Options that all commands share, parsed with getopt_long. */
struct command_option {
	const char *name; /* long */
	char letter; /* short; or 0 */
	const char *value; /* what it takes, for the help; NULL: nothing */
	const char *help;
	const char **string; /* where the value goes */
	bool *flag; /* set where value is NULL */
};

#define COMMAND_OPTIONS(table) table, (int)(sizeof(table) / sizeof((table)[0]))

/* Options may stand anywhere; *at is then the first operand. False: the command
 * ends here and *at is its exit code: the help was asked for and printed, or
 * it is said on stderr what is wrong. */
bool command_options(int argc, char **argv, const char *usage,
    const struct command_option *, int n, int *at);
/* Closes what the command has written. False: not all of it is there, which is
 * said on stderr. */
bool command_close(const char *command, FILE *, const char *path);
/* The same as command_options() for a command that takes no operands. */
bool command_only_options(int argc, char **argv, const char *usage,
    const struct command_option *, int n, int *code);
/* Says how another configuration is named, where there is none at `path`. */
void command_hint_config(const char *path);
/* A gateway.conf without its secrets, the caller's to conf_unref(). NULL: it is
 * said on stderr what is wrong with it, and what may be said instead. */
struct conf;
struct conf *command_config(const char *path, const char *otherwise);
/* The exit code of a command whose operands are wrong: says its usage. */
int command_misused(const char *usage);

/* What the first operand may be, of a command that does several things. */
struct command_word {
	const char *name;
	/* n operands, from the word on; the command's exit code */
	int (*run)(void *wish, int n, char **operands);
};

#define COMMAND_WORDS(table) table, (int)(sizeof(table) / sizeof((table)[0]))

/* The whole of such a command: reads its options, and does what the word says.
 * The exit code. */
int command_words(int argc, char **argv, const char *usage,
    const struct command_option *, int n, const struct command_word *words,
    int n_words, void *wish);

/* After a word for so many of it: "s", or of one nothing. */
static inline const char *
command_s(uint64_t n)
{
	return n == 1 ? "" : "s";
}

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help; /* NULL: not listed */
};
const struct command *command_table(size_t *n);

/* What a command takes, for pages about it. */
struct command_form {
	const char *usage;
	const struct command_option *options;
	const struct command_word *words; /* n_words 0: none */
	int n_options, n_words;
};
typedef void command_take(void *arg, const struct command_form *);
void command_ask_form(const struct command *, command_take *, void *arg);
/* For a command that reads its options by itself: true where it was only asked
 * what they are, and is to end. */
bool command_answers(const struct command_form *);

/* pages.c: a manual page, or what a shell completes by. False: no such kind
 * ("man", "bash", "zsh", "fish"). */
bool pages_write(const char *kind);

#endif
