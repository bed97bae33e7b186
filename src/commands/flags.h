/* flags.h: what a subcommand takes. One table for each says which flags there are, where their
 * values are stored and what they mean. From it come the reading of the arguments (flags.c), the
 * text of --help (help.c) and the completions of shells (completions.c). */
#pragma once

#include "commands/exit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum flag_type {
  FLAG_TYPE_SWITCH, /* a bool, which becomes true */
  FLAG_TYPE_TEXT,   /* a const char * */
  FLAG_TYPE_FILE,   /* likewise: the path of a file, not empty */
  FLAG_TYPE_FOLDER, /* likewise, of a folder */
  FLAG_TYPE_NUMBER, /* a uint64_t from `low` to `high` */
  FLAG_TYPE_OTHER,  /* what `read` makes of the text */
  FLAG_TYPE_VERB,   /* no flag: a first word such as "plan" in `cruddur sync plan` */
};

struct flag {
  const char *name;     /* without its dashes */
  char letter;          /* its short form; 0: none */
  const char *argument; /* what --help calls its value, such as "SECONDS"; NULL: it has none. Of a
                           verb: the word after it; in brackets when it may be left out */
  enum flag_type type;
  size_t at; /* where the value is stored: an offset in the subcommand's own structure */
  uint64_t low, high;
  /* Of FLAG_TYPE_OTHER: stores what `text` says in `target`, the subcommand's structure; on failure
   * the error goes on after the flag's name: "must be …". */
  bool (*read)(const char *text, void *target, struct error *error);
  int value;           /* of a verb: see struct flag_words */
  const char *group;   /* flags of one group exclude each other; NULL: it goes with all */
  const char *section; /* the heading that --help puts before this row; NULL: none */
  const char *help;
};

/* The rows of a table: letter (0: none), name, argument, where the value is stored, help, and
 * perhaps `.section = …`. A row does not compile where the member of `owner` has another type. */
#define FLAG_ROW(kind, kind_of_member, short_name, long_name, value_name, owner, member, least,    \
                 most, ...)                                                                        \
  {                                                                                                \
    .type = kind, .letter = short_name, .name = long_name, .argument = value_name,                 \
    .at = _Generic(((owner *)0)->member, kind_of_member                                            \
                   : offsetof(owner, member)),                                                     \
    .low = least, .high = most, .help = __VA_ARGS__                                                \
  }
#define FLAG_SWITCH(letter, name, owner, member, ...)                                              \
  FLAG_ROW(FLAG_TYPE_SWITCH, bool, letter, name, NULL, owner, member, 0, 0, __VA_ARGS__)
#define FLAG_TEXT(letter, name, argument, owner, member, ...)                                      \
  FLAG_ROW(FLAG_TYPE_TEXT, const char *, letter, name, argument, owner, member, 0, 0, __VA_ARGS__)
#define FLAG_FILE(letter, name, argument, owner, member, ...)                                      \
  FLAG_ROW(FLAG_TYPE_FILE, const char *, letter, name, argument, owner, member, 0, 0, __VA_ARGS__)
#define FLAG_FOLDER(letter, name, argument, owner, member, ...)                                    \
  FLAG_ROW(FLAG_TYPE_FOLDER, const char *, letter, name, argument, owner, member, 0, 0, __VA_ARGS__)
#define FLAG_NUMBER(letter, name, argument, owner, member, low, high, ...)                         \
  FLAG_ROW(FLAG_TYPE_NUMBER, uint64_t, letter, name, argument, owner, member, low, high,           \
           __VA_ARGS__)
#define FLAG_OTHER(short_name, long_name, value_name, reader, ...)                                 \
  {                                                                                                \
    .type = FLAG_TYPE_OTHER, .letter = short_name, .name = long_name, .argument = value_name,      \
    .read = reader, .help = __VA_ARGS__                                                            \
  }
#define FLAG_VERB(word, word_after, number, ...)                                                   \
  {                                                                                                \
    .type = FLAG_TYPE_VERB, .name = word, .argument = word_after, .value = number,                 \
    .help = __VA_ARGS__                                                                            \
  }
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

enum { FLAGS_WORDS_LIMIT = 100 };

/* The words among the arguments that are no flags. */
struct flag_words {
  int verb;         /* `value` of the verb's row; 0 without one */
  const char *word; /* the subcommand's word, or the one after its verb; NULL: not given */
  const char *more[FLAGS_WORDS_LIMIT]; /* those after it, where its name ends in "…" */
  size_t more_count;
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
