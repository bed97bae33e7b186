/* test_xray.c: spans as X-Ray's segments, the daemon's address, and datagrams on their way to it.
 */
#include "unit.h"

#include "lib/telemetry/xray.h"
#include "lib/telemetry/xray_sender.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DATAGRAMS_TOGETHER = 64, DATAGRAM_SIZE = 4096 };

#define HEADER "{\"format\":\"json\",\"version\":1}\n"
#define IDS    "\"id\":\"a1a2a3a4a5a6a7a8\",\"trace_id\":\"1-01020304-050607080910111213141516\","
#define TIMES  "\"start_time\":1684626299.123456,\"end_time\":1684626299.500000"

static struct span span_of(enum span_kind kind, const char *name) {
  struct span span = {
      .context = {.trace_id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 18, 19, 20, 21, 22},
                  .span_id = {0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8}},
      .kind = kind,
      .start_unix_us = 1684626299123456,
      .end_unix_us = 1684626299500000,
  };
  snprintf(span.name, sizeof(span.name), "%s", name);
  return span;
}

static void assert_datagram(const struct span *span, const char *expected) {
  struct buffer datagram = BUFFER_EMPTY;
  xray_append_datagram(&datagram, "back<end>", span);
  assert_buffer_equal(&datagram, expected);
  buffer_free(&datagram);
}

/* --- Segments --- */

static void a_request_is_a_segment(void **state) {
  struct span span = span_of(SPAN_SERVER, "GET /api/activities/home");
  span.parent_id[0] = 0x0f;
  strcpy(span.method, "GET");
  strcpy(span.path, "/api/activities/home");
  strcpy(span.request_id, "req-1");
  span.status = 503;
  span.failed = true;
  assert_datagram(&span, HEADER
                  "{\"name\":\"back_end_\"," IDS "\"parent_id\":\"0f00000000000000\"," TIMES
                  ",\"http\":{\"request\":{\"method\":\"GET\",\"url\":\"/api/activities/home\"},"
                  "\"response\":{\"status\":503}},\"annotations\":{\"request_id\":\"req-1\"},"
                  "\"fault\":true}");
}

static void flags_follow_the_status(void **state) {
  static const struct {
    int status;
    bool failed;
    const char *end;
  } CASES[] = {
      {200, false, "\"request_id\":\"\"}}"},
      {404, false, "\"request_id\":\"\"},\"error\":true}"},
      {404, true, "\"request_id\":\"\"},\"error\":true}"},
      {429, true, "\"request_id\":\"\"},\"throttle\":true,\"error\":true}"},
      {500, true, "\"request_id\":\"\"},\"fault\":true}"},
      {0, true, "\"request_id\":\"\"},\"fault\":true}"},
  };
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct buffer datagram = BUFFER_EMPTY;
    struct span span = span_of(SPAN_SERVER, "GET /");
    span.status = CASES[i].status;
    span.failed = CASES[i].failed;
    xray_append_datagram(&datagram, "service", &span);
    const char *text = buffer_text(&datagram);
    assert_true(datagram.length > strlen(CASES[i].end));
    assert_string_equal(text + datagram.length - strlen(CASES[i].end), CASES[i].end);
    buffer_free(&datagram);
  }
}

static void a_statement_is_a_subsegment(void **state) {
  struct span span = span_of(SPAN_CLIENT, "postgres activities/home");
  strcpy(span.system, "postgresql");
  strcpy(span.operation, "activities/home");
  strcpy(span.host, "db.test");
  strcpy(span.space, "cruddur");
  strcpy(span.code, "57014");
  span.failed = true;
  assert_datagram(&span, HEADER
                  "{\"name\":\"cruddur@db.test\"," IDS TIMES ",\"type\":\"subsegment\","
                  "\"namespace\":\"remote\",\"sql\":{\"database_type\":\"PostgreSQL\"},"
                  "\"annotations\":{\"statement\":\"activities/home\",\"sqlstate\":\"57014\"},"
                  "\"fault\":true}");
}

