/* own_refusals.c: a libmicrohttpd that keeps its refusals to itself, as one would that is linked
 * with -Bsymbolic: no connection is refused through the function that the executable defines. */
#include <stddef.h>

struct MHD_Daemon;

int MHD_add_connection(struct MHD_Daemon *daemon, int fd, const void *address, unsigned length);

int MHD_add_connection(struct MHD_Daemon *daemon, int fd, const void *address, unsigned length) {
  (void)daemon, (void)fd, (void)address, (void)length;
  return 0;
}
