/* gateway/commands/address.h - where a gateway listens, for the subcommands
 * that ask it something. */
#ifndef GATEWAY_COMMANDS_ADDRESS_H
#define GATEWAY_COMMANDS_ADDRESS_H

#include <stdbool.h>

#define ADDRESS_USUAL_LISTEN "http://127.0.0.1:7070/v1"
#define ADDRESS_USUAL_ADMIN "http://127.0.0.1:7071"

#define ADDRESS_PIN 64 /* bytes */

struct address {
	char base[512]; /* as above */
	char unix_path[256]; /* or empty */
	char pin[ADDRESS_PIN]; /* for transfer_request; or empty */
};

enum address_of { ADDRESS_LISTEN, ADDRESS_ADMIN };

/* By its URL, else by its gateway.conf, else where one usually is; either may
 * be NULL. Of the gateway.conf's own gateway the key of its certificate is
 * known, so that nobody else can answer, whatever address it is reached at.
 * False: it is said on stderr what is wrong with it. */
bool address_find(
    const char *url, const char *config, enum address_of, struct address *);

#endif
