/* gateway/commands/address.h - where a gateway listens, for the subcommands that
 * ask it something. */
#ifndef GATEWAY_COMMANDS_ADDRESS_H
#define GATEWAY_COMMANDS_ADDRESS_H

#include <stdbool.h>

struct address {
	char base[512]; /* "http://127.0.0.1:7071" */
	char unix_path[256]; /* or empty */
};

enum address_of { ADDRESS_LISTEN, ADDRESS_ADMIN };

/* By its gateway.conf. False: it is said on stderr what is wrong with that. */
bool address_read(const char *config, enum address_of, struct address *);

#endif
