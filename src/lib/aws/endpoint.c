/* endpoint.c: see endpoint.h. */
#include "lib/aws/endpoint.h"

#include "lib/aws/credentials/profile.h"
#include "lib/base/cleanup.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct config, member)

static const struct endpoint_service SERVICES[AWS_SERVICE_COUNT] = {
    [AWS_DYNAMODB] = {.name = "DynamoDB",
                      .signing_name = "dynamodb",
                      .host_prefix = "dynamodb",
                      .target_prefix = "DynamoDB_20120810",
                      .content_type = "application/x-amz-json-1.0",
                      .setting = "AWS_ENDPOINT_URL_DYNAMODB",
                      .setting_at = AT(aws.endpoint_dynamodb)},
    [AWS_COGNITO] = {.name = "Cognito",
                     .signing_name = "cognito-idp",
                     .host_prefix = "cognito-idp",
                     .target_prefix = "AWSCognitoIdentityProviderService",
                     .content_type = "application/x-amz-json-1.1",
                     .setting = "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
                     .setting_at = AT(aws.endpoint_cognito)},
    [AWS_S3] = {.name = "S3",
                .signing_name = "s3",
                .host_prefix = "s3",
                .setting = "AWS_ENDPOINT_URL_S3",
                .setting_at = AT(aws.endpoint_s3)},
    [AWS_CLOUDFRONT] = {.name = "CloudFront",
                        .signing_name = "cloudfront",
                        .host_prefix = "cloudfront",
                        .global_region = "us-east-1",
                        .setting = "AWS_ENDPOINT_URL_CLOUDFRONT",
                        .setting_at = AT(aws.endpoint_cloudfront)},
    [AWS_PARAMETER_STORE] = {.name = "Parameter Store",
                             .signing_name = "ssm",
                             .host_prefix = "ssm",
                             .target_prefix = "AmazonSSM",
                             .content_type = "application/x-amz-json-1.1",
                             .setting = "AWS_ENDPOINT_URL_SSM",
                             .setting_at = AT(aws.endpoint_ssm)},
    [AWS_STS] = {.name = "STS",
                 .signing_name = "sts",
                 .host_prefix = "sts",
                 .setting = "AWS_ENDPOINT_URL_STS",
                 .setting_at = AT(aws.endpoint_sts)},
    [AWS_SSO_PORTAL] = {.name = "the SSO portal",
                        .host_prefix = "portal.sso",
                        .setting = "AWS_ENDPOINT_URL_SSO",
                        .setting_at = AT(aws.endpoint_sso)},
    [AWS_SSO_OIDC] = {.name = "SSO OIDC",
                      .host_prefix = "oidc",
                      .setting = "AWS_ENDPOINT_URL_SSO_OIDC",
                      .setting_at = AT(aws.endpoint_sso_oidc)},
};

const struct endpoint_service *endpoint_service(enum aws_service service) {
  assert(service < AWS_SERVICE_COUNT);
  return &SERVICES[service];
}

/* The URL of the settings, NULL for none, and the setting that it is of. */
static const char *custom_url(const struct config *config, const struct endpoint_service *service,
                              const char **ret_setting) {
  const char *own;
  memcpy(&own, (const char *)config + service->setting_at, sizeof(own));
  *ret_setting = own ? service->setting : "AWS_ENDPOINT_URL";
  return own ? own : config->aws.endpoint;
}

/* What the settings call a service in [services NAME]: "s3" of AWS_ENDPOINT_URL_S3. */
static void service_group(const struct endpoint_service *service, char *group, size_t size) {
  snprintf(group, size, "%s", service->setting + strlen("AWS_ENDPOINT_URL_"));
  for (char *at = group; *at; at++)
    *at = (char)tolower((unsigned char)*at);
}

