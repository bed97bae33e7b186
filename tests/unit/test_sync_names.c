/* test_sync_names.c: what the sync reads out of names: patterns, media types, hashes, keys, files
 * that must not be published; and what it reads out of small files: dotenv, sync.conf. */
#include "unit.h"

#include "lib/sync/dotenv.h"
#include "lib/sync/want/build.h"
#include "lib/sync/want/glob.h"
#include "lib/sync/want/hashed.h"
#include "lib/sync/want/mime.h"
#include "lib/sync/want/scan.h"

static void patterns_fit_as_in_gitignore(void **state) {
  static const struct {
    const char *pattern, *path;
    bool fits;
  } CASES[] = {
      {"*.js", "main.js", true},
      {"*.js", "static/js/main.js", true},
      {"*.js", "main.json", false},
      {"/main.js", "main.js", true},
      {"/main.js", "static/main.js", false},
      {"static/*", "static/a.js", true},
      {"static/*", "static/js/a.js", false},
      {"static/**", "static/js/a.js", true},
      {"static/**", "static", false},
      {"static/", "static/js/a.js", true},
      {"static/", "statics/a.js", false},
      {"**/a.js", "a.js", true},
      {"**/a.js", "x/y/a.js", true},
      {"x/**/a.js", "x/a.js", true},
      {"x/**/a.js", "x/y/z/a.js", true},
      {"x/**/a.js", "xy/a.js", false},
      {"?.txt", "a.txt", true},
      {"?.txt", "ab.txt", false},
      {"?.txt", "ü.txt", true},
      {"??.txt", "🎉ü.txt", true},
      {"[id].html", "[id].html", true},
      {"[id].html", "i.html", false},
      {"*", ".hidden", true},
      {"", "a", false},
      {"a*b*c*d", "a1b2c3d", true},
      {"a*b*c*d", "a1b2c3", false},
  };
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
    if (glob_fits(str_from(CASES[i].pattern), str_from(CASES[i].path)) != CASES[i].fits)
      fail_msg("'%s' and '%s'", CASES[i].pattern, CASES[i].path);
}

static void patterns_cost_no_more_than_their_length(void **state) {
  char pattern[400], path[4000];
  for (size_t i = 0; i + 1 < sizeof(pattern); i++)
    pattern[i] = i % 2 ? '*' : 'a';
  pattern[sizeof(pattern) - 1] = '\0';
  memset(path, 'a', sizeof(path));
  path[sizeof(path) - 1] = '\0';
  path[sizeof(path) - 2] = 'b';
  assert_false(glob_fits(str_from(pattern), str_from(path)));
  pattern[sizeof(pattern) - 2] = 'b';
  assert_true(glob_fits(str_from(pattern), str_from(path)));
}

static void media_types_go_by_the_last_ending(void **state) {
  assert_string_equal(mime_type(STR("a/index.html")), "text/html; charset=utf-8");
  assert_string_equal(mime_type(STR("A.HTML")), "text/html; charset=utf-8");
  assert_string_equal(mime_type(STR("x.html.js")), "text/javascript; charset=utf-8");
  assert_string_equal(mime_type(STR("a.svg")), "image/svg+xml");
  assert_string_equal(mime_type(STR("a.3gp")), "video/3gpp");
  assert_string_equal(mime_type(STR("a.zst")), "application/zstd");
  assert_string_equal(mime_type(STR("folder.js/plain")), "application/octet-stream");
  assert_string_equal(mime_type(STR("a.")), "application/octet-stream");
  assert_string_equal(mime_type(STR("")), "application/octet-stream");
}

