/* gateway/lib/folder.h - the folder that a file is in. */
#ifndef GATEWAY_LIB_FOLDER_H
#define GATEWAY_LIB_FOLDER_H

#include <stdbool.h>

#define FOLDER_BYTES 4096 /* of its path, the NUL among them */

/* "." of a path without a slash. False, with errno: it is too long. */
bool folder_path(const char *path, char out[FOLDER_BYTES]);

/* Has the file's name written to the disk: fsync(2) of a new file does not. The
 * last part of the path is no link. False, with errno: it could not be. */
bool folder_sync(const char *path);

#endif