/* The URL of the profile, of the service or of all; the caller's. NULL: there is none. */
static char *profile_url(const struct config *config, const struct endpoint_service *service) {
  struct profile_files files;
  char group[64];
  if (config->aws.ignore_profile_endpoints ||
      !profile_files_read(config, &files, &(struct error){0}))
    return NULL;
  service_group(service, group, sizeof(group));
  struct str services = profile_setting(&files, config->aws.profile, "services"), url = {NULL, 0};
  if (services.length > 0)
    url = profile_services_setting(&files, services, str_from(group), STR("endpoint_url"));
  if (url.length == 0) url = profile_setting(&files, config->aws.profile, "endpoint_url");
  char *copy = url.length > 0 ? strndup(url.data, url.length) : NULL;
  profile_files_free(&files);
  return copy;
}

static bool is_host_byte(char byte) {
  return isalnum((unsigned char)byte) || (byte != '\0' && strchr("-._:[]", byte));
}

/* Cuts "scheme://host:port/prefix" into its parts; false when it is not of that form. A part is
 * NULL when memory is out. */
static bool parse(const char *url, struct endpoint *endpoint) {
  bool secure = strncasecmp(url, "https://", 8) == 0;
  if (!secure && strncasecmp(url, "http://", 7) != 0) return false;
  struct str host = {url + (secure ? 8 : 7), 0};
  while (is_host_byte(host.data[host.length]))
    host.length++;
  const char *rest = host.data + host.length;
  if (host.length == 0 || (*rest != '\0' && *rest != '/') || strpbrk(rest, "?#")) return false;
  struct str own_port = secure ? STR(":443") : STR(":80");
  if (host.length > own_port.length &&
      strncmp(rest - own_port.length, own_port.data, own_port.length) == 0)
    host.length -= own_port.length;
  size_t prefix = strlen(rest);
  while (prefix > 0 && rest[prefix - 1] == '/')
    prefix--;
  endpoint->scheme = strdup(secure ? "https" : "http");
  endpoint->host = strndup(host.data, host.length);
  endpoint->prefix = strndup(rest, prefix);
  return true;
}

