/* test_router.c: route tables: mistakes in them stop the start; paths find their rows. */
#include "unit.h"

#include "lib/http/router.h"

#include <string.h>

static void handler(struct http_request *request) {
}

static void other_handler(struct http_request *request) {
}

static enum http_token refuse_token(struct http_request *request, struct str authorization,
                                    void *context, void **waiting, struct str *ret_sub) {
  return HTTP_TOKEN_BAD;
}

static struct router *compile(const struct http_route *table, http_check_token check_token,
                              struct error *error) {
  const struct http_route *const tables[] = {table, NULL};
  const struct http_options options = {.tables = tables, .check_token = check_token};
  return router_new(&options, error);
}

static void mistakes_are_named(void **state) {
  static const struct {
    struct http_route rows[3];
    const char *message;
  } CASES[] = {
      {{{HTTP_GET, "", HTTP_AUTH_NONE, 0, handler, 0}}, "begin with '/'"},
      {{{HTTP_GET, "api", HTTP_AUTH_NONE, 0, handler, 0}}, "begin with '/'"},
      {{{HTTP_GET, "/a//b", HTTP_AUTH_NONE, 0, handler, 0}}, "a segment is empty"},
      {{{HTTP_GET, "//", HTTP_AUTH_NONE, 0, handler, 0}}, "a segment is empty"},
      {{{HTTP_GET, "/a/:", HTTP_AUTH_NONE, 0, handler, 0}}, "a parameter has no name"},
      {{{HTTP_GET, "/a/:b:c", HTTP_AUTH_NONE, 0, handler, 0}}, "a parameter has no name, or two"},
      {{{HTTP_GET, "/1/2/3/4/5/6/7/8/9/10/11/12/13", HTTP_AUTH_NONE, 0, handler, 0}},
       "too many segments"},
      {{{HTTP_GET, "/:a/:b/:c/:d/:e", HTTP_AUTH_NONE, 0, handler, 0}}, "too many parameters"},
      {{{HTTP_GET, "/a", HTTP_AUTH_NONE, 0, NULL, 0}}, "the route GET /a: it has no handler"},
      {{{HTTP_OPTIONS, "/a", HTTP_AUTH_NONE, 0, handler, 0}}, "OPTIONS is answered"},
      {{{HTTP_GET, "/a", HTTP_AUTH_NONE, 1, handler, 0}}, "body limit is too high"},
      {{{HTTP_POST, "/a", HTTP_AUTH_NONE, HTTP_BODY_LIMIT + 1, handler, 0}},
       "body limit is too high"},
      {{{HTTP_POST, "/a", HTTP_AUTH_SHARED, 0, handler, 0}}, "only GET can be shared"},
      {{{HTTP_GET, "/a", HTTP_AUTH_REQUIRED, 0, handler, 1}}, "nobody checks its tokens"},
      {{{HTTP_GET, "/a", HTTP_AUTH_NONE, 0, handler, 1}}, "its cost is of reads"},
      {{{HTTP_GET, "/a", HTTP_AUTH_SHARED, 0, handler, 0}}, "its cost is of reads"},
      {{{HTTP_POST, "/a", HTTP_AUTH_REQUIRED, HTTP_BODY_LIMIT, handler, 1}},
       "its cost is of reads"},
      {{{HTTP_GET, "/a/:b", HTTP_AUTH_NONE, 0, handler, 0},
        {HTTP_GET, "/a/:c", HTTP_AUTH_NONE, 0, other_handler, 0}},
       "the route GET /a/:c: another row has the same paths"},
      {{{HTTP_GET, "/a", HTTP_AUTH_NONE, 0, handler, 0},
        {HTTP_HEAD, "/a", HTTP_AUTH_NONE, 0, other_handler, 0}},
       "another row has the same paths"},
  };
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct error error = {0};
    assert_null(compile(CASES[i].rows, NULL, &error));
    assert_int_equal(error.kind, ERROR_INTERNAL);
    if (!strstr(error.message, CASES[i].message))
      fail_msg("'%s' is not in '%s'", CASES[i].message, error.message);
  }
}

