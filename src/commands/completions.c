/* completions.c: makes a shell's completion script of the tables of flags. */
#include "commands/completions.h"

#include <string.h>

static const struct flag HELP_ROW = {.name = "help", .letter = 'h', .help = "show the help"};
static const struct flag NO_FLAGS[] = {FLAG_END};

static const struct flag *flags_of(const struct subcommand *command) {
  return command->flags ? command->flags : NO_FLAGS;
}

/* The part of a sentence that says enough for a list, in single quotes: it ends before what the
 * shells would read as a separator. */
static void append_short(struct buffer *script, const char *sentence) {
  struct str text = str_trim((struct str){sentence, strcspn(sentence, ";:([")});
  for (size_t i = 0; i < text.length; i++)
    if (text.data[i] == '\'')
      buffer_append_text(script, "'\\''");
    else
      buffer_append_char(script, text.data[i]);
}

/* --- bash --- */

/* Sets a variable of the script to the names of the flags whose type is one of `types`. */
static void append_bash_list(struct buffer *script, const char *variable, const char *prefix,
                             const struct subcommand *command, unsigned types) {
  buffer_append_format(script, "    %s='", variable);
  for (const struct flag *flag = flags_of(command); flag->name; flag++) {
    if (!(types >> flag->type & 1)) continue;
    buffer_append_format(script, "%s%s ", prefix, flag->name);
    if (flag->letter) buffer_append_format(script, "-%c ", flag->letter);
  }
  buffer_append_text(script, "'\n");
}

static void append_bash_command(struct buffer *script, const struct subcommand *command) {
  const unsigned verb = 1U << FLAG_TYPE_VERB, file = 1U << FLAG_TYPE_FILE,
                 folder = 1U << FLAG_TYPE_FOLDER;
  const unsigned other = 1U << FLAG_TYPE_TEXT | 1U << FLAG_TYPE_NUMBER | 1U << FLAG_TYPE_OTHER;
  buffer_append_format(script, "  %s)\n", command->name);
  append_bash_list(script, "verbs", "", command, verb);
  append_bash_list(script, "files", "--", command, file);
  append_bash_list(script, "folders", "--", command, folder);
  append_bash_list(script, "texts", "--", command, other);
  append_bash_list(script, "switches", "--", command, 1U << FLAG_TYPE_SWITCH);
  buffer_append_text(script, "    ;;\n");
}

static void append_bash(struct buffer *script, const struct subcommand *const *commands) {
  buffer_append_text(script,
                     "# Completes cruddur's arguments in bash: source <(cruddur completions bash)\n"
                     "_cruddur() {\n"
                     "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
                     "  local verbs='' files='' folders='' texts='' switches=''\n"
                     "  if [[ $word == = ]]; then word=''; fi\n"
                     "  if [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD - 2]}; fi\n"
                     "  COMPREPLY=()\n"
                     "  case ${COMP_WORDS[1]} in\n");
  for (size_t i = 0; commands[i]; i++)
    append_bash_command(script, commands[i]);
  buffer_append_text(script, "  esac\n"
                             "  if ((COMP_CWORD == 1)); then\n"
                             "    mapfile -t COMPREPLY < <(compgen -W '--help --version");
  for (size_t i = 0; commands[i]; i++)
    buffer_append_format(script, " %s", commands[i]->name);
  buffer_append_text(
      script, "' -- \"$word\")\n"
              "  elif [[ \" $files\" == *\" $before \"* ]]; then\n"
              "    compopt -o filenames 2>/dev/null\n"
              "    mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
              "  elif [[ \" $folders\" == *\" $before \"* ]]; then\n"
              "    compopt -o filenames 2>/dev/null\n"
              "    mapfile -t COMPREPLY < <(compgen -d -- \"$word\")\n"
              "  elif [[ \" $texts\" == *\" $before \"* ]]; then\n"
              "    return\n"
              "  elif [[ $word == -* || -z $verbs ]]; then\n"
              "    mapfile -t COMPREPLY < <(compgen -W \"$files$folders$texts$switches--help -h\" "
              "-- \"$word\")\n"
              "  elif ((COMP_CWORD == 2)); then\n"
              "    mapfile -t COMPREPLY < <(compgen -W \"$verbs\" -- \"$word\")\n"
              "  elif [[ -n $verbs ]]; then\n"
              "    compopt -o filenames 2>/dev/null\n"
              "    mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
              "  fi\n"
              "}\n"
              "complete -F _cruddur cruddur\n");
}

/* --- zsh --- */

static void append_zsh_flag(struct buffer *script, const struct flag *flag) {
  const char *equals = flag->argument ? "=" : "";
  buffer_append_text(script, " \\\n      ");
  if (flag->letter)
    buffer_append_format(script, "'(-%c --%s)'{-%c,--%s%s}'[", flag->letter, flag->name,
                         flag->letter, flag->name, equals);
  else
    buffer_append_format(script, "'--%s%s[", flag->name, equals);
  append_short(script, flag->help);
  buffer_append_char(script, ']');
  if (flag->argument)
    buffer_append_format(script, ":%s:%s", flag->argument,
                         flag->type == FLAG_TYPE_FILE     ? "_files"
                         : flag->type == FLAG_TYPE_FOLDER ? "_files -/"
                                                          : "");
  buffer_append_char(script, '\'');
}

