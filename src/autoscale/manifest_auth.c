/*
 * manifest_auth.c - what a TriggerAuthentication says of itself.
 *
 * Fields are those of KEDA v2.20.2: apis/keda/v1alpha1/triggerauthentication_types.go, checks those
 * of its webhook.
 */
#include "ferula/base/check.h"
#include "manifest_priv.h"

/* ---- references to secrets, config maps and environment variables -------------------------- */

static const struct field key_ref_fields[] = {
    {"parameter", FIELD_ANY, 0, true, 0, 0, NULL, autoscale__only_text},
    {"name",      FIELD_ANY, 0, true, 0, 0, NULL, autoscale__only_text},
    {"key",       FIELD_ANY, 0, true, 0, 0, NULL, autoscale__only_text},
};

static const struct field env_fields[] = {
    {"parameter",     FIELD_ANY, 0, true,  0, 0, NULL, autoscale__only_text},
    {"name",          FIELD_ANY, 0, true,  0, 0, NULL, autoscale__only_text},
    {"containerName", FIELD_ANY, 0, false, 0, 0, NULL, autoscale__only_text},
};

static void read_list(struct reading *r, const struct tree *list, const struct field *fields,
                      size_t n)
{
    for (size_t i = 0; i < list->n; i++) {
        size_t before = autoscale__path_push_index(r, i);

        if (autoscale__is(r, list->items[i], TREE_MAP))
            autoscale__fields(r, list->items[i], fields, n, NULL);
        autoscale__path_pop(r, before);
    }
}

static void read_key_refs(struct reading *r, const struct tree *list, void *target)
{
    (void)target;
    read_list(r, list, key_ref_fields, COUNT(key_ref_fields));
}

static void read_env(struct reading *r, const struct tree *list, void *target)
{
    (void)target;
    read_list(r, list, env_fields, COUNT(env_fields));
}

/* ---- podIdentity ------------------------------------------------------------------------ */

static const char *const providers[] = {"azure-workload", "gcp", "aws", "aws-eks", "none", NULL};
static const char *const owners[] = {"keda", "workload", NULL};

struct identity {
    struct text_at id, tenant, authority_host, role, external_id;
    int provider, owner;
};

#define IDENTITY(name, kind, member, required, choices)                                            \
    {                                                                                              \
        name, kind, offsetof(struct identity, member), required, 0, 0, choices, NULL               \
    }

static const struct field identity_fields[] = {
    IDENTITY("provider", FIELD_CHOICE, provider, true, providers),
    IDENTITY("identityId", FIELD_TEXT, id, false, NULL),
    IDENTITY("identityTenantId", FIELD_TEXT, tenant, false, NULL),
    IDENTITY("identityAuthorityHost", FIELD_TEXT, authority_host, false, NULL),
    IDENTITY("roleArn", FIELD_TEXT, role, false, NULL),
    IDENTITY("externalID", FIELD_TEXT, external_id, false, NULL),
    IDENTITY("identityOwner", FIELD_CHOICE, owner, false, owners),
};

static bool is_empty(const struct text_at *text)
{
    return text->at.line > 0 && text->s.n == 0;
}

static void check_azure(const struct identity *id, struct complaints *c)
{
    if (is_empty(&id->id))
        complain(c, id->id.at, true,
                 "identityId of PodIdentity should not be empty. If it's set, identityId has to "
                 "be different than \"\"");
    if (id->authority_host.s.n > 0 && id->tenant.s.n == 0)
        complain(c, id->authority_host.at, true,
                 "identityTenantID of PodIdentity should not be nil or empty when "
                 "identityAuthorityHost of PodIdentity is set");
    else if (is_empty(&id->tenant))
        complain(c, id->tenant.at, true,
                 "identityTenantId of PodIdentity should not be empty. If it's set, "
                 "identityTenantId has to be different than \"\"");
}

static void check_aws(const struct identity *id, struct complaints *c)
{
    if (id->role.s.n > 0 && str_is(str_of(owners[id->owner]), "workload"))
        complain(c, id->role.at, true,
                 "roleArn of PodIdentity can't be set if KEDA isn't identityOwner");
    else if (id->external_id.s.n > 0 && id->role.s.n == 0)
        complain(c, id->external_id.at, true,
                 "externalID of PodIdentity requires roleArn to be set");
}

static void read_identity(struct reading *r, const struct tree *t, void *target)
{
    const struct tree *provider = autoscale__tree_get(t, "provider");
    struct trigger_auth *out = target;
    struct identity id = {0};

    autoscale__fields(r, t, identity_fields, COUNT(identity_fields), &id);
    out->identity_id = id.id;
    if (provider == NULL || provider->kind != TREE_TEXT)
        return;
    out->provider = (struct text_at){provider->text, provider->at};
    if (str_is(out->provider.s, "azure-workload"))
        check_azure(&id, r->complaints);
    else if (str_is(out->provider.s, "aws"))
        check_aws(&id, r->complaints);
}

/* ---- the object ------------------------------------------------------------------------- */

#define AUTH(name, kind, read)                                                                     \
    {                                                                                              \
        name, kind, 0, false, 0, 0, NULL, read                                                     \
    }

static const struct field auth_fields[] = {
    AUTH("podIdentity", FIELD_OBJECT, read_identity),
    AUTH("secretTargetRef", FIELD_LIST, read_key_refs),
    AUTH("configMapTargetRef", FIELD_LIST, read_key_refs),
    AUTH("env", FIELD_LIST, read_env),
    AUTH("filePath", FIELD_ANY, autoscale__only_text),
    AUTH("hashiCorpVault", FIELD_ANY, NULL),
    AUTH("azureKeyVault", FIELD_ANY, NULL),
    AUTH("gcpSecretManager", FIELD_ANY, NULL),
    AUTH("awsSecretManager", FIELD_ANY, NULL),
    AUTH("boundServiceAccountToken", FIELD_ANY, NULL),
    AUTH("oauth2", FIELD_ANY, NULL),
};

void autoscale__read_auth(struct reading *r, const struct tree *object, struct trigger_auth *out)
{
    const struct tree *spec = autoscale__tree_get(object, "spec");
    struct object_meta meta = {0};

    out->at = object->at;
    autoscale__read_meta(r, object, &meta);
    out->name = meta.name;
    out->ns = meta.ns;
    (void)autoscale__path_push(r, "spec");
    if (spec == NULL || spec->kind == TREE_NULL)
        autoscale__refuse(r, object->at, "Required value");
    else if (autoscale__is(r, spec, TREE_MAP))
        autoscale__fields(r, spec, auth_fields, COUNT(auth_fields), out);
}
