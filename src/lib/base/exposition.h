/* exposition.h: metrics as text for Prometheus (prometheus.io, "Exposition formats", text version
 * 0.0.4). A name is said once, by exposition_head(), before its samples. Labels are written as they
 * are: `lane="read"`, or "" for none. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/histogram.h"
#include "lib/base/tally.h"

/* Says what follows: `type` is "counter", "gauge" or "histogram". */
void exposition_head(struct buffer *text, const char *name, const char *type, const char *help);

void exposition_sample(struct buffer *text, const char *name, const char *labels, uint64_t value);

/* A sample in seconds of a value in microseconds. */
void exposition_seconds(struct buffer *text, const char *name, const char *labels, uint64_t us);

/* A head and its one sample without labels. */
void exposition_counter(struct buffer *text, const char *name, const char *help, uint64_t value);
void exposition_gauge(struct buffer *text, const char *name, const char *help, uint64_t value);

/* The buckets, the sum and the count. A histogram with labels that is empty is left out. */
void exposition_histogram(struct buffer *text, const char *name, const char *labels,
                          const struct histogram *histogram, const struct histogram_scale *scale);

/* A counter whose samples have the tally's words as values of `label`. */
void exposition_tally(struct buffer *text, const char *name, const char *help, const char *label,
                      const struct tally *tally);
