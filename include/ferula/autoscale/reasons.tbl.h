/*
 * reasons.tbl.h - the rules that decide a replica count, a row each: name, what it says to a person,
 * where it is from. Not a header: included many times.
 */
// clang-format off
R(None,                   "nothing had to change", "")
/* HPA: names of its conditions */
R(DesiredWithinRange,     "the proposal itself", "horizontal.go")
R(ReadyForNewScale,       "the proposal is what there is", "horizontal.go")
R(WithinTolerance,        "the ratio to the target is within the tolerance", "replica_calculator.go")
R(ScaleDownStabilized,    "held by the highest recommendation of the stabilization window", "horizontal.go")
R(ScaleUpStabilized,      "held by the lowest recommendation of the stabilization window", "horizontal.go")
R(ScaleUpLimit,           "growing no faster than the scale-up limit", "horizontal.go")
R(ScaleDownLimit,         "shrinking no faster than the scale-down policies", "horizontal.go")
R(TooManyReplicas,        "maxReplicaCount", "horizontal.go")
R(TooFewReplicas,         "minReplicaCount, of which an HPA has at least 1", "horizontal.go")
R(AboveMaxReplicas,       "more than maxReplicaCount: cut at once", "horizontal.go")
R(BelowMinReplicas,       "fewer than minReplicaCount: raised at once", "horizontal.go")
R(ScalingDisabled,        "at 0 replicas an HPA does nothing", "horizontal.go")
R(FailedGetExternalMetric, "the metric could not be had, so nothing changes", "horizontal.go")
/* KEDA */
R(Activated,              "a trigger is active: from 0 to the minimum", "scale_scaledobjects.go")
R(ForceActivated,         "the annotation force-activation", "scale_scaledobjects.go")
R(FallbackActivated,      "a fallback is in force and counts as active", "fallback.go")
R(Deactivated,            "no trigger was active for cooldownPeriod: straight to 0", "scale_scaledobjects.go")
R(DeactivatedInitially,   "no trigger has been active since initialCooldownPeriod", "scale_scaledobjects.go")
R(Idled,                  "no trigger was active for cooldownPeriod: to idleReplicaCount", "scale_scaledobjects.go")
R(ScalerCooldown,         "waiting for cooldownPeriod", "scale_scaledobjects.go")
R(ScalerActive,           "a trigger is active", "scale_scaledobjects.go")
R(ScalerNotActive,        "no trigger is active, and KEDA itself never goes below minReplicaCount", "scale_scaledobjects.go")
R(RaisedToMin,            "fewer than minReplicaCount: raised by KEDA", "scale_scaledobjects.go")
R(TriggerError,           "the trigger cannot be asked", "scale_scaledobjects.go")
R(PartialTriggerError,    "some triggers cannot be asked", "scale_scaledobjects.go")
R(FallbackInForce,        "a fallback is in force", "fallback.go")
R(Paused,                 "paused by annotation", "scaledobject_controller.go")
R(PausedReplicas,         "paused at the annotation's number of replicas", "scaledobject_controller.go")
// clang-format on
