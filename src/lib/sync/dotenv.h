/* dotenv.h: files of NAME=value lines, read as data: nothing in them is evaluated. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"

/* Called for each line; `value` is NUL-terminated and borrowed for the time of the call. Returning
 * false ends the reading. */
typedef bool (*dotenv_each)(const char *name, const char *value, void *argument);

/* Reads `text`: empty lines, comments after '#', and lines NAME=value, with or without "export "
 * before them. A value in single quotes stands for itself; in double quotes \n, \t, \", \\ and \$
 * are escapes; without quotes it ends before " #" and loses the blanks around it. `$` is never
 * expanded. Fails as ERROR_INVALID for any other line; the message has its number but not its text,
 * which may be a secret. */
bool dotenv_parse(struct str text, dotenv_each each, void *argument, struct error *error);
