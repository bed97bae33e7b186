/* endpoint.h: where each service is: AWS's own hosts, or the endpoints of the settings. Inside of
 * the room only, but for the names of the services. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/config.h"
#include "lib/base/error.h"

#include <stddef.h>

enum aws_service {
  AWS_DYNAMODB,
  AWS_COGNITO,
  AWS_S3,
  AWS_CLOUDFRONT,
  AWS_PARAMETER_STORE,
  AWS_CLIENT_SERVICES, /* those above are called through a client; credentials come from these: */
  AWS_STS = AWS_CLIENT_SERVICES,
  AWS_SSO_PORTAL,
  AWS_SSO_OIDC,
  AWS_SERVICE_COUNT
};

/* What the services have in common is their differences. */
struct endpoint_service {
  const char *name;          /* for people */
  const char *signing_name;  /* NULL: nothing of it is signed */
  const char *host_prefix;   /* PREFIX.REGION.amazonaws.com */
  const char *global_region; /* of a service that is in no region: its signatures' region in most
                                partitions */
  const char *target_prefix; /* of X-Amz-Target, for the JSON services */
  const char *content_type;  /* of their bodies */
  const char *setting;       /* that names an endpoint of its own */
  size_t setting_at;         /* where that is in struct config */
};

const struct endpoint_service *endpoint_service(enum aws_service service);

/* Where a service is, resolved once. */
struct endpoint {
  char *scheme; /* "https" or "http" */
  char *host;   /* as the Host header says it: with the port where it is not the scheme's own */
  char *prefix; /* of each path: "" or "/…" without a last '/' */
  bool custom;  /* of the settings: S3 is addressed path-style */
};

/* Resolves `service` in `region`. Fails as ERROR_INVALID when the setting is no http: or https:
 * URL, or when the region is needed and cannot stand in a host's name; as ERROR_MEMORY. */
bool endpoint_resolve(const struct config *config, enum aws_service service, const char *region,
                      struct endpoint *ret_endpoint, struct error *error);
void endpoint_free(struct endpoint *endpoint);

/* The region of a service's signatures, where `region` is that of the settings. */
const char *endpoint_signing_region(const struct endpoint_service *service, const char *region);

/* True for what may stand in a host's name as a region. */
bool endpoint_is_region(const char *region);

/* Where a request goes. The caller frees both buffers. */
struct endpoint_location {
  struct buffer host; /* for a bucket of S3, addressed virtually: in front of the endpoint's */
  struct buffer path; /* not encoded: the endpoint's prefix, the bucket where it stands there */
};

void endpoint_locate(const struct endpoint *endpoint, struct str bucket, struct str path,
                     struct endpoint_location *ret_location);

/* The region of the settings, else of the profile in the config file, which is read; the caller's.
 * NULL: there is none. */
char *endpoint_region(const struct config *config);

/* The file of certificates to trust, of the settings or of the profile; the caller's. NULL: none is
 * named. */
char *endpoint_ca_bundle(const struct config *config);
