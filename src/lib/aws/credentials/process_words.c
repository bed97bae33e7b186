/* process_words.c: see process_words.h. */
#include "lib/aws/credentials/process_words.h"

#include <stdlib.h>
#include <string.h>

static bool is_blank(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Where a line is being read, and where its words are written. */
struct process_splitter {
  struct str rest;
  char *place;
};

static char take_byte(struct process_splitter *splitter) {
  splitter->rest.length--;
  return *splitter->rest.data++;
}

/* What stands between quotes; the first one was taken. */
static bool copy_quoted(struct process_splitter *splitter, char quote, struct error *error) {
  while (splitter->rest.length > 0) {
    char byte = take_byte(splitter);
    if (byte == quote) return true;
    bool escapes = byte == '\\' && quote == '"' && splitter->rest.length > 0 &&
                   strchr("\"\\", *splitter->rest.data);
    *splitter->place++ = escapes ? take_byte(splitter) : byte;
  }
  return error_set(error, ERROR_INVALID, "a quote is not closed");
}

/* One word, whose first byte is no blank. */
static bool copy_word(struct process_splitter *splitter, struct error *error) {
  while (splitter->rest.length > 0 && !is_blank(*splitter->rest.data)) {
    char byte = take_byte(splitter);
    if (byte == '\'' || byte == '"') {
      if (!copy_quoted(splitter, byte, error)) return false;
    } else if (byte == '\\' && splitter->rest.length == 0) {
      return error_set(error, ERROR_INVALID, "nothing follows the last backslash");
    } else {
      *splitter->place++ = byte == '\\' ? take_byte(splitter) : byte;
    }
  }
  *splitter->place++ = '\0';
  return true;
}

static bool copy_words(struct process_splitter *splitter, char **words, struct error *error) {
  size_t count = 0;
  for (;;) {
    while (splitter->rest.length > 0 && is_blank(*splitter->rest.data))
      take_byte(splitter);
    if (splitter->rest.length == 0) break;
    if (count == PROCESS_WORDS_LIMIT)
      return error_set(error, ERROR_INVALID, "it has more than %d words", PROCESS_WORDS_LIMIT);
    words[count++] = splitter->place;
    if (!copy_word(splitter, error)) return false;
  }
  words[count] = NULL;
  return count > 0 || error_set(error, ERROR_INVALID, "it is empty");
}

bool process_words_split(struct str line, char ***ret_words, struct error *error) {
  if (line.length > PROCESS_WORDS_LINE_LIMIT ||
      (line.length > 0 && memchr(line.data, '\0', line.length)))
    return error_set(error, ERROR_INVALID, "it is too long, or has a NUL in it");
  /* A word is no longer than what it was, and the byte after it pays for its NUL. */
  size_t pointers = (PROCESS_WORDS_LIMIT + 1) * sizeof(char *);
  char **words = malloc(pointers + line.length + 1);
  if (!words) return error_set(error, ERROR_MEMORY, "out of memory");
  struct process_splitter splitter = {line, (char *)words + pointers};
  if (!copy_words(&splitter, words, error)) {
    free(words);
    return false;
  }
  *ret_words = words;
  return true;
}
