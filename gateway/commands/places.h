/* gateway/commands/places.h - what `serve` would find of the files and programs
 * that gateway.conf names.
 *
 * Nothing is made, changed or locked: it may be asked beside a gateway that
 * runs. Permissions are not judged, for the gateway may be another user. */
#ifndef GATEWAY_COMMANDS_PLACES_H
#define GATEWAY_COMMANDS_PLACES_H

#include "gateway/conf/conf.h"

/* The `look` of struct conf_env. */
enum err places_look(
    enum conf_place, const char *path, struct errmsg *why) MUST_USE;

#endif
