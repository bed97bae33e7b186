/* trace.c: reads and writes the headers that carry a trace, and begins and ends spans. */
#include "lib/base/trace.h"

#include "lib/base/clock.h"
#include "lib/base/encoding.h"
#include "lib/base/random.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Reads an id, which is not all zeros. */
static bool read_id(const char *text, unsigned char *bytes, size_t count) {
  unsigned char any = 0;
  if (!encoding_hex_read(text, bytes, count)) return false;
  for (size_t i = 0; i < count; i++)
    any |= bytes[i];
  return any != 0;
}

/* Capitals are no digits of a traceparent (W3C Trace Context, section 3.2.2). */
static bool has_capitals(struct str text) {
  for (size_t i = 0; i < text.length; i++)
    if (text.data[i] >= 'A' && text.data[i] <= 'F') return true;
  return false;
}

bool trace_parse_traceparent(struct str header, struct trace_context *ret_context) {
  enum { VERSION_AT = 0, TRACE_AT = 3, SPAN_AT = 36, FLAGS_AT = 53, LENGTH = 55 };
  header = str_trim(header);
  const char *text = header.data;
  struct trace_context context = {0};
  unsigned char version, flags;
  if (header.length < LENGTH || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  if (has_capitals((struct str){text, LENGTH})) return false;
  if (!encoding_hex_read(text + VERSION_AT, &version, 1)) return false;
  if (version == 0xFF || (version == 0 && header.length != LENGTH)) return false;
  if (header.length > LENGTH && text[LENGTH] != '-') return false;
  if (!encoding_hex_read(text + FLAGS_AT, &flags, 1) ||
      !read_id(text + TRACE_AT, context.trace_id, TRACE_ID_SIZE) ||
      !read_id(text + SPAN_AT, context.span_id, SPAN_ID_SIZE))
    return false;
  context.sampled = flags & 1;
  *ret_context = context;
  return true;
}

/* "1-5759e988-bd862e3fe1be46a994272793" */
static bool read_xray_root(struct str root, unsigned char trace_id[TRACE_ID_SIZE]) {
  if (root.length != 35 || root.data[0] != '1' || root.data[1] != '-' || root.data[10] != '-')
    return false;
  return read_id(root.data + 2, trace_id, 4) && read_id(root.data + 11, trace_id + 4, 12);
}

bool trace_parse_xray(struct str header, struct trace_context *ret_context, bool *ret_decided) {
  struct trace_context context = {0};
  bool has_root = false, decided = false;
  struct str rest = header, field;
  while (header.length > 0 && str_next(&rest, ';', &field)) {
    if (str_starts_with(field, STR("Root="))) {
      has_root = read_xray_root((struct str){field.data + 5, field.length - 5}, context.trace_id);
    } else if (str_starts_with(field, STR("Parent=")) && field.length == 7 + 2 * SPAN_ID_SIZE) {
      if (!read_id(field.data + 7, context.span_id, SPAN_ID_SIZE))
        memset(context.span_id, 0, SPAN_ID_SIZE);
    } else if (str_equal(field, STR("Sampled=1")) || str_equal(field, STR("Sampled=0"))) {
      decided = true;
      context.sampled = field.data[8] == '1';
    }
  }
  if (!has_root) return false;
  *ret_context = context;
  *ret_decided = decided;
  return true;
}

void trace_begin(struct trace_context *ret_context, int64_t unix_us) {
  uint32_t seconds = (uint32_t)(unix_us / 1000000);
  random_bytes(ret_context->trace_id, TRACE_ID_SIZE);
  for (int i = 0; i < 4; i++)
    ret_context->trace_id[i] = (unsigned char)(seconds >> (24 - 8 * i));
  memset(ret_context->span_id, 0, SPAN_ID_SIZE);
  ret_context->sampled = false;
}

void trace_new_span_id(unsigned char span_id[SPAN_ID_SIZE]) {
  random_bytes(span_id, SPAN_ID_SIZE);
}

void trace_format_traceparent(const struct trace_context *context, char text[TRACEPARENT_SIZE]) {
  char *at = text;
  *at++ = '0';
  *at++ = '0';
  *at++ = '-';
  at = encoding_hex_write(at, context->trace_id, TRACE_ID_SIZE);
  *at++ = '-';
  at = encoding_hex_write(at, context->span_id, SPAN_ID_SIZE);
  assert(at + sizeof("-01") == text + TRACEPARENT_SIZE);
  memcpy(at, context->sampled ? "-01" : "-00", sizeof("-01"));
}

void trace_format_xray(const struct trace_context *context, char text[XRAY_HEADER_SIZE]) {
  char *at = stpcpy(text, "Root=1-");
  at = encoding_hex_write(at, context->trace_id, 4);
  *at++ = '-';
  at = encoding_hex_write(at, context->trace_id + 4, TRACE_ID_SIZE - 4);
  at = stpcpy(at, ";Parent=");
  at = encoding_hex_write(at, context->span_id, SPAN_ID_SIZE);
  assert(at + sizeof(";Sampled=1") <= text + XRAY_HEADER_SIZE);
  stpcpy(at, context->sampled ? ";Sampled=1" : ";Sampled=0");
}

bool trace_state_is_sane(struct str state) {
  if (state.length > TRACESTATE_LIMIT) return false;
  for (size_t i = 0; i < state.length; i++)
    if (state.data[i] != '\t' && (state.data[i] < ' ' || state.data[i] > '~')) return false;
  return true;
}

bool trace_begin_call(struct span *ret_span, struct span_sink *sink,
                      const struct trace_context *parent, const char *system) {
  if (!sink || !trace_is_sampled(parent)) return false;
  *ret_span = (struct span){.context = *parent, .kind = SPAN_CLIENT};
  memcpy(ret_span->parent_id, parent->span_id, SPAN_ID_SIZE);
  trace_new_span_id(ret_span->context.span_id);
  ret_span->start_unix_us = clock_unix_us();
  snprintf(ret_span->system, sizeof(ret_span->system), "%s", system);
  return true;
}

/* Letters, digits and what else stands in names and addresses. */
static bool is_host(struct str text) {
  for (size_t i = 0; i < text.length; i++)
    if (!isalnum((unsigned char)text.data[i]) && !strchr("-._:", text.data[i])) return false;
  return text.length > 0 && text.length < SPAN_TEXT_SIZE;
}

void trace_set_authority(struct span *span, struct str authority) {
  bool bracketed = authority.length > 0 && authority.data[0] == '[';
  const char *begin = authority.data, *end = authority.data + authority.length;
  const char *stop =
      authority.length ? memchr(begin, bracketed ? ']' : ':', authority.length) : end;
  uint64_t port = 0;
  if (!stop && bracketed) return;
  if (!stop) stop = end;
  struct str host = {begin + bracketed, (size_t)(stop - begin) - bracketed};
  const char *rest = bracketed ? stop + 1 : stop;
  bool has_port = rest < end;
  if (has_port && (*rest != ':' || !str_to_u64((struct str){rest + 1, (size_t)(end - rest) - 1}, 1,
                                               UINT16_MAX, &port)))
    return;
  if (!is_host(host)) return;
  snprintf(span->host, sizeof(span->host), "%.*s", (int)host.length, host.data);
  span->port = (unsigned)port;
}

void trace_end(struct span *span, struct span_sink *sink) {
  span->end_unix_us = clock_unix_us();
  if (span->end_unix_us < span->start_unix_us) span->end_unix_us = span->start_unix_us;
  sink->record(sink, span);
}
