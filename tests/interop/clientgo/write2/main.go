// Command write2 sends with client_golang's remote-write API (exp/api/remote), remote write 2.0, first a
// good request and then one with a bad part: write2 URL MILLISECONDS. It prints what the server said.
package main

import (
	"context"
	"encoding/json"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/exp/api/remote"
	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"
)

type outcome struct {
	Samples, Histograms, Exemplars int
	Error                          string
}

// good is one series of each kind, both with metadata, the first with an exemplar.
func good(now int64) *writev2.Request {
	symbols := writev2.NewSymbolTable()
	refs := func(labels ...string) []uint32 { return symbols.SymbolizeLabels(labels, nil) }
	counter := &writev2.TimeSeries{
		LabelsRefs: refs("__name__", "written_total", "by", "client_golang"),
		Samples:    []*writev2.Sample{{Value: 1, Timestamp: now - 1000}, {Value: 2, Timestamp: now}},
		Exemplars: []*writev2.Exemplar{
			{LabelsRefs: refs("trace_id", "abc"), Value: 0.5, Timestamp: now - 1}},
		Metadata: &writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_COUNTER,
			HelpRef: symbols.Symbolize("Things written."), UnitRef: symbols.Symbolize("things")},
	}
	latency := &writev2.TimeSeries{
		LabelsRefs: refs("__name__", "written_seconds"),
		Histograms: []*writev2.Histogram{{
			Count: &writev2.Histogram_CountInt{CountInt: 6}, Sum: 4.5, Schema: 0, ZeroThreshold: 0.001,
			ZeroCount:      &writev2.Histogram_ZeroCountInt{ZeroCountInt: 1},
			PositiveSpans:  []*writev2.BucketSpan{{Offset: 0, Length: 2}},
			PositiveDeltas: []int64{2, 1},
			Timestamp:      now,
		}},
		Metadata: &writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_HISTOGRAM},
	}
	return &writev2.Request{Timeseries: []*writev2.TimeSeries{counter, latency},
		Symbols: symbols.Symbols()}
}

// bad has a good sample, and one that is older than it.
func bad(now int64) *writev2.Request {
	symbols := writev2.NewSymbolTable()
	series := &writev2.TimeSeries{
		LabelsRefs: symbols.SymbolizeLabels([]string{"__name__", "partly"}, nil),
		Samples:    []*writev2.Sample{{Value: 1, Timestamp: now}, {Value: 2, Timestamp: now - 1000}},
	}
	return &writev2.Request{Timeseries: []*writev2.TimeSeries{series}, Symbols: symbols.Symbols()}
}

func main() {
	now, err := strconv.ParseInt(os.Args[2], 10, 64)
	if err != nil {
		panic(err)
	}
	api, err := remote.NewAPI(os.Args[1], remote.WithAPIPath("api/v1/write"))
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out := map[string]outcome{}
	for name, request := range map[string]*writev2.Request{"good": good(now), "bad": bad(now)} {
		stats, err := api.Write(ctx, remote.WriteV2MessageType, request)
		one := outcome{Samples: stats.Samples, Histograms: stats.Histograms, Exemplars: stats.Exemplars}
		if err != nil {
			one.Error = err.Error()
		}
		out[name] = one
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		os.Exit(1)
	}
}