static void hashes_are_recognised(void **state) {
  static const char *const HASHED[] = {
      "static/js/main.8a2b3c4d.js",
      "2.abcdef12.chunk.css",
      "logo.6ce24c58023cc2f8fd88fe9d219db6c6.svg",
      "main.8a2b3c4d.js.map",
      "main.8a2b3c4d.js.LICENSE.txt",
      "assets/index-BX3k9aZ7.js",
      "chunk-8a2b3c4d.js",
      /* create-react-app: digits alone happen */
      "static/js/787.28731594.chunk.js",
      "static/js/main.12345678.js",
      "static/css/main.90210777.css.map",
      /* Vite */
      "assets/index-DiwrgTda.js",
      "assets/vendor-zwggxcug.js",
      "assets/page-B6NG_BIY.js",
      "assets/x-D-tfNpnx.css",
      "assets/logo-Dhu2pmiS.png",
      /* others */
      "_astro/page.DNf8xk2Q.css",
      "_next/static/chunks/pages/index-1f2e3d4c5b6a7980.js",
      "chunk-ABCD2345.js",
      "main-KJH3XYZ2.js.map",
      "lib/index-DiwrgTda.mjs",
  };
  static const char *const PLAIN[] = {"main.js",
                                      "report-20240101.pdf",
                                      "deadbeef.js",
                                      "a.deadbeef.js",
                                      "8a2b3c4d.js",
                                      "8a2b3c4d/main.js",
                                      "a.8a2b3c.js",
                                      "my-Favorite.png",
                                      "photo.1234567.x",
                                      "index.html",
                                      "",
                                      "img/team-Photo001.jpg",
                                      "docs/cv-JaneDoe1.pdf",
                                      "img/logo-Version2.png",
                                      "img/icon-150x150.png",
                                      "assets/apple-touch-icon.png",
                                      "img/pic-20240608.png",
                                      "static/js/runtime-main.js",
                                      "js/bootstrap-datepicker.js",
                                      "js/jquery-ui-1.12.1.min.js",
                                      "deep/static/js/a.12345678.js"};
  static const char *const NEVER[] = {"sw.js",
                                      "service-worker.js",
                                      "deep/sw.js",
                                      "service-worker.8a2b3c4d.js",
                                      "firebase-messaging-sw.js",
                                      "ngsw-worker.js",
                                      "sw.8a2b3c4d.js"};
  for (size_t i = 0; i < sizeof(HASHED) / sizeof(HASHED[0]); i++)
    if (!hashed_name(str_from(HASHED[i]))) fail_msg("%s", HASHED[i]);
  for (size_t i = 0; i < sizeof(PLAIN) / sizeof(PLAIN[0]); i++)
    if (hashed_name(str_from(PLAIN[i]))) fail_msg("%s", PLAIN[i]);
  for (size_t i = 0; i < sizeof(NEVER) / sizeof(NEVER[0]); i++)
    if (!hashed_never(str_from(NEVER[i]))) fail_msg("%s", NEVER[i]);
  assert_false(hashed_never(STR("static/js/answers.8a2b3c4d.js")));
}

static void the_lists_of_bundlers_say_what_is_hashed(void **state) {
  struct arena arena = ARENA_EMPTY;
  struct hashed_list list = {0};
  hashed_read_list(STR("{\"files\":{\"main.js\":\"https://cdn.example/app/static/js/main.abc.js\","
                       "\"static/media/logo.svg\":\"/static/media/logo.6ce2.svg\","
                       "\"plain.js\":\"/static/js/plain.js\",\"index.html\":\"/index.html\","
                       "\"odd\":7},\"entrypoints\":[]}"),
                   &arena, &list);
  hashed_read_list(STR("{\"src/main.ts\":{\"file\":\"out/main-x.js\",\"isEntry\":true},"
                       "\"_shared-y.js\":{\"file\":\"out/shared-y.js\",\"name\":\"shared\"},"
                       "\"src/a.ts\":{\"file\":\"out/a.js\"}}"),
                   &arena, &list);
  hashed_read_list(STR("{\"short_name\":\"App\",\"icons\":[],\"file\":\"x\"}"), &arena, &list);
  hashed_read_list(STR("nonsense"), &arena, &list);
  hashed_read_list(STR("[]"), &arena, &list);
  hashed_read_list(STR(""), &arena, &list);
  hashed_sort(&list);
  assert_int_equal(list.count, 4);
  assert_true(hashed_listed(&list, STR("static/js/main.abc.js")));
  assert_true(hashed_listed(&list, STR("static/media/logo.6ce2.svg")));
  assert_true(hashed_listed(&list, STR("out/main-x.js")));
  assert_true(hashed_listed(&list, STR("out/shared-y.js")));
  assert_false(hashed_listed(&list, STR("static/js/plain.js")));
  assert_false(hashed_listed(&list, STR("index.html")));
  assert_false(hashed_listed(&list, STR("out/a.js")));
  arena_free(&arena);
}

