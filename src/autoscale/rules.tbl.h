/*
 * rules.tbl.h - what changed from version to version, a row each: field of struct autoscale_rules,
 * the product, the first version with it, the first one without it (0: none yet), where it is from.
 * Not a header: included where X is defined.
 */
// clang-format off
X(nan_is_no_value,          keda, 22000, 0,     "prometheus_scaler.go: math.IsNaN beside math.IsInf")
X(says_promtheus,           keda, 0,     21800, "prometheus_scaler.go: \"promtheus query returns\"")
X(quantities_round,         keda, 22000, 0,     "scaler.go: quantityFromFloat64; before, int64(value * 1000)")
X(negatives_are_zero,       keda, 22002, 0,     "scaler.go: quantityFromFloat64")
X(timeouts_have_units,      keda, 21800, 0,     "prometheus_scaler.go: Timeout is a time.Duration; before, an int")
X(body_in_errors,           keda, 0,     22000, "prometheus_scaler.go: \"response: %s\"")
X(polls_count_failures,     keda, 21900, 0,     "scale_handler.go: getScalerState calls GetMetricsWithFallback")
X(fallback_activates,       keda, 21900, 0,     "scale_handler.go: isActiveOrFallback")
X(fallback_of_values,       keda, 21800, 0,     "fallback.go: metricType Value; targets are no longer cut to integers")
X(fallback_by_formula,      keda, 22000, 0,     "scaledobject_types.go: FallbackBehaviorScalingModifiers")
X(hpa_condition,            keda, 22002, 0,     "scale_scaledobjects.go: checkHPAHealth")
X(pauses_one_way,           keda, 21800, 0,     "scaledobject_types.go: PausedScaleInAnnotation and its like")
X(tolerance_is_an_interval, k8s,  133,   0,     "replica_calculator.go: Tolerances.isWithin")
X(tolerance_by_behavior,    k8s,  135,   0,     "kube_features.go: HPAConfigurableTolerance is on by default")
// clang-format on