static const struct http_route ROUTES[] = {
    {HTTP_GET, "/", HTTP_AUTH_NONE, 0, handler, 0},
    {HTTP_GET, "/docs/", HTTP_AUTH_NONE, 0, handler, 0},
    {HTTP_GET, "/docs/:file", HTTP_AUTH_NONE, 0, handler, 0},
    {HTTP_GET, "/users/me", HTTP_AUTH_REQUIRED, 0, handler, 1},
    {HTTP_GET, "/users/@:handle", HTTP_AUTH_SHARED, 0, handler, 1},
    {HTTP_POST, "/users/@:handle", HTTP_AUTH_REQUIRED, HTTP_BODY_LIMIT, handler, 0},
    {HTTP_PUT, "/users/@:handle/posts/:uuid", HTTP_AUTH_REQUIRED, 0, handler, 0},
    HTTP_ROUTES_END,
};

enum { GET_AND_HEAD = 1 << HTTP_GET | 1 << HTTP_HEAD };

static void paths_find_their_rows(void **state) {
  static const struct {
    enum http_method method;
    const char *target;
    int place; /* -1: none */
    unsigned methods;
    const char *parameters[2];
  } CASES[] = {
      {HTTP_GET, "/", 0, GET_AND_HEAD, {NULL}},
      {HTTP_GET, "/?a=/b", 0, GET_AND_HEAD, {NULL}},
      {HTTP_GET, "", -1, 0, {NULL}},
      {HTTP_GET, "/docs", -1, 0, {NULL}},
      {HTTP_HEAD, "/docs/", 1, GET_AND_HEAD, {NULL}},
      {HTTP_GET, "/docs/a%2Fb", 2, GET_AND_HEAD, {"a/b"}},
      {HTTP_GET, "/docs/a/b", -1, 0, {NULL}},
      {HTTP_GET, "/docs/%zz", -1, 0, {NULL}},
      {HTTP_GET, "/docs/%00", -1, 0, {NULL}},
      {HTTP_GET, "/%75sers/me", 3, GET_AND_HEAD, {NULL}},
      {HTTP_GET, "/users/@", -1, 0, {NULL}},
      {HTTP_GET, "/users/@a", 4, GET_AND_HEAD | 1 << HTTP_POST, {"a"}},
      {HTTP_POST, "/users/%40a", 5, GET_AND_HEAD | 1 << HTTP_POST, {"a"}},
      {HTTP_DELETE, "/users/@a", -1, GET_AND_HEAD | 1 << HTTP_POST, {NULL}},
      {HTTP_METHODS, "/users/@a", -1, GET_AND_HEAD | 1 << HTTP_POST, {NULL}},
      {HTTP_PUT, "/users/@a/posts/7", 6, 1 << HTTP_PUT, {"a", "7"}},
      {HTTP_GET, "/1/2/3/4/5/6/7/8/9/10/11/12/13", -1, 0, {NULL}},
  };
  struct error error;
  struct http_site site = {.router = compile(ROUTES, refuse_token, &error)};
  assert_int_equal(router_count(site.router), 7);
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct http_request *request = request_new(&site, CASES[i].target);
    request->method = CASES[i].method;
    assert_int_equal(router_match(request), CASES[i].methods);
    assert_ptr_equal(request->route, CASES[i].place < 0 ? NULL : &ROUTES[CASES[i].place]);
    if (request->route)
      assert_ptr_equal(router_route(site.router, request->route_place), request->route);
    for (unsigned j = 0; j < 2; j++) {
      assert_int_equal(j < request->parameter_count, CASES[i].parameters[j] != NULL);
      if (CASES[i].parameters[j])
        assert_str_equal(request->parameters[j].value, CASES[i].parameters[j]);
    }
    request_free(request);
  }
  assert_null(router_free((struct router *)(uintptr_t)site.router));
  assert_null(router_free(NULL));
}

static void methods_have_names(void **state) {
  enum http_method method;
  struct buffer list = BUFFER_EMPTY;
  for (unsigned i = 0; i < HTTP_METHODS; i++) {
    assert_true(router_method(router_method_name((enum http_method)i), &method));
    assert_int_equal(method, i);
  }
  assert_false(router_method("get", &method));
  assert_false(router_method("PATCH", &method));
  assert_string_equal(router_method_name(HTTP_METHODS), "-");
  router_list_methods(GET_AND_HEAD | 1U << HTTP_PUT, &list);
  assert_buffer_equal(&list, "GET, HEAD, PUT");
  buffer_free(&list);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(mistakes_are_named),
      cmocka_unit_test(paths_find_their_rows),
      cmocka_unit_test(methods_have_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
