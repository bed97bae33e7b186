/* search_term.c: reads what a person typed from the query, splits it into words and makes ILIKE
 * patterns of them. */
#include "routes/search_term.h"

#include "lib/base/cleanup.h"
#include "lib/base/utf8.h"

#include <assert.h>
#include <locale.h>
#include <pthread.h>
#include <wctype.h>

enum { ESCAPE = 3, NAME_LONGEST = 4 * ESCAPE }; /* "%41"; "term" with each byte escaped */

/* --- From the query --- */

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static void append_decoded(struct buffer *text, struct str part) {
  for (size_t i = 0; i < part.length; i++) {
    bool escape = part.data[i] == '%' && part.length - i >= ESCAPE;
    int high = escape ? hex_digit(part.data[i + 1]) : -1;
    int low = escape ? hex_digit(part.data[i + 2]) : -1;
    if (high >= 0 && low >= 0) {
      buffer_append_char(text, (char)(high << 4 | low));
      i += ESCAPE - 1;
    } else {
      buffer_append_char(text, part.data[i] == '+' ? ' ' : part.data[i]);
    }
  }
}

static bool is_called_term(struct str name) {
  if (name.length > NAME_LONGEST) return false;
  _cleanup_(buffer_free) struct buffer decoded = BUFFER_EMPTY;
  append_decoded(&decoded, name);
  return str_equal(buffer_str(&decoded), STR("term"));
}

void search_term_find(struct str raw_query, struct buffer *text) {
  struct str rest = raw_query, pair;
  while (str_next(&rest, '&', &pair)) {
    const char *equals = pair.length > 0 ? memchr(pair.data, '=', pair.length) : NULL;
    size_t length = equals ? (size_t)(equals - pair.data) : pair.length;
    if (!is_called_term((struct str){pair.data, length})) continue;
    if (equals) append_decoded(text, (struct str){equals + 1, pair.length - length - 1});
    return;
  }
}

/* --- Words --- */

struct word {
  struct str text;
  size_t run; /* letters and digits in a row, at most */
};

/* The C locale's letters are those of ASCII; this one knows all. It stays until the process ends.
 */
static locale_t letters;

static void open_letters(void) {
  letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static bool is_letter_or_digit(uint32_t code_point) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, open_letters);
  return letters ? iswalnum_l((wint_t)code_point, letters) != 0 : code_point >= 0x80;
}

static size_t longest_run(struct str word) {
  size_t longest = 0, run = 0;
  uint32_t code_point;
  while (utf8_next(&word, &code_point)) {
    run = is_letter_or_digit(code_point) ? run + 1 : 0;
    if (run > longest) longest = run;
  }
  return longest;
}

static bool ends_word(uint32_t code_point) {
  return code_point < 0x20 || utf8_is_white_space(code_point);
}

/* Takes the next word off `rest`. */
static bool next_word(struct str *rest, struct str *ret_word) {
  *ret_word = (struct str){rest->data, 0};
  uint32_t code_point;
  for (struct str before = *rest; utf8_next(rest, &code_point); before = *rest) {
    bool ends = ends_word(code_point);
    if (ends && ret_word->length > 0) return true;
    ret_word->data = ends ? rest->data : ret_word->data;
    ret_word->length = ends ? 0 : ret_word->length + (before.length - rest->length);
  }
  return ret_word->length > 0;
}

static size_t count_words(struct str text) {
  size_t count = 0;
  struct str word;
  while (next_word(&text, &word))
    count++;
  return count;
}

/* The words with the longest runs first, those that are alike in their order. */
static size_t sort_words(struct str text, struct word words[SEARCH_WORDS_MAX]) {
  size_t count = 0;
  struct str found;
  while (next_word(&text, &found)) {
    assert(count < SEARCH_WORDS_MAX);
    struct word word = {found, longest_run(found)};
    size_t place = count++;
    for (; place > 0 && words[place - 1].run < word.run; place--)
      words[place] = words[place - 1];
    words[place] = word;
  }
  return count;
}

const char *search_term_fault(struct str text) {
  bool has_nul = text.length > 0 && memchr(text.data, '\0', text.length);
  if (has_nul || !utf8_valid(text)) return "search_term_invalid";
  if (utf8_is_blank(text) || count_words(text) == 0) return "search_term_blank";
  if (utf8_length(text) > SEARCH_CHARS_MAX || count_words(text) > SEARCH_WORDS_MAX)
    return "search_term_exceed_max_chars";
  return NULL;
}

/* --- Patterns --- */

static void append_pattern(struct buffer *pattern, struct str text) {
  buffer_append_char(pattern, '%');
  for (size_t i = 0; i < text.length; i++) {
    if (strchr("\\%_", text.data[i])) buffer_append_char(pattern, '\\');
    buffer_append_char(pattern, text.data[i]);
  }
  buffer_append_char(pattern, '%');
}

/* From the first word's begin to the last one's end, without a leading '@'. */
static struct str whole_term(struct str text) {
  struct str word = {text.data, 0}, whole = {text.data, 0};
  for (bool first = true; next_word(&text, &word); first = false) {
    if (first) whole.data = word.data;
    whole.length = (size_t)(word.data + word.length - whole.data);
  }
  if (whole.length > 0 && whole.data[0] == '@')
    whole = (struct str){whole.data + 1, whole.length - 1};
  return whole;
}

bool search_term_read(struct str text, struct search_term *ret_term) {
  struct search_term term = {0};
  struct word words[SEARCH_WORDS_MAX];
  size_t count = sort_words(text, words);
  for (size_t place = 0; place < count; place++) {
    if (place < SEARCH_PATTERNS) append_pattern(&term.words[place], words[place].text);
    if (place > 0) buffer_append_char(&term.all, SEARCH_SEPARATOR);
    append_pattern(&term.all, words[place].text);
  }
  bool failed = false;
  for (size_t i = 0; i < SEARCH_PATTERNS; i++) {
    if (term.words[i].length == 0) buffer_append_char(&term.words[i], '%');
    failed = failed || term.words[i].failed;
  }
  struct str handle = whole_term(text);
  if (handle.length > 0) append_pattern(&term.handle, handle);
  *ret_term = term;
  if (failed || term.all.failed || term.handle.failed) {
    search_term_free(ret_term);
    return false;
  }
  return true;
}

void search_term_free(struct search_term *term) {
  for (unsigned i = 0; i < SEARCH_PATTERNS; i++)
    buffer_free(&term->words[i]);
  buffer_free(&term->all);
  buffer_free(&term->handle);
}
