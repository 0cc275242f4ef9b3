/* gateway/cmd_key.c - `pointsman key hash`: a tenant's key as gateway.conf
 * may hold it. The key comes on standard input, so that it stays out of the
 * process list and the shell's history. */
#include <stdio.h>
#include <string.h>

#include "gateway/command.h"
#include "gateway/conf/conf.h"

int
command_key(int argc, char **argv)
{
	char key[4096], hex[2 * CONF_KEY_BYTES + 1];
	struct slice s;
	int at = command_options(argc, argv,
	    "pointsman key hash < FILE\n\n"
	    "Prints sha256:HEX of the key on standard input.",
	    NULL, 0);

	if (at == -1)
		return EXIT_GOOD;
	if (at < 0 || at + 1 != argc || strcmp(argv[at], "hash") != 0) {
		fputs("usage: pointsman key hash < FILE\n", stderr);
		return EXIT_USAGE;
	}
	s = slice_trim(slice_make(key, fread(key, 1, sizeof(key), stdin)));
	if (s.n == 0 || s.n == sizeof(key)) {
		fputs("pointsman key hash: want a key of 1 to 4095 bytes on "
		      "standard input\n",
		    stderr);
		return EXIT_BAD;
	}
	conf_key_hash(s, hex);
	printf("sha256:%s\n", hex);
	return EXIT_GOOD;
}
