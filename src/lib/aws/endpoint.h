/* endpoint.h: where each service is: AWS's own hosts, or the endpoints of the settings. Inside of
 * the room only. */
#pragma once

#include "lib/aws/client.h"

/* What the services have in common is their differences. */
struct service {
  const char *signing_name;
  const char *host_prefix;   /* PREFIX.REGION.amazonaws.com */
  const char *global_region; /* of a service that is in no region: its signatures' region */
  const char *target_prefix; /* of X-Amz-Target, for the JSON services */
  const char *content_type;  /* of their bodies */
  const char *name;          /* for people */
};

const struct service *service_of(enum aws_service service);

/* Where a service is, resolved once. */
struct endpoint {
  char *scheme; /* "https" or "http" */
  char *host;   /* as the Host header says it: with the port where it is not the scheme's own */
  char *prefix; /* of each path: "" or "/…" without a last '/' */
  bool custom;  /* of the settings: S3 is addressed path-style */
};

/* Resolves `service` in `region`. ERROR_INVALID: the setting is no http: or https: URL. */
bool endpoint_resolve(const struct config *config, enum aws_service service, const char *region,
                      struct endpoint *ret_endpoint, struct error *error);
void endpoint_free(struct endpoint *endpoint);

/* Cuts "scheme://host:port/prefix" into its parts, which the caller frees; false when it is not of
 * that form. A part is NULL when memory is out. */
bool endpoint_parse(const char *url, struct endpoint *endpoint);

/* The domain of AWS's hosts in a region: "amazonaws.com", China's is another. */
const char *endpoint_domain(const char *region);

/* Where a request goes. The caller frees both buffers. */
struct location {
  struct buffer host; /* for a bucket of S3, addressed virtually: in front of the endpoint's */
  struct buffer path; /* not encoded: the endpoint's prefix, the bucket where it stands there */
};

void endpoint_locate(const struct endpoint *endpoint, struct str bucket, struct str path,
                     struct location *ret_location);

/* The region of the settings, else of the profile in the config file, which is read; the caller's.
 * NULL: there is none. */
char *endpoint_region(const struct config *config);