static void the_ending_html_is_cut_off_as_the_gem_did(void **state) {
  struct arena arena = ARENA_EMPTY;
  assert_string_equal(build_key(&arena, "about.html", true), "about");
  assert_string_equal(build_key(&arena, "about.html", false), "about.html");
  assert_string_equal(build_key(&arena, "index.html", true), "index.html");
  assert_string_equal(build_key(&arena, "blog/index.html", true), "blog/index");
  assert_string_equal(build_key(&arena, "a.html.js", true), "a.html.js");
  assert_string_equal(build_key(&arena, "a.html/b.txt", true), "a.html/b.txt");
  assert_string_equal(build_key(&arena, "a.html.html", true), "a.html");
  assert_string_equal(build_key(&arena, "x/.html", true), "x/.html");
  assert_string_equal(build_key(&arena, ".html", true), ".html");
  arena_free(&arena);
}

static void secrets_are_known_by_name_and_content(void **state) {
  assert_non_null(scan_refuses_name(".env"));
  assert_non_null(scan_refuses_name("deep/.env.local"));
  assert_non_null(scan_refuses_name("deep/.git/config"));
  assert_non_null(scan_refuses_name("id_ed25519"));
  assert_non_null(scan_refuses_name("tls/server.key"));
  assert_null(scan_refuses_name(".well-known/security.txt"));
  assert_null(scan_refuses_name("environment.env.js"));
  assert_non_null(scan_refuses_name("config/production.env"));
  assert_null(scan_refuses_name("monkey"));
  assert_non_null(scan_refuses_content(STR("-----BEGIN PRIVATE KEY-----\n")));
  assert_non_null(scan_refuses_content(STR("\r\n -----BEGIN EC PRIVATE KEY-----\n")));
  assert_null(scan_refuses_content(STR("-----BEGIN CERTIFICATE-----\nPRIVATE KEY")));
  assert_non_null(scan_refuses_content(STR(
      "Bag Attributes\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\r\n"
      "-----BEGIN PRIVATE KEY-----\r\nMIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC7\r\n")));
  assert_non_null(
      scan_refuses_content(STR("note\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n")));
  assert_null(
      scan_refuses_content(STR("A key begins so:\n-----BEGIN PRIVATE KEY-----\n(and so on)\n")));
  assert_null(scan_refuses_content(STR("let a = '-----BEGIN PRIVATE KEY-----'")));
  assert_null(scan_refuses_content(STR("")));
}

static bool append_variable(const char *name, const char *value, void *argument) {
  buffer_append_format(argument, "%s=<%s>", name, value);
  return true;
}

