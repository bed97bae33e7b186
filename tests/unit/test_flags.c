/* test_flags.c: the arguments of a subcommand: every form of a flag, every kind of bad value, and
 * what the tables of all subcommands have to keep to. */
#include "commands/commands.h"
#include "unit.h"

struct wishes {
  bool dry_run, quick;
  const char *name, *folder;
  uint64_t jobs;
  unsigned even; /* by read_even() */
};

static bool read_even(const char *text, void *target, struct error *error) {
  struct wishes *wishes = target;
  uint64_t number;
  if (!str_to_u64(str_from(text), 0, 100, &number) || number % 2)
    return error_set(error, ERROR_INVALID, "must be even, not '%s'", text);
  wishes->even = (unsigned)number;
  return true;
}

static const struct flag FLAGS[] = {
    FLAG_SWITCH('n', "dry-run", struct wishes, dry_run, "x"),
    FLAG_SWITCH('q', "quick", struct wishes, quick, "x"),
    FLAG_TEXT(0, "name", "NAME", struct wishes, name, "x"),
    FLAG_FOLDER(0, "dir", "FOLDER", struct wishes, folder, "x"),
    FLAG_NUMBER('j', "jobs", "N", struct wishes, jobs, 1, 64, "x"),
    FLAG_OTHER(0, "even", "N", read_even, "x"),
    FLAG_END,
};

static const struct flag VERBS[] = {
    FLAG_VERB("make", "FILE", 1, "x"),
    FLAG_VERB("undo", "[NUMBER]", 2, "x"),
    FLAG_VERB("list", NULL, 3, "x"),
    FLAG_SWITCH(0, "quick", struct wishes, quick, "x"),
    FLAG_END,
};

static const struct subcommand WORDLESS = {.name = "work", .flags = FLAGS};
static const struct subcommand WITH_WORD = {.name = "work", .flags = FLAGS, .word = "URL"};
static const struct subcommand WITH_VERBS = {.name = "work", .flags = VERBS, .word = "[VERB]"};
static const struct subcommand NEEDS_VERB = {.name = "work", .flags = VERBS, .word = "VERB"};

/* Arguments after the subcommand's name, as main() gets them. */
#define ARGUMENTS(...)                                                                             \
  (int)(sizeof((char *[]){"work", __VA_ARGS__}) / sizeof(char *)), (char *[]) {                    \
    "work", __VA_ARGS__, NULL                                                                      \
  }

static struct wishes wishes;
static struct flag_words words;

static int set_up(void **state) {
  wishes = (struct wishes){.jobs = 8};
  words = (struct flag_words){0};
  return 0;
}

/* EXIT_DONE when all is well, else the exit code. */
static int reading(const struct subcommand *command, int argc, char **argv) {
  int code = -1;
  bool read = flags_read(command, argc, argv, &wishes, command->word ? &words : NULL, &code);
  return read ? EXIT_DONE : code;
}

static void a_value_follows_in_each_form(void **state) {
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("--jobs", "5", "--name=a=b")), EXIT_DONE);
  assert_int_equal(wishes.jobs, 5);
  assert_string_equal(wishes.name, "a=b");
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("-j6", "--name=")), EXIT_DONE);
  assert_int_equal(wishes.jobs, 6);
  assert_string_equal(wishes.name, "");
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("-nqj", "7", "--name", "--dry")), EXIT_DONE);
  assert_int_equal(wishes.jobs, 7);
  assert_string_equal(wishes.name, "--dry");
  assert_true(wishes.dry_run && wishes.quick);
}

static void the_last_one_counts_and_defaults_stay(void **state) {
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("--dir", "a", "--dir", "b")), EXIT_DONE);
  assert_string_equal(wishes.folder, "b");
  assert_int_equal(wishes.jobs, 8);
  assert_false(wishes.dry_run);
  assert_null(wishes.name);
}

static void numbers_are_digits_within_bounds(void **state) {
  static char *const BAD[] = {"",
                              "0",
                              "65",
                              "+5",
                              "-5",
                              " 5",
                              "5 ",
                              "5x",
                              "0x5",
                              "1e1",
                              "5.",
                              "five",
                              "99999999999999999999"};
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    assert_int_equal(reading(&WORDLESS, ARGUMENTS("--jobs", BAD[i])), EXIT_USAGE);
    assert_int_equal(wishes.jobs, 8);
  }
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("--jobs", "1")), EXIT_DONE);
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("--jobs", "64")), EXIT_DONE);
}

static void a_flag_may_have_a_reader_of_its_own(void **state) {
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("--even", "3")), EXIT_USAGE);
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("--even", "4")), EXIT_DONE);
  assert_int_equal(wishes.even, 4);
}

