/* rules.h: what is special about which files: the small file sync.conf.
 *
 *   [*.wasm]
 *   cache-control = public, max-age=600
 *   [lib-*.js]
 *   hashed = yes
 *
 * A section names files by a pattern (glob.h) for their path below the build folder. A later
 * section overrides an earlier one, setting by setting. */
#pragma once

#include "lib/base/error.h"
#include "lib/sync/arena.h"
#include "lib/sync/want/hashed.h"
#include "lib/sync/want/object_headers.h"

/* What a file is: this says how it is cached and when it is uploaded. */
enum sync_class {
  SYNC_ASSET, /* the name holds a hash: cached for ever, uploaded first, kept for old pages */
  SYNC_REST,
  SYNC_PAGE, /* HTML: never cached without asking, uploaded last */
};

/* What holds for one file after all rules. */
struct sync_traits {
  struct object_headers headers;
  enum sync_class class;
  bool ignored;
  bool wanted;     /* a rule says that it is not to be ignored */
  bool strip_html; /* about.html becomes about */
};

struct sync_rules {
  struct sync_rule *first;   /* NULL: none */
  struct hashed_list listed; /* what the bundler says is hashed; see build_read_lists() */
};

/* Reads the text of sync.conf into `arena`. Fails as ERROR_INVALID, naming the line. */
bool rules_parse(struct str text, struct arena *arena, struct sync_rules *ret_rules,
                 struct error *error);

/* The traits of the file at `path` below the build folder. The rules may override `strip_html`. The
 * texts belong to the rules' arena, or are constant. */
struct sync_traits rules_traits(const struct sync_rules *rules, struct str path, bool strip_html);

/* "asset", "rest" or "page". */
const char *rules_class_name(enum sync_class class);
