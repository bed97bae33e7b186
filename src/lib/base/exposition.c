/* exposition.c: metrics as text for Prometheus. */
#include "lib/base/exposition.h"

void exposition_head(struct buffer *text, const char *name, const char *type, const char *help) {
  buffer_append_format(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void append_labels(struct buffer *text, const char *labels) {
  if (*labels) buffer_append_format(text, "{%s}", labels);
}

void exposition_sample(struct buffer *text, const char *name, const char *labels, uint64_t value) {
  buffer_append_text(text, name);
  append_labels(text, labels);
  buffer_append_format(text, " %llu\n", (unsigned long long)value);
}

void exposition_seconds(struct buffer *text, const char *name, const char *labels, uint64_t us) {
  buffer_append_text(text, name);
  append_labels(text, labels);
  buffer_append_format(text, " %llu.%06llu\n", (unsigned long long)(us / 1000000),
                       (unsigned long long)(us % 1000000));
}

void exposition_counter(struct buffer *text, const char *name, const char *help, uint64_t value) {
  exposition_head(text, name, "counter", help);
  exposition_sample(text, name, "", value);
}

void exposition_gauge(struct buffer *text, const char *name, const char *help, uint64_t value) {
  exposition_head(text, name, "gauge", help);
  exposition_sample(text, name, "", value);
}

void exposition_histogram(struct buffer *text, const char *name, const char *labels,
                          const struct histogram *histogram, const struct histogram_scale *scale) {
  uint64_t so_far = 0, count = histogram_count(histogram);
  const char *comma = *labels ? "," : "";
  if (count == 0 && *labels) return;
  for (size_t i = 0; i < scale->count; i++) {
    so_far += histogram_read(&histogram->counts[i]);
    buffer_append_format(text, "%s_bucket{%s%sle=\"%g\"} %llu\n", name, labels, comma,
                         (double)scale->bounds[i] / scale->unit, (unsigned long long)so_far);
  }
  buffer_append_format(text, "%s_bucket{%s%sle=\"+Inf\"} %llu\n%s_sum", name, labels, comma,
                       (unsigned long long)count, name);
  append_labels(text, labels);
  buffer_append_format(text, " %.6f\n%s_count",
                       (double)histogram_read(&histogram->total) / scale->unit, name);
  append_labels(text, labels);
  buffer_append_format(text, " %llu\n", (unsigned long long)count);
}

void exposition_tally(struct buffer *text, const char *name, const char *help, const char *label,
                      const struct tally *tally) {
  uint64_t count;
  const char *word;
  exposition_head(text, name, "counter", help);
  for (unsigned place = 0; (word = tally_at(tally, place, &count)); place++)
    buffer_append_format(text, "%s{%s=\"%s\"} %llu\n", name, label, word,
                         (unsigned long long)count);
}
