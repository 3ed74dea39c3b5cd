/*
 * lint.tbl.h - the rules of `ferula lint`, a row each: id, severity, a line, and the help page:
 * what is wrong, which rule of KEDA, the HPA or Azure is behind it, an example, and how to mend it.
 * Not a header: included many times. docs/lint.md is written from it.
 */
// clang-format off
L(FER001, WARNING, "cooldownPeriod does nothing",
  "cooldownPeriod is set, but minReplicaCount is 1 or more and idleReplicaCount is not set.",
  "KEDA itself scales only between 0 (or idleReplicaCount) and the minimum, and cooldownPeriod\n"
  "delays only that step (pkg/scaling/executor). From the maximum down to the minimum the HPA\n"
  "scales, and it waits for its stabilization window: the highest recommendation of the last 300 s\n"
  "counts. KEDA 2.20's admission webhook warns of it, too.",
  "    minReplicaCount: 1\n    cooldownPeriod: 90     # scale-in still takes 5 minutes and more",
  "set advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds to what\n"
  "was meant, and leave cooldownPeriod out.")
L(FER002, ERROR, "a window holds fewer than two samples",
  "rate(), increase(), delta() and the like over a window shorter than two scrape intervals.",
  "These functions need two samples in the window. With fewer there is no result, KEDA takes an\n"
  "empty answer for 0 (ignoreNullValues is true by default), and the HPA scales in under load. At\n"
  "exactly two intervals one missed scrape has the same effect. The interval is that of\n"
  "--scrape-interval (15 s); the Azure Monitor add-on scrapes every 30 s unless told otherwise.",
  "    query: sum(rate(http_requests_total[15s]))",
  "make the window four scrape intervals or more: [1m] at 15 s, [2m] at 30 s.")
L(FER003, WARNING, "the result may have several elements",
  "It cannot be proven from the query alone that its result is one element or none.",
  "KEDA refuses an answer of several elements: \"prometheus query ... returned multiple elements\"\n"
  "(pkg/scalers/prometheus_scaler.go). Often all is well until a second pod, job or scraper adds a\n"
  "series; then the ScaledObject is not Ready and the replicas stay as they are.",
  "    query: rate(http_requests_total[2m])            # an element a pod\n"
  "    query: sum by (route) (rate(x_total[2m]))       # an element a route",
  "aggregate without grouping: sum(...), max(...). Grouping by a label that a matcher fixes with =\n"
  "is understood.")
L(FER004, WARNING, "an outage of the metric scales to zero",
  "The object scales to 0, and ignoreNullValues is true, which is the default.",
  "Prometheus answers a query for series that are gone with 200 and an empty list. With\n"
  "ignoreNullValues KEDA takes that for 0: not active. After cooldownPeriod it scales to 0, however\n"
  "many requests there are. A fallback does not help, as nothing failed.",
  "    minReplicaCount: 0\n    triggers:\n    - type: prometheus\n"
  "      metadata: {query: sum(rate(x_total[2m])), ...}   # no ignoreNullValues",
  "ignoreNullValues: \"false\" in the trigger's metadata, and spec.fallback for how many replicas\n"
  "there are meanwhile. A series that is absent at 0 replicas needs `or vector(0)` then.")
L(FER005, WARNING, "the result may be NaN",
  "A division whose divisor may be 0, or histogram_quantile() without observations.",
  "0/0 is NaN, x/0 is Inf. Since 2.20 KEDA takes NaN for 0 when ignoreNullValues is true, and\n"
  "reports an error otherwise; before, NaN became a huge negative quantity, and what the HPA made\n"
  "of that depended on the machine. `or vector(0)` does not help: NaN is a value, too.",
  "    query: sum(rate(errors_total[2m])) / sum(rate(requests_total[2m]))",
  "divide by (... > 0): then the result is empty while there is nothing to divide by, and\n"
  "`or vector(0)` says what that stands for.")
