/* endpoint.c: see endpoint.h. */
#include "lib/aws/endpoint.h"

#include "lib/aws/profile.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct service SERVICES[AWS_SERVICE_COUNT] = {
    [AWS_DYNAMODB] = {.signing_name = "dynamodb",
                      .host_prefix = "dynamodb",
                      .target_prefix = "DynamoDB_20120810",
                      .content_type = "application/x-amz-json-1.0",
                      .name = "DynamoDB"},
    [AWS_COGNITO] = {.signing_name = "cognito-idp",
                     .host_prefix = "cognito-idp",
                     .target_prefix = "AWSCognitoIdentityProviderService",
                     .content_type = "application/x-amz-json-1.1",
                     .name = "Cognito"},
    [AWS_S3] = {.signing_name = "s3", .host_prefix = "s3", .name = "S3"},
    [AWS_CLOUDFRONT] = {.signing_name = "cloudfront",
                        .host_prefix = "cloudfront",
                        .global_region = "us-east-1",
                        .name = "CloudFront"},
    [AWS_PARAMETER_STORE] = {.signing_name = "ssm",
                             .host_prefix = "ssm",
                             .target_prefix = "AmazonSSM",
                             .content_type = "application/x-amz-json-1.1",
                             .name = "Parameter Store"},
};

const struct service *service_of(enum aws_service service) {
  return &SERVICES[service];
}

/* The setting that names the service's endpoint, and its value. */
static const char *custom_url(const struct config *config, enum aws_service service,
                              const char **ret_setting) {
  static const char *const SETTINGS[AWS_SERVICE_COUNT] = {
      [AWS_DYNAMODB] = "AWS_ENDPOINT_URL_DYNAMODB",
      [AWS_COGNITO] = "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
      [AWS_S3] = "AWS_ENDPOINT_URL_S3",
      [AWS_CLOUDFRONT] = "AWS_ENDPOINT_URL_CLOUDFRONT",
      [AWS_PARAMETER_STORE] = "AWS_ENDPOINT_URL_SSM",
  };
  const char *const values[AWS_SERVICE_COUNT] = {
      [AWS_DYNAMODB] = config->aws.endpoint_dynamodb,
      [AWS_COGNITO] = config->aws.endpoint_cognito,
      [AWS_S3] = config->aws.endpoint_s3,
      [AWS_CLOUDFRONT] = config->aws.endpoint_cloudfront,
      [AWS_PARAMETER_STORE] = config->aws.endpoint_ssm,
  };
  *ret_setting = values[service] ? SETTINGS[service] : "AWS_ENDPOINT_URL";
  return values[service] ? values[service] : config->aws.endpoint;
}

static bool is_host_byte(char byte) {
  return isalnum((unsigned char)byte) || (byte != '\0' && strchr("-._:[]", byte));
}

bool endpoint_parse(const char *url, struct endpoint *endpoint) {
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

const char *endpoint_domain(const char *region) {
  return strncmp(region, "cn-", 3) == 0 ? "amazonaws.com.cn" : "amazonaws.com";
}

static char *own_host(const struct service *service, const char *region) {
  char *host = NULL;
  int length =
      service->global_region
          ? asprintf(&host, "%s.%s", service->host_prefix, endpoint_domain(region))
          : asprintf(&host, "%s.%s.%s", service->host_prefix, region, endpoint_domain(region));
  return length < 0 ? NULL : host;
}

bool endpoint_resolve(const struct config *config, enum aws_service service, const char *region,
                      struct endpoint *ret_endpoint, struct error *error) {
  struct endpoint endpoint = {0};
  const char *setting;
  const char *url = custom_url(config, service, &setting);
  if (url && !endpoint_parse(url, &endpoint))
    return error_set(error, ERROR_INVALID,
                     "%s must be an http: or https: URL without a query (endpoint of %s), for "
                     "example %s=http://127.0.0.1:8000",
                     setting, service_of(service)->name, setting);
  if (!url) {
    endpoint.scheme = strdup("https");
    endpoint.host = own_host(service_of(service), region);
    endpoint.prefix = strdup("");
  }
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
                     struct location *ret_location) {
  *ret_location = (struct location){0};
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
  struct str region =
      profile_find(buffer_str(&files.config), true, config->aws.profile, STR("region"));
  char *copy = region.length > 0 ? strndup(region.data, region.length) : NULL;
  profile_files_free(&files);
  return copy;
}
