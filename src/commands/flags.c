/* flags.c: reads the arguments of a subcommand by its table. */
#include "commands/flags.h"

#include "commands/help.h"

#include "lib/base/str.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Where reading is. */
struct reader {
  const struct subcommand *command;
  char **argv;
  int argc, next; /* `next` is the index of the argument that comes next */
  void *target;
  const struct flag *verb; /* NULL: none so far */
  struct flag_words words;
  uint64_t given; /* a bit for each row of the table */
  int code;       /* how the subcommand ends when reading stops */
};

bool flags_is_optional(const char *word) {
  return word[0] == '[';
}

static void complain(const struct subcommand *command, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void complain(const struct subcommand *command, const char *format, va_list arguments) {
  fprintf(stderr, "cruddur %s: ", command->name);
  vfprintf(stderr, format, arguments);
}

int flags_refuse(const struct subcommand *command, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  complain(command, format, arguments);
  va_end(arguments);
  putc('\n', stderr);
  return EXIT_USAGE;
}

/* Returns false, after a sentence that ends with a pointer to --help, which `does` what is said. */
static bool refuse(const struct reader *reader, const char *does, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool refuse(const struct reader *reader, const char *does, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  complain(reader->command, format, arguments);
  va_end(arguments);
  fprintf(stderr, "; 'cruddur %s --help' %s\n", reader->command->name, does);
  return false;
}

static bool print_help(struct reader *reader) {
  reader->code = help_print(reader->command) ? EXIT_DONE : EXIT_FAILED;
  return false;
}

/* --- Values --- */

static bool store_number(struct reader *reader, const struct flag *flag, const char *text) {
  uint64_t *member = (void *)((char *)reader->target + flag->at);
  if (str_to_u64(str_from(text), flag->low, flag->high, member)) return true;
  flags_refuse(reader->command, "--%s must be a number from %" PRIu64 " to %" PRIu64 ", not '%s'",
               flag->name, flag->low, flag->high, text);
  return false;
}

static bool store_text(struct reader *reader, const struct flag *flag, const char *text) {
  assert(text); /* no switch */
  if (flag->type != FLAG_TYPE_TEXT && !*text) {
    flags_refuse(reader->command, "--%s must be the path of a %s, not ''", flag->name,
                 flag->type == FLAG_TYPE_FILE ? "file" : "folder");
    return false;
  }
  *(const char **)(void *)((char *)reader->target + flag->at) = text;
  return true;
}

static bool store_other(struct reader *reader, const struct flag *flag, const char *text) {
  struct error error = {0};
  if (flag->read(text, reader->target, &error)) return true;
  flags_refuse(reader->command, "--%s %s", flag->name, error.message);
  return false;
}

/* "give one of --a, --b and --c": what `group` has. */
static bool refuse_group(const struct reader *reader, const char *group) {
  char names[128] = "";
  size_t length = 0, left = 0;
  for (const struct flag *flag = reader->command->flags; flag->name; flag++)
    if (flag->group && strcmp(flag->group, group) == 0) left++;
  for (const struct flag *flag = reader->command->flags; flag->name; flag++) {
    if (!flag->group || strcmp(flag->group, group) != 0) continue;
    const char *after = --left == 0 ? "" : left == 1 ? " and " : ", ";
    length += (size_t)snprintf(names + length, sizeof(names) - length, "--%s%s", flag->name, after);
    assert(length < sizeof(names));
  }
  flags_refuse(reader->command, "give one of %s", names);
  return false;
}

/* False when another flag of its group was given before. */
static bool note_given(struct reader *reader, const struct flag *flag) {
  const struct flag *flags = reader->command->flags;
  assert(flag - flags < 64);
  for (size_t i = 0; flag->group && flags[i].name; i++)
    if (flags + i != flag && (reader->given >> i & 1) && flags[i].group &&
        strcmp(flags[i].group, flag->group) == 0)
      return refuse_group(reader, flag->group);
  reader->given |= UINT64_C(1) << (flag - flags);
  return true;
}

/* `text` is NULL for a switch alone. */
static bool store(struct reader *reader, const struct flag *flag, const char *text) {
  assert(flag->type != FLAG_TYPE_VERB);
  assert((flag->type == FLAG_TYPE_SWITCH) == !text); /* by the `argument` of its row */
  if (!note_given(reader, flag)) return false;
  switch (flag->type) {
  case FLAG_TYPE_SWITCH: *(bool *)((char *)reader->target + flag->at) = true; return true;
  case FLAG_TYPE_TEXT:
  case FLAG_TYPE_FILE:
  case FLAG_TYPE_FOLDER: return store_text(reader, flag, text);
  case FLAG_TYPE_NUMBER: return store_number(reader, flag, text);
  case FLAG_TYPE_OTHER: return store_other(reader, flag, text);
  case FLAG_TYPE_VERB: break;
  }
  return false;
}

/* --- Flags --- */

static const struct flag *find_flag(const struct subcommand *command, struct str name,
                                    char letter) {
  for (const struct flag *flag = command->flags; flag && flag->name; flag++) {
    if (flag->type == FLAG_TYPE_VERB) continue;
    if (letter ? flag->letter == letter : str_equal(str_from(flag->name), name)) return flag;
  }
  return NULL;
}

/* Stores the value of a flag: `attached`, what followed it in the same argument, or, where that is
 * NULL, the next argument. */
static bool take_value(struct reader *reader, const struct flag *flag, const char *attached) {
  if (attached) return store(reader, flag, attached);
  if (reader->next == reader->argc)
    return refuse(reader, "tells more", "--%s needs a value, %s", flag->name, flag->argument);
  return store(reader, flag, reader->argv[reader->next++]);
}

/* --name, --name=VALUE or --name VALUE. */
static bool take_long(struct reader *reader, const char *argument) {
  const char *equals = strchr(argument, '=');
  struct str name = {argument, equals ? (size_t)(equals - argument) : strlen(argument)};
  if (str_equal(name, STR("help")) && !equals) return print_help(reader);
  const struct flag *flag = find_flag(reader->command, name, 0);
  if (!flag)
    return refuse(reader, "lists them", "unknown option '--%.*s'", (int)name.length, name.data);
  if (flag->argument) return take_value(reader, flag, equals ? equals + 1 : NULL);
  if (equals) return refuse(reader, "tells more", "--%s takes no value", flag->name);
  return store(reader, flag, NULL);
}

/* -x, -xy, -xVALUE or -x VALUE. */
static bool take_letters(struct reader *reader, const char *letters) {
  for (; *letters; letters++) {
    if (*letters == 'h') return print_help(reader);
    const struct flag *flag = find_flag(reader->command, (struct str){0}, *letters);
    if (!flag) return refuse(reader, "lists them", "unknown option '-%c'", *letters);
    if (flag->argument) return take_value(reader, flag, letters[1] ? letters + 1 : NULL);
    if (!store(reader, flag, NULL)) return false;
  }
  return true;
}

/* --- Words --- */

static bool has_verbs(const struct subcommand *command) {
  for (const struct flag *flag = command->flags; flag && flag->name; flag++)
    if (flag->type == FLAG_TYPE_VERB) return true;
  return false;
}

static bool take_verb(struct reader *reader, const char *word) {
  for (const struct flag *flag = reader->command->flags; flag->name; flag++)
    if (flag->type == FLAG_TYPE_VERB && strcmp(flag->name, word) == 0) reader->verb = flag;
  if (!reader->verb) return refuse(reader, "lists what there is", "there is no '%s'", word);
  reader->words.verb = reader->verb->value;
  return true;
}

/* What the word that may come now is called; NULL: none may. */
static const char *expected_word(const struct reader *reader) {
  if (reader->words.word) return NULL;
  if (reader->verb) return reader->verb->argument;
  return reader->command->word;
}

static bool takes_more(const struct reader *reader) {
  const char *name = reader->verb ? reader->verb->argument : reader->command->word;
  size_t length = name ? strlen(name) : 0, end = strlen("…");
  return reader->words.word && length > end && strcmp(name + length - end, "…") == 0;
}

static bool take_word(struct reader *reader, const char *word) {
  struct flag_words *words = &reader->words;
  if (takes_more(reader) && words->more_count < FLAGS_WORDS_LIMIT) {
    words->more[words->more_count++] = word;
    return true;
  }
  if (!expected_word(reader)) return refuse(reader, "tells more", "unexpected argument '%s'", word);
  if (!reader->verb && has_verbs(reader->command)) return take_verb(reader, word);
  reader->words.word = word;
  return true;
}

static bool check_words(const struct reader *reader) {
  const char *missing = expected_word(reader);
  if (!missing || flags_is_optional(missing)) return true;
  return refuse(reader, "tells more", "%s is missing", missing);
}

/* --- All of it --- */

static bool take_argument(struct reader *reader, const char *argument, bool *words_only) {
  if (*words_only || argument[0] != '-' || !argument[1]) return take_word(reader, argument);
  if (argument[1] != '-') return take_letters(reader, argument + 1);
  if (argument[2]) return take_long(reader, argument + 2);
  *words_only = true;
  return true;
}

bool flags_read(const struct subcommand *command, int argc, char **argv, void *target,
                struct flag_words *ret_words, int *reterr_code) {
  assert(!command->word == !ret_words); /* who takes words looks at them */
  struct reader reader = {.command = command,
                          .argv = argv,
                          .argc = argc,
                          .next = 1,
                          .target = target,
                          .code = EXIT_USAGE};
  bool good = true, words_only = false;
  while (good && reader.next < argc)
    good = take_argument(&reader, argv[reader.next++], &words_only);
  if (good) good = check_words(&reader);
  if (!good)
    *reterr_code = reader.code;
  else if (ret_words)
    *ret_words = reader.words;
  return good;
}
