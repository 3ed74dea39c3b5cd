// Command sender writes samples of every kind into a TSDB of Prometheus' own, whose remote-write queue
// sends them on: sender URL 1|2 DIRECTORY. Once all was sent, or after a minute, it prints one JSON
// object: when the samples begin, and what the queue counted.
//
// The queue takes only what is newer than itself, so the samples lie in the next four minutes; receivers
// take ten.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"os"
	"time"

	remoteapi "github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/client_golang/prometheus"
	config_util "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/metadata"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

const (
	steps      = 48
	restart    = 30 // the step at which counters begin anew
	stepMs     = 5000
	patience   = time.Minute
	flushLimit = 10 * time.Second
)

// One appended sample; h and fh are nil when it is the float v.
type sample struct {
	v  float64
	h  *histogram.Histogram
	fh *histogram.FloatHistogram
}

type family struct {
	name, help, unit string
	kind             model.MetricType
	started          bool // its samples have a start timestamp
	at               func(step int) sample
	exemplars        bool
}

// Observations fill the buckets around the one that moves with the step.
func exponential(step int) *histogram.Histogram {
	n := int64(step)
	return &histogram.Histogram{
		Schema:          3,
		ZeroThreshold:   0.001,
		ZeroCount:       uint64(n),
		Count:           uint64(n + 4*(10+n) + 2*n + 3),
		Sum:             12.5 * float64(n),
		PositiveSpans:   []histogram.Span{{Offset: -2, Length: 2}, {Offset: 3, Length: 2}},
		PositiveBuckets: []int64{10 + n, 0, 0, 0},
		NegativeSpans:   []histogram.Span{{Offset: 1, Length: 2}},
		NegativeBuckets: []int64{n, 3},
	}
}

func custom(step int) *histogram.Histogram {
	n := int64(step)
	return &histogram.Histogram{
		Schema:          histogram.CustomBucketsSchema,
		Count:           uint64(4*n + 6),
		Sum:             3.25 * float64(n),
		PositiveSpans:   []histogram.Span{{Offset: 0, Length: 2}, {Offset: 1, Length: 2}},
		PositiveBuckets: []int64{n, 1, 1, 1},
		CustomValues:    []float64{0.1, 0.5, 1, 2.5},
	}
}

var odd = []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 5e-324, 1e300, 1.0 / 3}

var families = []family{
	{name: "sent_requests_total", help: "Requests <served>.", kind: model.MetricTypeCounter, started: true,
		exemplars: true, at: func(i int) sample { return sample{v: float64(i%restart) * 7} }},
	{name: "sent_odd", help: "Odd numbers.", unit: "degrees", kind: model.MetricTypeGauge,
		at: func(i int) sample { return sample{v: odd[i%len(odd)]} }},
	{name: "sent_gone", kind: model.MetricTypeGauge, at: func(i int) sample {
		if i%16 > 11 {
			return sample{v: math.Float64frombits(value.StaleNaN)}
		}
		return sample{v: float64(i)}
	}},
	{name: "sent_seconds", help: "Latency.", unit: "seconds", kind: model.MetricTypeHistogram, started: true,
		exemplars: true, at: func(i int) sample { return sample{h: exponential(i)} }},
	{name: "sent_reset_seconds", kind: model.MetricTypeHistogram,
		at: func(i int) sample { return sample{h: exponential(i % 20)} }},
	{name: "sent_float_seconds", kind: model.MetricTypeHistogram, started: true, at: func(i int) sample {
		fh := exponential(i).ToFloat(nil)
		return sample{fh: fh.Mul(0.75)}
	}},
	{name: "sent_gauge_seconds", kind: model.MetricTypeGaugeHistogram, at: func(i int) sample {
		h := exponential(40 - i%7)
		h.CounterResetHint = histogram.GaugeType
		return sample{h: h}
	}},
	{name: "sent_custom_seconds", help: "Custom buckets.", kind: model.MetricTypeHistogram, started: true,
		at: func(i int) sample { return sample{h: custom(i)} }},
	{name: "sent_mixed", kind: model.MetricTypeHistogram, at: func(i int) sample {
		if i%10 < 5 {
			return sample{v: float64(i)}
		}
		return sample{h: exponential(i)}
	}},
	{name: "sent_stale_seconds", kind: model.MetricTypeHistogram, at: func(i int) sample {
		if i%16 > 11 {
			return sample{h: &histogram.Histogram{Sum: math.Float64frombits(value.StaleNaN)}}
		}
		return sample{h: exponential(i)}
	}},
}

// started is when what is counted at a step began: a minute before all, and once more in the middle.
func started(base int64, step int) int64 {
	if step < restart {
		return base - 60_000
	}
	return base + restart*stepMs - 1
}