static void dotenv_files_are_data(void **state) {
  struct buffer read = BUFFER_EMPTY;
  struct error error = {0};
  static const char TEXT[] =
      "\xEF\xBB\xBF# comment\r\n\nA=1\r\n export B = two words # comment\n"
      "C='single $X \"q\" # no'\nD=\"a\\nb\\\"c\\$d\" # yes\nE=\nF=$(id)`id`\n"
      "G=a#b";
  assert_true(dotenv_parse(str_from(TEXT), append_variable, &read, &error));
  assert_buffer_equal(&read, "A=<1>B=<two words>C=<single $X \"q\" # no>D=<a\nb\"c$d>E=<>"
                             "F=<$(id)`id`>G=<a#b>");
  static const char *const BAD[] = {"words",   "=x",       "1A=x",
                                    "A B=x",   "A='open",  "A=\"open",
                                    "A='x' y", "A=\"x\"y", "ok=1\nsecret value"};
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    assert_false(dotenv_parse(str_from(BAD[i]), append_variable, &read, &error));
    assert_non_null(strstr(error.message, "line "));
    assert_null(strstr(error.message, "secret"));
  }
  buffer_free(&read);
}

static struct sync_traits traits_of(const char *conf, const char *path, struct arena *arena) {
  struct sync_rules rules = {0};
  struct error error = {0};
  if (!rules_parse(str_from(conf), arena, &rules, &error)) fail_msg("%s", error.message);
  return rules_traits(&rules, str_from(path), true);
}

static void rules_override_setting_by_setting(void **state) {
  struct arena arena = ARENA_EMPTY;
  static const char CONF[] = "# all\n[*.js]\ncache-control = no-store\n"
                             "[/main.js]\nContent-Type = text/plain\n"
                             "[*.secret]\nignore = yes\n[keep/**]\nstrip-html = no\n"
                             "[vendor/*]\nhashed = yes\n";
  struct sync_traits traits = traits_of(CONF, "main.js", &arena);
  assert_string_equal(traits.headers.values[SYNC_CACHE_CONTROL], "no-store");
  assert_string_equal(traits.headers.values[SYNC_CONTENT_TYPE], "text/plain");
  assert_true(traits_of(CONF, "x.secret", &arena).ignored);
  assert_false(traits_of(CONF, "keep/a.html", &arena).strip_html);
  traits = traits_of(CONF, "vendor/lib.css", &arena);
  assert_int_equal(traits.class, SYNC_ASSET);
  assert_string_equal(traits.headers.values[SYNC_CACHE_CONTROL],
                      "public, max-age=31536000, immutable");
  traits = traits_of("", "a.html", &arena);
  assert_int_equal(traits.class, SYNC_PAGE);
  assert_string_equal(traits.headers.values[SYNC_CACHE_CONTROL], "no-cache");
  assert_string_equal(traits.headers.values[SYNC_CONTENT_ENCODING], "");
  assert_string_equal(traits_of("", "a.png", &arena).headers.values[SYNC_CACHE_CONTROL],
                      "public, max-age=300");
  arena_free(&arena);
}

static void bad_rules_name_their_line(void **state) {
  static const char *const BAD[] = {"a = b",
                                    "[a",
                                    "[]",
                                    "[a]\nwords",
                                    "[a]\nno-such = x",
                                    "[a]\nhashed = maybe",
                                    "[a]\nvariants = gzip",
                                    "[a]\ncache-control = \x01"};
  struct arena arena = ARENA_EMPTY;
  struct sync_rules rules;
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    struct error error = {0};
    assert_false(rules_parse(str_from(BAD[i]), &arena, &rules, &error));
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_non_null(strstr(error.message, i < 3 ? "line 1" : "line 2"));
  }
  arena_free(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(patterns_fit_as_in_gitignore),
      cmocka_unit_test(patterns_cost_no_more_than_their_length),
      cmocka_unit_test(media_types_go_by_the_last_ending),
      cmocka_unit_test(hashes_are_recognised),
      cmocka_unit_test(the_lists_of_bundlers_say_what_is_hashed),
      cmocka_unit_test(the_ending_html_is_cut_off_as_the_gem_did),
      cmocka_unit_test(secrets_are_known_by_name_and_content),
      cmocka_unit_test(dotenv_files_are_data),
      cmocka_unit_test(rules_override_setting_by_setting),
      cmocka_unit_test(bad_rules_name_their_line),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
