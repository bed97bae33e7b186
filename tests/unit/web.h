/* web.h: a small web server for unit tests: a thread for each connection, on a free port of
 * 127.0.0.1. The test says what is answered, in raw bytes, so that answers can be as bad as they
 * come. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct web;

/* Answers a request (head and body as they came, NUL-terminated) by writing to `fd`; returning
 * false closes the connection. Runs in a thread of its own. */
typedef bool (*web_answer)(struct web *web, int fd, const char *request, void *argument);

struct web *web_start(web_answer answer, void *argument);

/* Breaks the connections, waits for the threads, frees. */
void web_stop(struct web *web);

/* "http://127.0.0.1:PORT" and the path; lives until the next call with the same server. */
const char *web_url(struct web *web, const char *path);

unsigned web_connections(const struct web *web); /* accepted so far */
unsigned web_requests(const struct web *web);    /* read so far */

/* Writes text to a connection; false when it is broken. */
bool web_write(int fd, const char *text);

/* Writes an answer with Content-Length. */
bool web_write_answer(int fd, const char *status_line, const char *body);

/* Waits until the client leaves or the server stops. */
void web_wait_for_end(int fd);
