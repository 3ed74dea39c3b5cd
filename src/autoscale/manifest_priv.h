/*
 * manifest_priv.h - what the files that read manifests share.
 */
#ifndef FERULA_AUTOSCALE_MANIFEST_PRIV_H
#define FERULA_AUTOSCALE_MANIFEST_PRIV_H

#include "fields.h"

/* metadata of any object. */
struct object_meta {
    struct text_at name, ns;
    struct pairs labels, annotations;
};

void autoscale__read_meta(struct reading *r, const struct tree *object, struct object_meta *out);

/* scaleTargetRef */
struct target_ref {
    struct text_at name, kind, api_version;
};

void autoscale__read_target(struct reading *r, const struct tree *ref, struct target_ref *out);

/* behavior, defaults filled in; marked as given. */
void autoscale__read_behavior(struct reading *r, const struct tree *t, struct behavior *out);

void autoscale__read_scaled_object(struct reading *r, const struct tree *object,
                                   struct scaled_object *out);
void autoscale__read_auth(struct reading *r, const struct tree *object, struct trigger_auth *out);
void autoscale__read_hpa(struct reading *r, const struct tree *object, struct hpa_object *out);

/*
 * The object with other annotations and fields of spec, as a merge patch makes it; NULL: none. An
 * annotation that is null is taken away; a field is replaced as a whole. `triggers` and
 * `scaleTargetRef` cannot be patched.
 */
void autoscale__patch_scaled_object(struct reading *r, const struct tree *annotations,
                                    const struct tree *spec, struct scaled_object *so);

/* Adds an object that stands in another file, as manifests_read() does with those of its own. */
void autoscale__manifest_add(struct arena *a, const struct tree *object, struct manifests *out,
                             struct complaints *complaints);

/* All of a file or, for "-", of stdin. FER_EIO: "FILE: reason". */
int autoscale__file_read(struct arena *a, const char *path, struct str *out, struct fault *f);

/* What KEDA's admission webhook and operator refuse of one that could be read. */
void autoscale__check_scaled_object(const struct scaled_object *so, struct complaints *c);

#endif