static void append_zsh_command(struct buffer *script, const struct subcommand *command) {
  bool has_verbs = false;
  buffer_append_format(script, "  %s)\n    _arguments -S", command->name);
  append_zsh_flag(script, &HELP_ROW);
  for (const struct flag *flag = flags_of(command); flag->name; flag++)
    if (flag->type != FLAG_TYPE_VERB) append_zsh_flag(script, flag);
  for (const struct flag *flag = flags_of(command); flag->name; flag++) {
    if (flag->type != FLAG_TYPE_VERB) continue;
    if (!has_verbs) buffer_append_text(script, " \\\n      '1:verb:(");
    buffer_append_format(script, "%s%s", has_verbs ? " " : "", flag->name);
    has_verbs = true;
  }
  if (has_verbs) buffer_append_text(script, ")' '2:word:_files'");
  buffer_append_text(script, "\n    ;;\n");
}

static void append_zsh(struct buffer *script, const struct subcommand *const *commands) {
  buffer_append_text(script, "#compdef cruddur\n"
                             "# Completes cruddur's arguments in zsh: save this as _cruddur in a "
                             "folder of $fpath.\n"
                             "local -a commands\n"
                             "commands=(\n");
  for (size_t i = 0; commands[i]; i++) {
    buffer_append_format(script, "  '%s:", commands[i]->name);
    append_short(script, commands[i]->summary);
    buffer_append_text(script, "'\n");
  }
  buffer_append_text(script, ")\n"
                             "if ((CURRENT == 2)); then\n"
                             "  _describe command commands\n"
                             "  return\n"
                             "fi\n"
                             "shift words\n"
                             "((CURRENT--))\n"
                             "case $words[1] in\n");
  for (size_t i = 0; commands[i]; i++)
    append_zsh_command(script, commands[i]);
  buffer_append_text(script, "esac\n");
}

/* --- fish --- */

static void append_fish_row(struct buffer *script, const struct subcommand *command,
                            const struct flag *flag) {
  bool is_verb = flag->type == FLAG_TYPE_VERB;
  buffer_append_format(script, "complete -c cruddur -n '__cruddur_%s %s'", is_verb ? "at" : "in",
                       command->name);
  buffer_append_format(script, is_verb ? " -a %s" : " -l %s", flag->name);
  if (flag->letter) buffer_append_format(script, " -s %c", flag->letter);
  if (flag->type == FLAG_TYPE_FILE)
    buffer_append_text(script, " -rF");
  else if (flag->type == FLAG_TYPE_FOLDER)
    buffer_append_text(script, " -xa '(__fish_complete_directories)'");
  else if (flag->argument && !is_verb)
    buffer_append_text(script, " -x");
  buffer_append_text(script, " -d '");
  append_short(script, flag->help);
  buffer_append_text(script, "'\n");
  if (is_verb && flag->argument)
    buffer_append_format(script, "complete -c cruddur -n '__cruddur_after %s %s' -F\n",
                         command->name, flag->name);
}

static void append_fish(struct buffer *script, const struct subcommand *const *commands) {
  buffer_append_text(script,
                     "# Completes cruddur's arguments in fish: cruddur completions fish | source\n"
                     "function __cruddur_in\n"
                     "  set -l words (commandline -opc)\n"
                     "  test (count $words) -ge 2; and test $words[2] = $argv[1]\n"
                     "end\n"
                     "function __cruddur_at\n"
                     "  __cruddur_in $argv[1]; and test (count (commandline -opc)) -eq 2\n"
                     "end\n"
                     "function __cruddur_after\n"
                     "  set -l words (commandline -opc)\n"
                     "  test (count $words) -eq 3; and test \"$words[2..3]\" = \"$argv\"\n"
                     "end\n"
                     "complete -c cruddur -f\n");
  for (size_t i = 0; commands[i]; i++) {
    buffer_append_format(
        script, "complete -c cruddur -n 'test (count (commandline -opc)) -eq 1' -a %s -d '",
        commands[i]->name);
    append_short(script, commands[i]->summary);
    buffer_append_text(script, "'\n");
    append_fish_row(script, commands[i], &HELP_ROW);
    for (const struct flag *flag = flags_of(commands[i]); flag->name; flag++)
      append_fish_row(script, commands[i], flag);
  }
}

/* --- The shells --- */

void completions_append(struct buffer *script, enum completions_shell shell,
                        const struct subcommand *const *commands) {
  static void (*const APPEND[])(struct buffer *, const struct subcommand *const *) = {
      [COMPLETIONS_BASH] = append_bash,
      [COMPLETIONS_ZSH] = append_zsh,
      [COMPLETIONS_FISH] = append_fish,
  };
  APPEND[shell](script, commands);
}
