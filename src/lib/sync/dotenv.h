/* dotenv.h: files of NAME=value lines, read as data: nothing in them is evaluated. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"

/* Called for each line; `value` is NUL-terminated and borrowed for the time of the call. Returning
 * false ends the reading. */
typedef bool (*dotenv_each)(const char *name, const char *value, void *argument);

/* Reads `text`: empty lines, comments after '#', an optional "export ", then NAME=value. A value in
 * single quotes stands for itself; in double quotes \n, \t, \", \\ and \$ are escapes; without
 * quotes it ends before " #" and loses the blanks around it. `$` is never expanded. Fails as
 * ERROR_INVALID with the number of a line that is none of these, without its text, which may be a
 * secret. */
bool dotenv_parse(struct str text, dotenv_each each, void *argument, struct error *error);