static void an_operation_of_dynamodb_is_a_subsegment_of_aws(void **state) {
  struct span span = span_of(SPAN_CLIENT, "DynamoDB Query");
  strcpy(span.system, "dynamodb");
  strcpy(span.operation, "Query");
  strcpy(span.region, "ca-central-1");
  strcpy(span.space, "cruddur-messages");
  strcpy(span.request_id, "AWS1");
  span.tries = 3;
  span.status = 400;
  span.failed = true;
  assert_datagram(&span, HEADER "{\"name\":\"DynamoDB\"," IDS TIMES ",\"type\":\"subsegment\","
                                "\"namespace\":\"aws\",\"aws\":{\"operation\":\"Query\","
                                "\"region\":\"ca-central-1\","
                                "\"table_name\":\"cruddur-messages\","
                                "\"request_id\":\"AWS1\",\"retries\":2},"
                                "\"http\":{\"response\":{\"status\":400}},\"error\":true}");
}

static void a_fetch_is_a_subsegment_named_by_its_host(void **state) {
  struct span span = span_of(SPAN_CLIENT, "GET jwks");
  strcpy(span.system, "http");
  strcpy(span.host, "cognito.test");
  strcpy(span.method, "GET");
  span.status = 200;
  assert_datagram(&span,
                  HEADER "{\"name\":\"cognito.test\"," IDS TIMES ",\"type\":\"subsegment\","
                         "\"namespace\":\"remote\",\"http\":{\"request\":{\"method\":\"GET\"},"
                         "\"response\":{\"status\":200}}}");
}

static void a_task_of_our_own_is_a_segment(void **state) {
  struct span span = span_of(SPAN_INTERNAL, "load the user pool's keys");
  assert_datagram(&span, HEADER "{\"name\":\"back_end_\"," IDS TIMES
                                ",\"annotations\":{\"task\":\"load the user pool's keys\"}}");
}

static void names_are_cut_and_keep_to_x_rays_characters(void **state) {
  char name[300], expected[300];
  struct buffer datagram = BUFFER_EMPTY;
  struct span span = span_of(SPAN_SERVER, "GET /");
  memset(name, 'x', sizeof(name));
  memcpy(name, "a\xc3\xa4*?'\" _.:/%&#=+\\-@", 20);
  name[sizeof(name) - 1] = '\0';
  snprintf(expected, sizeof(expected), HEADER "{\"name\":\"a______ _.:/%%&#=+\\\\-@%.*s\",\"id\"",
           180, name + 20);
  xray_append_datagram(&datagram, name, &span);
  assert_memory_equal(buffer_text(&datagram), expected, strlen(expected));
  buffer_free(&datagram);
}

/* --- The daemon's address --- */

static unsigned port_of(const char *address) {
  struct error error = {0};
  struct sockaddr_in peer = {0};
  socklen_t length = sizeof(peer);
  int fd = xray_open(address, &error);
  assert_true(fd >= 0);
  assert_int_equal(getpeername(fd, (struct sockaddr *)&peer, &length), 0);
  close(fd);
  return ntohs(peer.sin_port);
}

static void the_address_is_read_as_the_sdks_read_it(void **state) {
  static const char *const BAD[] = {"", "127.0.0.1", "nobody.invalid:2000", "127.0.0.1:x"};
  assert_int_equal(port_of("127.0.0.1:2000"), 2000);
  assert_int_equal(port_of("udp:127.0.0.1:2001"), 2001);
  assert_int_equal(port_of("tcp:127.0.0.1:2000 udp:127.0.0.1:2001"), 2001);
  assert_int_equal(port_of("udp:127.0.0.1:2001 tcp:127.0.0.1:2000"), 2001);
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    struct error error = {0};
    assert_int_equal(xray_open(BAD[i], &error), -1);
    assert_non_null(strstr(error.message, "AWS_XRAY_DAEMON_ADDRESS"));
  }
}

