/* source_sts.c: where STS is: the endpoint of the settings, the region's, or the global one. */
#include "lib/aws/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char GLOBAL_REGION[] = "us-east-1";

/* The regions whose STS was the global one before there were others: the only ones that `legacy` is
 * about. Source: AWS SDKs and Tools Reference Guide, "AWS STS Regional endpoints". */
static bool is_legacy_region(const char *region) {
  static const char *const REGIONS[] = {
      "ap-northeast-1", "ap-south-1",   "ap-southeast-1", "ap-southeast-2",
      "aws-global",     "ca-central-1", "eu-central-1",   "eu-north-1",
      "eu-west-1",      "eu-west-2",    "eu-west-3",      "sa-east-1",
      "us-east-1",      "us-east-2",    "us-west-1",      "us-west-2"};
  for (size_t i = 0; i < sizeof(REGIONS) / sizeof(REGIONS[0]); i++)
    if (strcmp(region, REGIONS[i]) == 0) return true;
  return false;
}

static char *region_of(const struct search *search) {
  const struct config *config = search->config;
  if (config->aws_region) return strdup(config->aws_region);
  return search_copy(profile_setting(search->files, config->aws.profile, "region"));
}

static bool read_mode(const struct search *search, bool *ret_legacy, struct error *error) {
  const struct config_aws *settings = &search->config->aws;
  struct str mode =
      settings->sts_regional_endpoints
          ? str_from(settings->sts_regional_endpoints)
          : profile_setting(search->files, settings->profile, "sts_regional_endpoints");
  *ret_legacy = str_equal_ignore_case(mode, STR("legacy"));
  if (*ret_legacy || mode.length == 0 || str_equal_ignore_case(mode, STR("regional"))) return true;
  return error_set(error, ERROR_INVALID,
                   "AWS_STS_REGIONAL_ENDPOINTS (sts_regional_endpoints of a profile) must be "
                   "regional or legacy");
}

bool search_is_region(struct str region) {
  for (size_t i = 0; i < region.length; i++) {
    char byte = region.data[i];
    if (!(byte >= 'a' && byte <= 'z') && !(byte >= '0' && byte <= '9') && byte != '-') return false;
  }
  return region.length > 0 && region.length <= 63;
}

static bool resolve(const struct search *search, struct aws_sts *sts, struct error *error) {
  const struct config_aws *settings = &search->config->aws;
  const char *custom = settings->endpoint_sts ? settings->endpoint_sts : settings->endpoint;
  bool legacy;
  if (!read_mode(search, &legacy, error)) return false;
  if (custom) {
    if (endpoint_parse(custom, &sts->endpoint)) return true;
    return error_set(error, ERROR_INVALID,
                     "%s must be an http: or https: URL without a query (endpoint of STS)",
                     settings->endpoint_sts ? "AWS_ENDPOINT_URL_STS" : "AWS_ENDPOINT_URL");
  }
  bool global = !*sts->region || (legacy && is_legacy_region(sts->region));
  if (!global && !search_is_region(str_from(sts->region)))
    return error_set(error, ERROR_INVALID, "the AWS region %.100s is no region's name",
                     sts->region);
  sts->endpoint.scheme = strdup("https");
  sts->endpoint.prefix = strdup("");
  if (global)
    sts->endpoint.host = strdup("sts.amazonaws.com");
  else if (asprintf(&sts->endpoint.host, "sts.%s.%s", sts->region, endpoint_domain(sts->region)) <
           0)
    sts->endpoint.host = NULL;
  if (global) *sts->region = '\0';
  return true;
}

bool search_sts(const struct search *search, struct aws_source *source, struct error *error) {
  struct aws_sts *sts = &source->sts;
  if (sts->region) return true;
  sts->region = region_of(search);
  if (sts->region && !resolve(search, sts, error)) return false;
  if (sts->region && !*sts->region) {
    free(sts->region);
    sts->region = strdup(GLOBAL_REGION);
  }
  if (sts->region && sts->endpoint.scheme && sts->endpoint.host && sts->endpoint.prefix)
    return true;
  return error_set(error, ERROR_MEMORY, "out of memory");
}
