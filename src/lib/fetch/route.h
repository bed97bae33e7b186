/* route.h: which way a request goes: past a proxy or not, and whose certificates are trusted.
 * Inside of the room only. */
#pragma once

#include <curl/curl.h>

/* Sends what is on this machine or on its link past every proxy: runtimes and metadata services
 * answer there, and what they are told is secret. Other hosts follow HTTPS_PROXY and NO_PROXY as
 * curl reads them. `ca_bundle` is a file of certificates to trust; NULL: the system's. */
CURLcode route_set(CURL *easy, const char *url, const char *ca_bundle);
