// Command scaler runs KEDA's own prometheus scaler, as the KEDA operator does, on requests read from
// standard input: one JSON object a line in, one a line out.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	v2 "k8s.io/api/autoscaling/v2"

	"github.com/kedacore/keda/v2/pkg/scalers"
	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
)

type request struct {
	Metadata   map[string]string `json:"metadata"`   // triggers[0].metadata
	Auth       map[string]string `json:"auth"`       // what the TriggerAuthentication resolves to
	MetricType string            `json:"metricType"` // "" or AverageValue or Value
	Canned     *canned           `json:"canned"`     // what a server answers that this program runs
}

type canned struct {
	Status int    `json:"status"`
	Body   string `json:"body"`
}

type answer struct {
	Stage       string  `json:"stage"` // where it ended: build, poll or done
	Error       string  `json:"error,omitempty"`
	Active      bool    `json:"active"`
	MetricName  string  `json:"metricName,omitempty"`
	Milli       int64   `json:"milli"` // the metric value that the HPA gets, in thousandths
	Target      string  `json:"target,omitempty"`
	TargetMilli int64   `json:"targetMilli"`
	Seconds     float64 `json:"seconds"`
}

func poll(r request) answer {
	config := &scalersconfig.ScalerConfig{
		ScalableObjectName:      "prometheus-scaler",
		ScalableObjectNamespace: "keda-demo",
		ScalableObjectType:      "ScaledObject",
		GlobalHTTPTimeout:       3 * time.Second,
		TriggerType:             "prometheus",
		TriggerMetadata:         r.Metadata,
		AuthParams:              r.Auth,
		MetricType:              v2.MetricTargetType(r.MetricType),
	}
	scaler, err := scalers.NewPrometheusScaler(config)
	if err != nil {
		return answer{Stage: "build", Error: err.Error()}
	}
	ctx := context.Background()
	defer scaler.Close(ctx)

	spec := scaler.GetMetricSpecForScaling(ctx)[0].External
	target, milli := "", int64(0)
	if spec.Target.AverageValue != nil {
		target, milli = "average "+spec.Target.AverageValue.String(), spec.Target.AverageValue.MilliValue()
	} else if spec.Target.Value != nil {
		target, milli = "value "+spec.Target.Value.String(), spec.Target.Value.MilliValue()
	}
	begin := time.Now()
	metrics, active, err := scaler.GetMetricsAndActivity(ctx, spec.Metric.Name)
	seconds := time.Since(begin).Seconds()
	if err != nil {
		return answer{Stage: "poll", Error: err.Error(), Active: active, Seconds: seconds}
	}
	return answer{Stage: "done", Active: active, MetricName: metrics[0].MetricName,
		Milli: metrics[0].Value.MilliValue(), Target: target,
		TargetMilli: milli, Seconds: seconds}
}

// cannedServer answers with what the request at hand has for it.
func cannedServer(now **canned) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader((*now).Status)
		_, _ = w.Write([]byte((*now).Body))
	}))
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	var now *canned
	server := cannedServer(&now)
	defer server.Close()
	for in.Scan() {
		var r request
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			fmt.Fprintln(os.Stderr, "scaler:", err)
			os.Exit(2)
		}
		if r.Canned != nil && strings.TrimSpace(r.Metadata["serverAddress"]) != "" {
			now = r.Canned
			r.Metadata["serverAddress"] = server.URL
		}
		if err := out.Encode(poll(r)); err != nil {
			os.Exit(1)
		}
	}
}
