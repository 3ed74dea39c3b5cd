// Command calls makes every call of client_golang's Prometheus API client that ferula serves, and
// prints one JSON object: call -> {"value": ..., "warnings": [...], "error": "..."}.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// What client_golang itself calls the least and the largest time that Prometheus understands.
var (
	minTime = time.Unix(math.MinInt64/1000+62135596801, 0).UTC()
	maxTime = time.Unix(math.MaxInt64/1000-62135596801, 999999999).UTC()
)

type outcome struct {
	Type     string      `json:"type,omitempty"`
	Value    interface{} `json:"value,omitempty"`
	Warnings v1.Warnings `json:"warnings,omitempty"`
	Error    string      `json:"error,omitempty"`
	Kind     string      `json:"kind,omitempty"`
}

func report(value interface{}, warnings v1.Warnings, err error) outcome {
	o := outcome{Value: value, Warnings: warnings}
	if m, ok := value.(model.Value); ok && err == nil {
		o.Type = m.Type().String()
	}
	if err != nil {
		o = outcome{Error: err.Error()}
		var e *v1.Error
		if errors.As(err, &e) {
			o.Kind = string(e.Type)
		}
	}
	return o
}

func main() {
	client, err := api.NewClient(api.Config{Address: os.Args[1]})
	if err != nil {
		panic(err)
	}
	at, err := time.Parse(time.RFC3339, os.Args[2])
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c := v1.NewAPI(client)
	out := map[string]outcome{}
	span := v1.Range{Start: at.Add(-5 * time.Minute), End: at, Step: 15 * time.Second}
	up := []string{"demo_requests_total"}

	query := func(name, text string, options ...v1.Option) {
		value, warnings, err := c.Query(ctx, text, at, options...)
		out[name] = report(value, warnings, err)
	}
	query("query vector", "demo_requests_total")
	query("query matrix", "demo_requests_total[1m]")
	query("query scalar", "1.5")
	query("query string", `"text"`)
	query("query limit", "demo_requests_total", v1.WithLimit(1))
	query("query options", "demo_requests_total", v1.WithTimeout(10*time.Second),
		v1.WithLookbackDelta(time.Minute), v1.WithStats(v1.AllStatsValue))
	query("query parse error", "sum(")
	query("query execution error", "demo_requests_total * on() demo_requests_total")

	rangeValue, warnings, err := c.QueryRange(ctx, "sum(rate(demo_requests_total[1m]))", span)
	out["query_range"] = report(rangeValue, warnings, err)
	_, warnings, err = c.QueryRange(ctx, "up", v1.Range{Start: at.Add(-time.Hour * 24), End: at,
		Step: time.Second})
	out["query_range too fine"] = report(nil, warnings, err)

	names, warnings, err := c.LabelNames(ctx, up, span.Start, span.End)
	out["labels"] = report(names, warnings, err)
	names, warnings, err = c.LabelNames(ctx, nil, time.Time{}, time.Time{})
	out["labels of all"] = report(names, warnings, err)
	values, warnings, err := c.LabelValues(ctx, "pod", up, span.Start, span.End)
	out["label values"] = report(values, warnings, err)
	values, warnings, err = c.LabelValues(ctx, "pod", nil, minTime, maxTime)
	out["label values of all time"] = report(values, warnings, err)
	sets, warnings, err := c.Series(ctx, up, span.Start, span.End)
	out["series"] = report(sets, warnings, err)

	exemplars, err := c.QueryExemplars(ctx, "rate(with_exemplar_total[5m])", span.Start, span.End)
	out["exemplars"] = report(exemplars, nil, err)

	metadata, err := c.Metadata(ctx, "", "")
	out["metadata"] = report(metadata, nil, err)
	metadata, err = c.Metadata(ctx, "demo_requests_total", "1")
	out["metadata of one"] = report(metadata, nil, err)
	build, err := c.Buildinfo(ctx)
	out["buildinfo"] = report(build, nil, err)
	runtime, err := c.Runtimeinfo(ctx)
	out["runtimeinfo"] = report(runtime, nil, err)
	flags, err := c.Flags(ctx)
	out["flags"] = report(flags, nil, err)

	encoder := json.NewEncoder(os.Stdout)
	if err := encoder.Encode(out); err != nil {
		os.Exit(1)
	}
}
