/* hashed.h: which files have a hash of their content in their names, as bundlers write them. What
 * is wrongly taken for hashed stays in browsers for a year; what is wrongly not is deleted under
 * open tabs. */
#pragma once

#include "lib/sync/arena.h"

/* Files that the bundler itself lists as hashed. */
struct hashed_list {
  const char **paths; /* below the build folder, sorted */
  size_t count, capacity;
};

/* True when the name of the file at `path`, below the build folder, holds a hash:
 * - a part behind a dot or a dash of eight or more hexadecimal digits, with a letter and a digit
 *   among them (main.8a2b3c4d.js);
 * - below static/ and assets/, where create-react-app and Vite write, a part of eight or more
 *   letters, digits and underscores (787.28731594.chunk.js, index-DiwrgTda.js);
 * - of scripts, styles and their maps, a part of eight of these that is no word: capitals and
 *   digits, or changing between small and capital letters (chunk-ABCD2345.js, page.DNf8xk2Q.css).
 * The ending, and what stands before the first dot or dash, is no such part. */
bool hashed_name(struct str path);

/* True for scripts that browsers ask for by the same name for ever: service workers. */
bool hashed_never(struct str path);

/* Adds what `text` lists as hashed, when it is the list of a bundler: create-react-app's
 * asset-manifest.json or Vite's manifest. Anything else lists nothing. */
void hashed_read_list(struct str text, struct arena *arena, struct hashed_list *list);

/* Puts the list into the order that hashed_listed() needs. */
void hashed_sort(struct hashed_list *list);

/* True when the bundler lists the file at `path`. */
bool hashed_listed(const struct hashed_list *list, struct str path);
