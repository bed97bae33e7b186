/* flags.h: what a subcommand takes. One table for each says which flags there are, where their
 * values are stored and what they mean. From it come the reading of the arguments (flags.c), the
 * text of --help (help.c) and the completions of shells (completions.c). */
#pragma once

#include "commands/exit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum flag_type {
  FLAG_SWITCH, /* a bool, which becomes true */
  FLAG_TEXT,   /* a const char * */
  FLAG_FILE,   /* likewise: the path of a file, not empty */
  FLAG_FOLDER, /* likewise, of a folder */
  FLAG_NUMBER, /* a uint64_t from `low` to `high` */
  FLAG_OTHER,  /* what `read` makes of the text */
  FLAG_VERB,   /* no flag: a first word such as "plan" in `cruddur sync plan` */
};

struct flag {
  const char *name;     /* without its dashes */
  char letter;          /* its short form; 0: none */
  const char *argument; /* what --help calls its value, such as "SECONDS"; NULL: it has none. Of a
                           verb: the word after it; in brackets when it may be left out */
  enum flag_type type;
  size_t at; /* where the value is stored: an offset in the subcommand's own structure */
  uint64_t low, high;
  /* Of FLAG_OTHER: stores what `text` says in `target`, the subcommand's structure; on failure the
   * error goes on after the flag's name: "must be …". */
  bool (*read)(const char *text, void *target, struct error *error);
  int value;           /* of a verb: see struct flag_words */
  const char *section; /* the heading that --help puts before this row; NULL: none */
  const char *help;
};

/* The type and the place of a flag, for its row. It does not compile where the member of `owner`
 * has another type. */
#define FLAG_INTO(flag_type, member_type, owner, member)                                           \
  .type = flag_type, .at = _Generic(((owner *)0)->member, member_type : offsetof(owner, member))
#define FLAG_INTO_SWITCH(owner, member) FLAG_INTO(FLAG_SWITCH, bool, owner, member)
#define FLAG_INTO_TEXT(owner, member)   FLAG_INTO(FLAG_TEXT, const char *, owner, member)
#define FLAG_INTO_FILE(owner, member)   FLAG_INTO(FLAG_FILE, const char *, owner, member)
#define FLAG_INTO_FOLDER(owner, member) FLAG_INTO(FLAG_FOLDER, const char *, owner, member)
#define FLAG_INTO_NUMBER(owner, member, lowest, highest)                                           \
  FLAG_INTO(FLAG_NUMBER, uint64_t, owner, member), .low = (lowest), .high = (highest)

#define FLAG_END                                                                                   \
  { .name = NULL }

struct subcommand {
  const char *name;    /* "health-check" */
  const char *summary; /* for the list of subcommands */
  const char *usage;   /* "cruddur health-check [--ready] [URL]"; a line for each form */
  const char *description;
  /* What its word is called, in brackets when it may be left out; NULL: it takes none. With verbs
   * in `flags` the word is one of them. */
  const char *word;
  const struct flag *flags; /* ends with FLAG_END; NULL: none. --help has no row */
  /* What its exit codes mean, by code. "": as everywhere; NULL: it does not end so. */
  const char *exits[EXIT_CODES];
  /* `argv[0]` is the subcommand's name. Returns an enum exit_code. */
  int (*run)(int argc, char **argv);
};

/* The words among the arguments that are no flags. */
struct flag_words {
  int verb;         /* `value` of the verb's row; 0 without one */
  const char *word; /* the subcommand's word, or the one after its verb; NULL: not given */
};

/* Reads the arguments as getopt_long() does, but for abbreviated names: --name VALUE, --name=VALUE,
 * -xVALUE, flags after words, -- before words that begin with a dash; the last of repeated flags
 * counts. Values are stored in `target`, which the caller has filled with the defaults; texts are
 * borrowed from `argv`. `ret_words` may be NULL for a subcommand without words.
 * Returns false when the subcommand ends here, with `*reterr_code`: --help was printed, or an
 * argument was wrong (said so on stderr). */
bool flags_read(const struct subcommand *command, int argc, char **argv, void *target,
                struct flag_words *ret_words, int *reterr_code);

/* Says on stderr what is wrong with the arguments, after "cruddur NAME: ". Returns EXIT_USAGE. */
int flags_refuse(const struct subcommand *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* True when `word`, the name of a word in a table, stands in brackets. */
bool flags_is_optional(const char *word);