type counts struct{ Samples, Histograms, Exemplars int }

func write(db *tsdb.DB, base int64) (counts, error) {
	var n counts
	for i := range steps {
		app := db.AppenderV2(context.Background())
		t := base + int64(i)*stepMs
		for _, f := range families {
			for _, code := range []string{"200", "500"} {
				s := f.at(i)
				opts := storage.AOptions{MetricFamilyName: f.name,
					Metadata: metadata.Metadata{Type: f.kind, Help: f.help, Unit: f.unit}}
				if f.exemplars && i%4 == 0 {
					opts.Exemplars = []exemplar.Exemplar{{Ts: t - 1, HasTs: true, Value: float64(i) / 8,
						Labels: labels.FromStrings("trace_id", fmt.Sprintf("%s-%d", code, i), "<&>", "ü")}}
				}
				st := int64(0)
				if f.started {
					st = started(base, i)
				}
				ls := labels.FromStrings("__name__", f.name, "job", "sender", "code", code)
				if _, err := app.Append(0, ls, st, t, s.v, s.h, s.fh, opts); err != nil {
					return n, fmt.Errorf("%s at step %d: %w", f.name, i, err)
				}
				n.Exemplars += len(opts.Exemplars)
				if s.h != nil || s.fh != nil {
					n.Histograms++
				} else {
					n.Samples++
				}
			}
		}
		if err := app.Commit(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// The queue's counters, summed over what else they are labelled with.
func counted(registry *prometheus.Registry) (map[string]int, error) {
	all, err := registry.Gather()
	out := map[string]int{}
	for _, f := range all {
		for _, m := range f.Metric {
			switch {
			case m.Counter != nil:
				out[f.GetName()] += int(m.Counter.GetValue())
			case m.Gauge != nil:
				out[f.GetName()] += int(m.Gauge.GetValue())
			}
		}
	}
	return out, err
}

const prefix = "prometheus_remote_storage_"

func drained(n counts, got map[string]int) bool {
	sum := func(suffix string) int {
		return got[prefix+"samples_"+suffix] + got[prefix+"histograms_"+suffix] +
			got[prefix+"exemplars_"+suffix]
	}
	return sum("pending") == 0 && sum("total")+sum("failed_total")+sum("dropped_total") >=
		n.Samples+n.Histograms+n.Exemplars
}

func remoteWrite(to, version string) (*config.Config, error) {
	u, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	rw := config.DefaultRemoteWriteConfig
	rw.Name = "sender"
	rw.URL = &config_util.URL{URL: u}
	rw.SendExemplars, rw.SendNativeHistograms = true, true
	if version == "2" {
		rw.ProtobufMessage = remoteapi.WriteV2MessageType
	}
	rw.QueueConfig.BatchSendDeadline = model.Duration(100 * time.Millisecond)
	rw.QueueConfig.MaxSamplesPerSend = 100
	rw.QueueConfig.MinShards, rw.QueueConfig.MaxShards = 2, 2
	rw.MetadataConfig.Send = false // what was scraped; nothing is
	conf := config.DefaultConfig
	conf.RemoteWriteConfigs = []*config.RemoteWriteConfig{&rw}
	return &conf, nil
}

func run(to, version, dir string) error {
	conf, err := remoteWrite(to, version)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	queue := remote.NewStorage(logger, registry, func() (int64, error) { return 0, nil }, dir, flushLimit,
		nil, false)
	opts := tsdb.DefaultOptions()
	opts.EnableExemplarStorage, opts.MaxExemplars = true, 1000
	opts.EnableMetadataWALRecords = true
	opts.EnableSTStorage, opts.XOR2EncodingAllowed = true, true
	opts.FloatChunkEncoding = chunkenc.EncXOR2
	db, err := tsdb.Open(dir, logger, nil, opts, nil)
	if err != nil {
		return err
	}
	db.SetWriteNotified(queue)
	if err := queue.ApplyConfig(conf); err != nil {
		return err
	}
	base := time.Now().Add(3 * time.Second).Truncate(time.Second).UnixMilli()
	n, err := write(db, base)
	if err != nil {
		return err
	}
	var got map[string]int
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		queue.Notify() // a notification that it was too busy for would be made up for after 15 s
		if got, err = counted(registry); err != nil || drained(n, got) {
			break
		}
	}
	if err != nil {
		return err
	}
	if err := queue.Close(); err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"base": base, "steps": steps,
		"step": stepMs, "appended": n, "queue": got})
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: sender URL 1|2 DIRECTORY")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "sender:", err)
		os.Exit(1)
	}
}
