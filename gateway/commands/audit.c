/* gateway/commands/audit.c - `pointsman audit verify`: is an audit log as it
 * was written? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/admin/audit.h"
#include "gateway/commands/command.h"

static const char usage[] = "pointsman audit verify FILE [--last HASH]";

static int
verify_file(const char *path, const char *head)
{
	struct audit_state s;
	struct errmsg why;

	if (audit_verify(path, &s, &why) != OK) {
		fprintf(stderr, "pointsman audit: %s\n", why.text);
		return EXIT_BAD;
	}
	if (head != NULL && strcmp(head, s.hash) != 0) {
		fprintf(stderr,
		    "pointsman audit: %s: want the last hash to be %s, got %s: "
		    "lines were added since, cut off, or all written anew\n",
		    path, head, s.hash);
		return EXIT_BAD;
	}
	printf("%s is whole: %" PRIu64 " line%s, the last hash %s\n", path, s.n,
	    command_s(s.n), s.hash);
	return EXIT_GOOD;
}

static int
verify(void *wish, int n, char **operands)
{
	const char **last = wish;

	return n == 2 ? verify_file(operands[1], *last)
		      : command_misused(usage);
}

int
command_audit(int argc, char **argv)
{
	static const struct command_word words[] = { { "verify", verify } };
	const char *last = NULL;
	const struct command_option options[] = {
		{ "last", 0, "HASH",
		    "that its last line has, as the gateway's log said it",
		    &last, NULL },
	};

	return command_words(argc, argv, usage, COMMAND_OPTIONS(options),
	    COMMAND_WORDS(words), &last);
}
