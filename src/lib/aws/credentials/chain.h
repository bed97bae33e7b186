/* chain.h: which source of credentials is used, as botocore chooses. Inside of the room only. */
#pragma once

#include "lib/aws/credentials/credentials_ask.h"

/* Looks for a source and fills the first part of `ask`, which is zeroed; the caller frees it
 * in each case. Blocks on files: on a worker thread. Fails when a source is set up wrongly (which
 * ends the search, as in the SDKs), or as ERROR_DENIED when there is none. */
bool chain_find(const struct config *config, struct credentials_ask *ask, struct error *error);
