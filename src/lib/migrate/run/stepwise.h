/* stepwise.h: a section marked transaction:false: one statement at a time, each committed with the
 * resume point behind it, so that a run that ends anywhere is gone on with, not "dirty". */
#pragma once

#include "lib/migrate/run/apply.h"

bool stepwise_apply(struct runner *runner, const struct operation *operation, struct error *error);
