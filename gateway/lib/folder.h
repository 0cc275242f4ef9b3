/* gateway/lib/folder.h - the folder that a file is in. */
#ifndef GATEWAY_LIB_FOLDER_H
#define GATEWAY_LIB_FOLDER_H

#include <stdbool.h>

/* Has the file's name written to the disk: fsync(2) of a new file does not. The
 * last part of the path is no link. False, with errno: it could not be. */
bool folder_sync(const char *path);

#endif