static void what_is_wrong_is_refused(void **state) {
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("--nonsense")), EXIT_USAGE);
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("--dry")), EXIT_USAGE); /* no abbreviations */
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("-x")), EXIT_USAGE);
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("-nx")), EXIT_USAGE);
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("--dry-run=yes")), EXIT_USAGE);
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("--jobs")), EXIT_USAGE);
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("-j")), EXIT_USAGE);
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("--dir", "")), EXIT_USAGE);
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("--=x")), EXIT_USAGE);
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("word")), EXIT_USAGE);
  assert_int_equal(reading(&WORDLESS, ARGUMENTS("-")), EXIT_USAGE);
}

static void flags_may_follow_the_word(void **state) {
  assert_int_equal(reading(&WITH_WORD, ARGUMENTS("http://x", "--quick")), EXIT_DONE);
  assert_string_equal(words.word, "http://x");
  assert_true(wishes.quick);
  assert_int_equal(reading(&WITH_WORD, ARGUMENTS("--", "--quick")), EXIT_DONE);
  assert_string_equal(words.word, "--quick");
  assert_int_equal(reading(&WITH_WORD, ARGUMENTS("-")), EXIT_DONE);
  assert_string_equal(words.word, "-");
  assert_int_equal(reading(&WITH_WORD, ARGUMENTS("a", "b")), EXIT_USAGE);
  assert_int_equal(reading(&WITH_WORD, ARGUMENTS("--quick")), EXIT_USAGE);
}

static void a_verb_has_a_word_of_its_own(void **state) {
  assert_int_equal(reading(&WITH_VERBS, ARGUMENTS("make", "--quick", "file")), EXIT_DONE);
  assert_int_equal(words.verb, 1);
  assert_string_equal(words.word, "file");
  assert_int_equal(reading(&WITH_VERBS, ARGUMENTS("undo")), EXIT_DONE);
  assert_int_equal(words.verb, 2);
  assert_null(words.word);
  assert_int_equal(reading(&WITH_VERBS, ARGUMENTS("--quick")), EXIT_DONE);
  assert_int_equal(words.verb, 0);
  assert_int_equal(reading(&WITH_VERBS, ARGUMENTS("make")), EXIT_USAGE);
  assert_int_equal(reading(&WITH_VERBS, ARGUMENTS("list", "it")), EXIT_USAGE);
  assert_int_equal(reading(&WITH_VERBS, ARGUMENTS("undo", "1", "2")), EXIT_USAGE);
  assert_int_equal(reading(&WITH_VERBS, ARGUMENTS("fly")), EXIT_USAGE);
  assert_int_equal(reading(&NEEDS_VERB, ARGUMENTS("--quick")), EXIT_USAGE);
}

/* --- The tables of all subcommands --- */

static void assert_flag_is_sound(const struct flag *flag) {
  assert_true(flag->help && *flag->help);
  bool has_value = flag->type != FLAG_TYPE_SWITCH && flag->type != FLAG_TYPE_VERB;
  if (flag->type != FLAG_TYPE_VERB) assert_int_equal(has_value, flag->argument != NULL);
  assert_int_equal(flag->type == FLAG_TYPE_OTHER, flag->read != NULL);
  if (flag->type == FLAG_TYPE_NUMBER) assert_true(flag->low < flag->high);
  assert_string_not_equal(flag->name, "help");
  assert_int_not_equal(flag->letter, 'h');
  if (flag->argument)
    assert_true(flag->type == FLAG_TYPE_VERB || !flags_is_optional(flag->argument));
}

static void every_table_is_sound(void **state) {
  for (size_t i = 0; commands_all[i]; i++) {
    const struct flag *flags = commands_all[i]->flags;
    for (const struct flag *flag = flags; flag && flag->name; flag++) {
      assert_flag_is_sound(flag);
      for (const struct flag *other = flags; other < flag; other++) {
        assert_string_not_equal(flag->name, other->name);
        assert_true(!flag->letter || flag->letter != other->letter);
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_value_follows_in_each_form, set_up),
      cmocka_unit_test_setup(the_last_one_counts_and_defaults_stay, set_up),
      cmocka_unit_test_setup(numbers_are_digits_within_bounds, set_up),
      cmocka_unit_test_setup(a_flag_may_have_a_reader_of_its_own, set_up),
      cmocka_unit_test_setup(what_is_wrong_is_refused, set_up),
      cmocka_unit_test_setup(flags_may_follow_the_word, set_up),
      cmocka_unit_test_setup(a_verb_has_a_word_of_its_own, set_up),
      cmocka_unit_test(every_table_is_sound),
  };
  return cmocka_run_group_tests_name("flags", tests, NULL, NULL);
}