L(FER006, ERROR, "the result is no vector",
  "The query's type is scalar, string or range vector.",
  "KEDA decodes data.result as a list of elements with a `value`. A scalar or string is a pair of\n"
  "time and value there: each poll ends with an error of decoding. The elements of a range vector\n"
  "have `values` instead, so each counts as empty.",
  "    query: scalar(sum(rate(http_requests_total[2m])))\n    query: time() % 3600",
  "vector(...) around a scalar; leave scalar() out; a function over the range vector.")
L(FER007, ERROR, "Azure Monitor refuses the query",
  "A selector names no metric, and the query is for Azure Monitor: by --azure or by serverAddress.",
  "Azure Monitor managed service for Prometheus wants a matcher __name__=\"...\" for each series that\n"
  "is fetched, and one metric for each; {job=\"x\"} alone, or a regular expression of names, is\n"
  "refused. Prometheus itself takes both, so that it works on a laptop only.",
  "    query: sum({__name__=~\"http_.*_total\",job=\"api\"})",
  "write each metric's name in front of its braces, and join several with `or` or +.")
L(FER008, WARNING, "names differ only by case",
  "Two metrics, labels or label values of the object's queries differ only by case.",
  "Azure Monitor stores and matches without regard to case: what differs only by case is one series\n"
  "there, and which of two samples of one time is kept is not defined. Prometheus keeps them apart,\n"
  "so the numbers differ between a laptop and the cloud.",
  "    query: sum(rate(http_requests_total{env=\"Prod\"}[2m]))\n"
  "           + sum(rate(jobs_total{env=\"prod\"}[2m]))",
  "write each name and value the same way everywhere, and export it so.")
L(FER009, WARNING, "a counter without rate()",
  "The value of a counter (..._total, ..._bucket) itself is what is scaled by.",
  "A counter grows for as long as its pod lives. Its sum has nothing to do with the present load: it\n"
  "grows until maxReplicaCount is reached, and falls only when pods go, which is when the HPA scales\n"
  "in again.",
  "    query: sum(http_requests_total)",
  "sum(rate(http_requests_total[2m])). rate() goes inside, sum() outside.")
L(FER010, WARNING, "rate() of a gauge",
  "rate(), irate() or increase() of a metric that looks like a gauge by the end of its name.",
  "These functions take each fall of the value for the restart of a counter and add what was there\n"
  "before. Of a queue that goes 10, 0, 10, 0 they make steady growth.",
  "    query: sum(rate(queue_depth[2m]))",
  "scale by the value itself, max() or sum(), by avg_over_time(), or by deriv() for its trend.")
L(FER011, ERROR, "serverAddress ends in /api/v1",
  "The path of the API is part of serverAddress.",
  "KEDA adds /api/v1/query to serverAddress as it is. With /api/v1 there already it asks for\n"
  "/api/v1/api/v1/query, which is 404. Portals and scripts show the address both ways.",
  "    serverAddress: https://x.eastus.prometheus.monitor.azure.com/api/v1",
  "leave /api/v1 out. A prefix in front of it (a tenant, a project) stays.")
L(FER012, WARNING, "maxReplicaCount cannot be reached",
  "The query's value has an upper bound, and bound / threshold is less than maxReplicaCount.",
  "For metricType AverageValue the HPA's proposal is ceil(value / threshold). clamp_max(), a\n"
  "comparison with bool or a constant limits the value, and so the replicas.",
  "    query: clamp_max(sum(rate(x_total[2m])), 50)\n    threshold: \"10\"          # 5 replicas\n"
  "    maxReplicaCount: 20",
  "lower the threshold, raise the bound, or lower maxReplicaCount to what is meant.")