/* --- Sending --- */

struct daemon {
  struct loop *loop;
  int fds[2]; /* the sender's and the daemon's end */
  struct xray_sender *sender;
};

static struct daemon daemon_new(void) {
  struct daemon daemon = {.loop = loop_new(0)};
  assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, daemon.fds), 0);
  daemon.sender = xray_sender_new(daemon.loop, daemon.fds[0], NULL);
  assert_non_null(daemon.sender);
  return daemon;
}

static void daemon_free(struct daemon *daemon) {
  loop_close_inbox(daemon->loop);
  loop_run(daemon->loop);
  loop_free(daemon->loop);
  close(daemon->fds[0]);
  if (daemon->fds[1] >= 0) close(daemon->fds[1]);
}

static void add(struct daemon *daemon, int count) {
  struct span span = span_of(SPAN_SERVER, "GET /");
  for (int i = 0; i < count; i++)
    xray_sender_add(daemon->sender, "service", &span);
}

/* Reads what has arrived; each datagram holds one document. */
static int received(struct daemon *daemon) {
  char bytes[DATAGRAM_SIZE];
  int count = 0;
  ssize_t length;
  while ((length = read(daemon->fds[1], bytes, sizeof(bytes))) > 0) {
    assert_memory_equal(bytes, HEADER, strlen(HEADER));
    assert_int_equal(bytes[length - 1], '}');
    count++;
  }
  return count;
}

/* A socket of the family AF_UNIX holds fewer datagrams than leave together: some are dropped. */
static void segments_leave_together(void **state) {
  struct daemon daemon = daemon_new();
  add(&daemon, DATAGRAMS_TOGETHER - 1);
  assert_int_equal(received(&daemon), 0);
  add(&daemon, 1);
  int count = received(&daemon);
  assert_true(count > 0);
  assert_int_equal(count + (int)xray_sender_dropped(daemon.sender), DATAGRAMS_TOGETHER);
  xray_sender_close(daemon.sender);
  daemon_free(&daemon);
}

static void a_timer_sends_what_does_not_fill_up(void **state) {
  struct daemon daemon = daemon_new();
  add(&daemon, 2);
  while (received(&daemon) == 0) /* both leave with one call */
    uv_run(loop_uv(daemon.loop), UV_RUN_ONCE);
  assert_int_equal(xray_sender_dropped(daemon.sender), 0);
  xray_sender_close(daemon.sender);
  daemon_free(&daemon);
}

static void closing_sends_what_is_left(void **state) {
  struct daemon daemon = daemon_new();
  add(&daemon, 3);
  xray_sender_close(daemon.sender);
  assert_int_equal(received(&daemon), 3);
  daemon_free(&daemon);
}

static void segments_for_nobody_are_counted(void **state) {
  struct daemon daemon = daemon_new();
  close(daemon.fds[1]);
  daemon.fds[1] = -1;
  add(&daemon, 3);
  xray_sender_close(daemon.sender);
  assert_int_equal(xray_sender_dropped(daemon.sender), 3);
  daemon_free(&daemon);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_is_a_segment),
      cmocka_unit_test(flags_follow_the_status),
      cmocka_unit_test(a_statement_is_a_subsegment),
      cmocka_unit_test(an_operation_of_dynamodb_is_a_subsegment_of_aws),
      cmocka_unit_test(a_fetch_is_a_subsegment_named_by_its_host),
      cmocka_unit_test(a_task_of_our_own_is_a_segment),
      cmocka_unit_test(names_are_cut_and_keep_to_x_rays_characters),
      cmocka_unit_test(the_address_is_read_as_the_sdks_read_it),
      cmocka_unit_test(segments_leave_together),
      cmocka_unit_test(a_timer_sends_what_does_not_fill_up),
      cmocka_unit_test(closing_sends_what_is_left),
      cmocka_unit_test(segments_for_nobody_are_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
