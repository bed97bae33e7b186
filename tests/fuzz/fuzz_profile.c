/* fuzz_profile.c: the AWS SDKs' files of credentials and settings. The first line is the profile,
 * the second the setting that is looked for. */
#include "fuzz.h"

#include "lib/aws/credentials/profile.h"
#include "lib/aws/credentials/profile_text.h"
#include "lib/base/cleanup.h"

static void check_value(struct str text, struct str value) {
  if (!value.data) return;
  assert(fuzz_inside(text, value));
  assert(value.length == 0 || !memchr(value.data, '\n', value.length));
}

/* Only one of the two files is there. */
static void check_file(struct str text, bool is_config_file, const char *profile,
                       const char *name) {
  _cleanup_(buffer_free) struct buffer copy = BUFFER_EMPTY;
  buffer_append_str(&copy, text);
  struct profile_files files = {0};
  *(is_config_file ? &files.config : &files.credentials) = copy;
  struct str value = profile_setting(&files, profile, name);
  check_value(buffer_str(&copy), value);
  if (value.data) assert(profile_exists(&files, profile));
  value = profile_session_setting(&files, str_from(profile), name);
  check_value(buffer_str(&copy), value);
  if (value.data) assert(profile_session_exists(&files, str_from(profile)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str text = fuzz_text(data, size), profile = fuzz_cut(&text, '\n'),
             name = fuzz_cut(&text, '\n');
  _cleanup_free_ char *profile_copy = strndup(profile.data, profile.length);
  _cleanup_free_ char *name_copy = strndup(name.data, name.length);
  _cleanup_(buffer_free) struct buffer plain = BUFFER_EMPTY;
  if (*name_copy == '\0' || !profile_text_read(text, &plain, NULL)) return 0;
  text = buffer_str(&plain);
  check_value(text, profile_find(text, false, profile_copy, name));
  check_value(text, profile_find(text, true, profile_copy, name));
  check_file(text, false, profile_copy, name_copy);
  check_file(text, true, profile_copy, name_copy);
  return 0;
}