L(FER013, NOTE, "the step to zero passes over scaleDown",
  "The object scales to 0 (or idleReplicaCount) and has a behavior.scaleDown.",
  "behavior is the HPA's. The step to 0 is KEDA's: cooldownPeriod after the last poll that was\n"
  "active it sets 0 at once, from however many replicas there are then. No policy and no\n"
  "stabilization window holds it back.",
  "    minReplicaCount: 0\n    cooldownPeriod: 60\n    advanced: {horizontalPodAutoscalerConfig: {behavior:\n"
  "      {scaleDown: {policies: [{type: Pods, value: 1, periodSeconds: 60}]}}}}",
  "make cooldownPeriod longer than scaling in takes by the policies, or keep one replica.")
L(FER014, ERROR, "a placeholder is not filled in",
  "{{ X }}, <X> in capitals or ${X} is left in a value.",
  "Files are meant to go through sed, envsubst or Helm first. What is left reaches KEDA as text:\n"
  "serverAddress then has no scheme, and each poll ends with an error. What was filled in with\n"
  "nothing is empty, and KEDA says: missing required parameter \"serverAddress\" in\n"
  "[triggerMetadata].",
  "    serverAddress: {{ PROMETHEUS_QUERY_ENDPOINT }}\n    identityId: <CLIENT_ID>",
  "fill it in before linting; or --disable FER014 to lint the template itself.")
L(FER015, ERROR, "KEDA or the API server refuses it",
  "A field is missing, of the wrong type or out of its bounds, or a check of KEDA's webhook fails.",
  "The text is the one that KEDA v2.20.2 or the API server has for it. Most common: a number or a\n"
  "truth value where metadata wants text, as all values of a trigger's metadata are strings.",
  "    metadata:\n      threshold: 10           # must be \"10\"",
  "do what the text says. Quote values in metadata, labels and annotations.")
L(FER016, WARNING, "odd in the manifest",
  "A field that KEDA does not know, or an object that is in a file twice.",
  "kubectl refuses unknown fields (strict decoding); Helm, Argo CD and older versions pass them on,\n"
  "and the API server drops them: the setting has no effect and nothing tells. Of two objects of one\n"
  "name the later one wins.",
  "    spec:\n      minReplicas: 2          # minReplicaCount is meant",
  "correct the name of the field, or leave it out.")
L(FER017, ERROR, "the query does not parse",
  "The query is no PromQL. The place is the one in the file, the text has the one in the query.",
  "Prometheus answers 400 to each poll: \"prometheus query api returned error. status: 400\". KEDA\n"
  "does not check the query when the object is made, so it is accepted, and never Ready.",
  "    query: sum(rate(http_requests_total[2m])",
  "mend the syntax; `ferula query instant URL 'EXPR'` tries it.")
L(FER018, WARNING, "authentication is missing",
  "Azure Monitor is asked without authenticationRef, or the reference is to nothing in the files.",
  "Azure Monitor answers 401 without a token. A TriggerAuthentication that is not found is only\n"
  "logged by KEDA's operator; the trigger then asks without authentication.",
  "    serverAddress: https://x.eastus.prometheus.monitor.azure.com\n"
  "    # no authenticationRef",
  "add a TriggerAuthentication with podIdentity.provider azure-workload, in the namespace of the\n"
  "ScaledObject, and authenticationRef.name. Give lint both files.")
L(FER019, WARNING, "the token goes over plain http",
  "serverAddress is http://, and the trigger authenticates with azure-workload.",
  "KEDA sets the Authorization header whatever the scheme is. Over http:// a token that reads all\n"
  "metrics of the workspace is sent in the clear, and Azure Monitor itself is https only.",
  "    serverAddress: http://prometheus.example.com\n    authenticationRef: {name: azure}",
  "https://. To a stand-in inside the cluster http is fine: --disable FER019.")
