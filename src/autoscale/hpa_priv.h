/*
 * hpa_priv.h - the parts of one sync of the HPA controller.
 */
#ifndef FERULA_AUTOSCALE_HPA_PRIV_H
#define FERULA_AUTOSCALE_HPA_PRIV_H

#include "autoscale_priv.h"

#define DOWNSCALE_STABILIZATION_S 300 /* --horizontal-pod-autoscaler-downscale-stabilization */
#define SCALE_UP_FACTOR           2
#define SCALE_UP_MINIMUM          4

struct hpa_tolerance {
    double down, up;
    bool interval;
};

/* What one metric asks for. */
struct hpa_proposal {
    int32_t replicas;
    int64_t shown_milli;
    double ratio;      /* of usage to target; with pods that are not ready: again, with theirs */
    int32_t pods;      /* that the ratio is multiplied with */
    int32_t unready;   /* of them: they count as using nothing */
    bool within;       /* of the tolerance */
    bool turned;       /* counting those would turn the direction: it stays */
    const char *error; /* why there is none; NULL: there is one */
};

struct hpa_tolerance hpa__tolerance(const struct hpa_input *in);
/* Of a metric that could be had. */
struct hpa_proposal hpa__propose(const struct hpa_metric *m, const struct hpa_input *in);

/*
 * The highest (without behavior) or the nearest allowed (with it) of the recommendations that
 * count, and keeps `desired` as the newest one. *held says what it was when it is not `desired`.
 */
int32_t hpa__stabilize(struct hpa_state *s, const struct hpa_input *in, int32_t desired,
                       enum reason *held);

/* Cuts `desired` to bounds and rates; *why is the rule, REASON_DesiredWithinRange when none cut. */
int32_t hpa__limit(const struct hpa_state *s, const struct hpa_input *in, int32_t desired,
                   enum reason *why);

void hpa__store_event(struct hpa_state *s, const struct hpa_input *in, int32_t before,
                      int32_t after);
void hpa__record(struct hpa_state *s, size_t old_slot, int32_t replicas, ts_ms now);

int32_t hpa__clamp32(double v);
struct str hpa__note(const struct hpa_input *in, const struct hpa_output *out, struct arena *a);

#endif
