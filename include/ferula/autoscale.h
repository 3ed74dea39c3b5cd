/*
 * autoscale.h - KEDA and the HPA in virtual time: manifests, scalers, the simulation, worlds, lint.
 *
 * The module sees PromQL and sources of series, never the store or HTTP. The headers in autoscale/
 * are its parts, in reading order; each says what it promises.
 */
#ifndef FERULA_AUTOSCALE_H
#define FERULA_AUTOSCALE_H

#include "ferula/autoscale/manifest.h"

#include "ferula/autoscale/scaler.h"

#include "ferula/autoscale/sim.h"

#include "ferula/autoscale/world.h"

#include "ferula/autoscale/story.h"

#include "ferula/autoscale/picture.h"

#include "ferula/autoscale/lint.h"

#endif