bool endpoint_is_region(const char *region) {
  static const char BYTES[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
  size_t length = strlen(region);
  return length > 0 && length <= 63 && strspn(region, BYTES) == length;
}

/* The domain of AWS's hosts; China's is another. */
static const char *domain_of(const char *region) {
  return strncmp(region, "cn-", 3) == 0 ? "amazonaws.com.cn" : "amazonaws.com";
}

/* The region that a service without regions is in: each partition has its own. */
static const char *global_region(const struct endpoint_service *service, const char *region) {
  if (strncmp(region, "cn-", 3) == 0) return "cn-northwest-1";
  if (strncmp(region, "us-gov-", 7) == 0) return "us-gov-west-1";
  return service->global_region;
}

const char *endpoint_signing_region(const struct endpoint_service *service, const char *region) {
  return service->global_region ? global_region(service, region) : region;
}

/* The host of AWS's own endpoint. S3's with IPv6 is named in its own way. */
static int own_host(const struct config *config, const struct endpoint_service *service,
                    const char *region, bool global, char **ret_host) {
  const char *fips = config->aws.use_fips ? "-fips" : "";
  bool both = config->aws.use_dualstack, is_s3 = strcmp(service->host_prefix, "s3") == 0;
  bool in_china = strncmp(region, "cn-", 3) == 0;
  const char *domain = !both || is_s3 ? domain_of(region)
                       : in_china     ? "api.amazonwebservices.com.cn"
                                      : "api.aws";
  if (global && !both) return asprintf(ret_host, "%s%s.%s", service->host_prefix, fips, domain);
  return asprintf(ret_host, "%s%s%s.%s.%s", service->host_prefix, fips,
                  both && is_s3 ? ".dualstack" : "", global ? "global" : region, domain);
}

/* AWS's own endpoint; without a region the service's global one. */
static bool use_own(const struct config *config, const struct endpoint_service *service,
                    const char *region, struct endpoint *endpoint, struct error *error) {
  bool global = !*region;
  if (service->global_region) {
    region = global_region(service, region);
    global = strcmp(region, service->global_region) == 0;
  }
  if (!global && !endpoint_is_region(region))
    return error_set(error, ERROR_INVALID, "the AWS region %.100s is no region's name", region);
  if (own_host(config, service, region, global, &endpoint->host) < 0) endpoint->host = NULL;
  endpoint->scheme = strdup("https");
  endpoint->prefix = strdup("");
  return true;
}

bool endpoint_resolve(const struct config *config, enum aws_service service, const char *region,
                      struct endpoint *ret_endpoint, struct error *error) {
  const struct endpoint_service *row = endpoint_service(service);
  struct endpoint endpoint = {0};
  const char *setting;
  const char *url = custom_url(config, row, &setting);
  _cleanup_free_ char *of_profile = url ? NULL : profile_url(config, row);
  if (of_profile) {
    setting = "endpoint_url of the AWS profile";
    url = of_profile;
  }
  if (url && !parse(url, &endpoint))
    return error_set(error, ERROR_INVALID,
                     "%s must be an http: or https: URL without a query (endpoint of %s), for "
                     "example %s=http://127.0.0.1:8000",
                     setting, row->name, setting);
  if (!url && !use_own(config, row, region, &endpoint, error)) return false;
  endpoint.custom = url != NULL;
  if (!endpoint.scheme || !endpoint.host || !endpoint.prefix) {
    endpoint_free(&endpoint);
    return error_set(error, ERROR_MEMORY, "out of memory");
  }
  *ret_endpoint = endpoint;
  return true;
}

void endpoint_free(struct endpoint *endpoint) {
  free(endpoint->scheme);
  free(endpoint->host);
  free(endpoint->prefix);
  *endpoint = (struct endpoint){0};
}

/* A certificate for *.s3.REGION.amazonaws.com covers one label, so a name with a dot in it, or one
 * that is no host's name, stands in the path. */
static bool fits_host(struct str bucket) {
  for (size_t i = 0; i < bucket.length; i++) {
    char byte = bucket.data[i];
    bool plain = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
    bool inside = i > 0 && i + 1 < bucket.length;
    if (!plain && !(byte == '-' && inside)) return false;
  }
  return bucket.length >= 3 && bucket.length <= 63;
}

void endpoint_locate(const struct endpoint *endpoint, struct str bucket, struct str path,
                     struct endpoint_location *ret_location) {
  *ret_location = (struct endpoint_location){0};
  bool is_virtual = bucket.length > 0 && !endpoint->custom && fits_host(bucket);
  if (is_virtual) {
    buffer_append_str(&ret_location->host, bucket);
    buffer_append_char(&ret_location->host, '.');
  }
  buffer_append_text(&ret_location->host, endpoint->host);
  buffer_append_text(&ret_location->path, endpoint->prefix);
  if (bucket.length > 0 && !is_virtual) {
    buffer_append_char(&ret_location->path, '/');
    buffer_append_str(&ret_location->path, bucket);
  }
  buffer_append_str(&ret_location->path, path.length > 0 ? path : STR("/"));
}

char *endpoint_region(const struct config *config) {
  if (config->aws_region) return strdup(config->aws_region);
  struct profile_files files;
  if (!profile_files_read(config, &files, &(struct error){0})) return NULL;
  struct str region = profile_setting(&files, config->aws.profile, "region");
  char *copy = region.length > 0 ? strndup(region.data, region.length) : NULL;
  profile_files_free(&files);
  return copy;
}

char *endpoint_ca_bundle(const struct config *config) {
  if (config->aws.ca_bundle) return strdup(config->aws.ca_bundle);
  struct profile_files files;
  if (!profile_files_read(config, &files, &(struct error){0})) return NULL;
  struct str bundle = profile_setting(&files, config->aws.profile, "ca_bundle");
  _cleanup_free_ char *path = bundle.length > 0 ? strndup(bundle.data, bundle.length) : NULL;
  char expanded[PATH_MAX];
  bool found = path && profile_expand_home(path, expanded);
  profile_files_free(&files);
  return found ? strdup(expanded) : NULL;
}
