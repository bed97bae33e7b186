/* fuzz_accept_encoding.c: which codings a client takes. The input is the header's field. */
#include "fuzz.h"

#include "lib/http/accept_encoding.h"

static void check_weight(int weight) {
  assert(weight >= -1 && weight <= 1000);
}

static struct accept_encoding read_fields(struct str first, struct str second) {
  struct accept_encoding accepted = ACCEPT_ENCODING_NONE;
  accept_encoding_read(&accepted, first);
  accept_encoding_read(&accepted, second);
  return accepted;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str field = fuzz_text(data, size);
  struct accept_encoding accepted = read_fields(field, STR(""));
  check_weight(accepted.gzip);
  check_weight(accepted.identity);
  check_weight(accepted.any);
  bool takes = accept_encoding_takes_gzip(&accepted);
  assert(!takes || accepted.gzip > 0 || accepted.any > 0);
  /* What a later field says counts. */
  accepted = read_fields(field, STR("gzip;q=0"));
  assert(!accept_encoding_takes_gzip(&accepted));
  accepted = read_fields(field, STR("gzip"));
  assert(accept_encoding_takes_gzip(&accepted));
  return 0;
}