L(FER020, NOTE, "pollingInterval does nothing for scaling",
  "pollingInterval is set, but minReplicaCount is 1 or more, idleReplicaCount is not set, and no\n"
  "trigger has useCachedMetrics.",
  "KEDA's polls decide only whether to leave 0 (or idleReplicaCount). Between the minimum and the\n"
  "maximum the HPA decides, which asks KEDA every 15 s, and each time KEDA asks Prometheus. KEDA\n"
  "2.20's admission webhook warns of it. It does set how often the conditions are updated.",
  "    minReplicaCount: 1\n    pollingInterval: 5",
  "leave it out.")
L(FER021, WARNING, "idleReplicaCount above zero is not held",
  "idleReplicaCount is not 0.",
  "An HPA leaves a target alone only at 0 replicas. At idleReplicaCount 1 and minReplicaCount 3 it\n"
  "sees fewer than its minimum and raises the target at its next sync; KEDA lowers it again at the\n"
  "next poll.",
  "    idleReplicaCount: 1\n    minReplicaCount: 3",
  "idleReplicaCount: 0, or leave it out and lower minReplicaCount.")
L(FER022, WARNING, "fallback flaps with useCachedMetrics",
  "The object has a fallback, and the trigger useCachedMetrics.",
  "A poll that fails stores the fallback's value in the cache, without an error. The HPA's next\n"
  "request is answered from the cache, which counts as a success: it may set the failures back to 0, so\n"
  "that the fallback ends until the threshold is passed again. Beside scalingModifiers the cached value\n"
  "goes by the name composite-metric: to the formula the trigger is nil.",
  "    fallback: {failureThreshold: 3, replicas: 6}\n    triggers:\n    - useCachedMetrics: true",
  "use one of the two.")
L(FER023, ERROR, "a target is scaled by two objects",
  "Another ScaledObject or an HPA has the same target: in the same file, or of a namespace that both\n"
  "name.",
  "Two controllers would set the same replicas against each other. KEDA's webhook refuses the second\n"
  "ScaledObject: \"the workload ... is already managed by ...\"; where it is not installed they fight.",
  "    # two ScaledObjects, both with\n    scaleTargetRef: {name: sample-app}",
  "one ScaledObject with several triggers: the HPA takes the largest proposal of them. An HPA is\n"
  "taken over with the annotation scaledobject.keda.sh/transfer-hpa-ownership.")
L(FER024, WARNING, "there is nothing to scale",
  "minReplicaCount is maxReplicaCount.",
  "The HPA keeps its target between the two, whatever the metric says.",
  "    minReplicaCount: 5\n    maxReplicaCount: 5",
  "raise maxReplicaCount. To hold a number for a while there is the annotation\n"
  "autoscaling.keda.sh/paused-replicas.")
L(FER025, WARNING, "fallback.replicas is out of bounds",
  "fallback.replicas is less than minReplicaCount or more than maxReplicaCount.",
  "A fallback is a value that the HPA is told: threshold x replicas. The HPA keeps its target within\n"
  "its bounds as ever, so the number written is not what comes of it.",
  "    maxReplicaCount: 10\n    fallback: {failureThreshold: 3, replicas: 20}",
  "choose a number between the two.")
L(FER026, NOTE, "activationThreshold does nothing",
  "activationThreshold is set, but minReplicaCount is 1 or more and idleReplicaCount is not set.",
  "A trigger is active when its value is above activationThreshold, and that decides only about the\n"
  "step from 0 (or idleReplicaCount). Otherwise it shows in the column ACTIVE and nowhere else.",
  "    minReplicaCount: 1\n    activationThreshold: \"5\"",
  "leave it out, or set minReplicaCount to 0.")
L(FER027, WARNING, "the trigger does not know the parameter",
  "A key in the metadata of a prometheus trigger that its scaler does not read.",
  "KEDA passes over unknown keys, so a misspelt one has no effect, and the default holds. metricName\n"
  "was needed before KEDA 2.10 and means nothing since.",
  "    metadata:\n      ignoreNullValue: \"false\"    # ignoreNullValues is meant",
  "correct the name, or leave it out.")
// clang-format on
