/* diff.c: see diff.h. The longest common subsequence, by dynamic programming over what is left when
 * the common head and tail are off. */
#include "lib/migrate/diff.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

enum { CONTEXT_LINES = 3, MATCHED_LINES_MAX = 4000 };

_Static_assert(MATCHED_LINES_MAX <= UINT16_MAX, "lengths of common sequences are 16 bits");

struct lines {
  struct str *items;
  size_t count;
};

struct side_by_side {
  struct lines old, new;
  size_t head, tail;  /* common lines at the beginning and at the end */
  uint16_t *common;   /* [(i, j)]: length of the longest common subsequence from there on */
  size_t rows, width; /* of `common`, less one */
};

static struct lines split(struct str text) {
  struct lines lines = {0};
  size_t count = 1;
  for (size_t i = 0; i < text.length; i++)
    count += text.data[i] == '\n';
  lines.items = calloc(count, sizeof(*lines.items));
  if (!lines.items) return lines;
  for (size_t start = 0; start < text.length;) {
    size_t end = start;
    while (end < text.length && text.data[end] != '\n')
      end++;
    lines.items[lines.count++] = (struct str){text.data + start, end - start};
    start = end + 1;
  }
  return lines;
}

static uint16_t *cell(const struct side_by_side *sides, size_t i, size_t j) {
  assert(i <= sides->rows && j <= sides->width);
  return &sides->common[i * (sides->width + 1) + j];
}

static void match(struct side_by_side *sides) {
  sides->rows = sides->old.count - sides->head - sides->tail;
  sides->width = sides->new.count - sides->head - sides->tail;
  if (sides->rows > MATCHED_LINES_MAX || sides->width > MATCHED_LINES_MAX) return;
  sides->common = calloc((sides->rows + 1) * (sides->width + 1), sizeof(*sides->common));
  if (!sides->common) return;
  for (size_t i = sides->rows; i-- > 0;)
    for (size_t j = sides->width; j-- > 0;) {
      bool same = str_equal(sides->old.items[sides->head + i], sides->new.items[sides->head + j]);
      uint16_t down = *cell(sides, i + 1, j), right = *cell(sides, i, j + 1);
      *cell(sides, i, j) =
          same ? (uint16_t)(*cell(sides, i + 1, j + 1) + 1) : (down > right ? down : right);
    }
}

static void find_common_ends(struct side_by_side *sides) {
  const struct lines *old = &sides->old, *new = &sides->new;
  size_t shorter = old->count < new->count ? old->count : new->count;
  while (sides->head < shorter && str_equal(old->items[sides->head], new->items[sides->head]))
    sides->head++;
  while (sides->tail < shorter - sides->head && str_equal(old->items[old->count - 1 - sides->tail],
                                                          new->items[new->count - 1 - sides->tail]))
    sides->tail++;
}

static void append_line(struct buffer *out, char mark, struct str line) {
  buffer_append_char(out, mark);
  buffer_append_str(out, line);
  buffer_append_char(out, '\n');
}

static void append_middle(struct buffer *out, const struct side_by_side *sides) {
  size_t i = 0, j = 0;
  while (i < sides->rows || j < sides->width) {
    struct str old = i < sides->rows ? sides->old.items[sides->head + i] : STR("");
    struct str new = j < sides->width ? sides->new.items[sides->head + j] : STR("");
    bool both = i < sides->rows && j < sides->width;
    if (both && sides->common && str_equal(old, new)) {
      append_line(out, ' ', old);
      i++;
      j++;
    } else if (i < sides->rows &&
               (!both || !sides->common || *cell(sides, i + 1, j) >= *cell(sides, i, j + 1))) {
      append_line(out, '-', old);
      i++;
    } else {
      append_line(out, '+', new);
      j++;
    }
  }
}

void diff_append(struct buffer *out, struct str old_text, struct str new_text) {
  struct side_by_side sides = {.old = split(old_text), .new = split(new_text)};
  find_common_ends(&sides);
  match(&sides);
  size_t first = sides.head > CONTEXT_LINES ? sides.head - CONTEXT_LINES : 0;
  for (size_t i = first; i < sides.head; i++)
    append_line(out, ' ', sides.old.items[i]);
  append_middle(out, &sides);
  for (size_t i = 0; i < sides.tail && i < CONTEXT_LINES; i++)
    append_line(out, ' ', sides.old.items[sides.old.count - sides.tail + i]);
  free(sides.common);
  free(sides.old.items);
  free(sides.new.items);
}
