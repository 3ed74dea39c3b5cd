// engine evaluates queries with Prometheus' own engine. It reads JSON lines on stdin and answers each
// with a JSON line; see answer and request. Values travel as the hexadecimal bits of their doubles.
// A request with "series" replaces the series that queries see.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sort"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

type point struct {
	t int64
	v float64
}

func (p point) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `[%d,"%016x"]`, p.t, math.Float64bits(p.v)), nil
}

func (p *point) UnmarshalJSON(b []byte) error {
	var hex string
	if err := json.Unmarshal(b, &[]any{&p.t, &hex}); err != nil {
		return err
	}
	bits, err := strconv.ParseUint(hex, 16, 64)
	p.v = math.Float64frombits(bits)
	return err
}

type series struct {
	Labels  map[string]string `json:"labels"`
	Samples []point           `json:"samples"`
}

type request struct {
	Series  []series `json:"series"`
	Query   string   `json:"query"`
	Start   int64    `json:"start"` // milliseconds
	End     int64    `json:"end"`
	Step    int64    `json:"step"` // 0: an instant query at Start
	Delayed bool     `json:"delayed"`
}

type answer struct {
	Error    string   `json:"error,omitempty"`
	Type     string   `json:"type"`
	Series   []series `json:"series"`
	Warnings []string `json:"warnings"`
	Infos    []string `json:"infos"`
}

// A sample as package storage wants it.
type sample struct{ point }

func (s sample) ST() int64                     { return 0 }
func (s sample) T() int64                      { return s.t }
func (s sample) F() float64                    { return s.v }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

type memory struct{ all []storage.Series }

func (m *memory) load(in []series) {
	m.all = nil
	for _, s := range in {
		samples := make([]chunks.Sample, len(s.Samples))
		for i, p := range s.Samples {
			samples[i] = sample{p}
		}
		m.all = append(m.all, storage.NewListSeries(labels.FromMap(s.Labels), samples))
	}
	sort.Slice(m.all, func(i, j int) bool {
		return labels.Compare(m.all[i].Labels(), m.all[j].Labels()) < 0
	})
}

func (m *memory) Querier(_, _ int64) (storage.Querier, error) { return m, nil }
func (m *memory) Close() error                                { return nil }

func (m *memory) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (m *memory) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (m *memory) Select(_ context.Context, _ bool, _ *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	set := &seriesSet{at: -1}
next:
	for _, s := range m.all {
		for _, x := range ms {
			if !x.Matches(s.Labels().Get(x.Name)) {
				continue next
			}
		}
		set.series = append(set.series, s)
	}
	return set
}

type seriesSet struct {
	series []storage.Series
	at     int
}

func (s *seriesSet) Next() bool                        { s.at++; return s.at < len(s.series) }
func (s *seriesSet) At() storage.Series                { return s.series[s.at] }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

func newEngine(delayed bool) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		MaxSamples:               50000000,
		Timeout:                  time.Minute,
		LookbackDelta:            5 * time.Minute,
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
		EnableDelayedNameRemoval: delayed,
		NoStepSubqueryIntervalFn: func(int64) int64 { return 60000 },
		Parser: parser.NewParser(parser.Options{
			EnableExperimentalFunctions:  true,
			ExperimentalDurationExpr:     true,
			EnableExtendedRangeSelectors: true,
			EnableBinopFillModifiers:     true,
		}),
	})
}

func toSeries(m promql.Matrix) []series {
	out := make([]series, 0, len(m))
	for _, s := range m {
		x := series{Labels: s.Metric.Map(), Samples: []point{}}
		for _, p := range s.Floats {
			x.Samples = append(x.Samples, point{p.T, p.F})
		}
		out = append(out, x)
	}
	return out
}

func evaluate(e *promql.Engine, m *memory, r *request) (a answer) {
	var q promql.Query
	var err error
	ctx := context.Background()
	if r.Step == 0 {
		q, err = e.NewInstantQuery(ctx, m, nil, r.Query, time.UnixMilli(r.Start))
	} else {
		q, err = e.NewRangeQuery(ctx, m, nil, r.Query, time.UnixMilli(r.Start), time.UnixMilli(r.End),
			time.Duration(r.Step)*time.Millisecond)
	}
	if err != nil {
		return answer{Error: err.Error()}
	}
	defer q.Close()
	res := q.Exec(ctx)
	a.Warnings, a.Infos = res.Warnings.AsStrings(r.Query, 0, 0)
	sort.Strings(a.Warnings)
	sort.Strings(a.Infos)
	if res.Err != nil {
		a.Error = res.Err.Error()
		return a
	}
	a.Type = string(res.Value.Type())
	switch v := res.Value.(type) {
	case promql.Scalar:
		a.Series = []series{{Labels: map[string]string{}, Samples: []point{{v.T, v.V}}}}
	case promql.Vector:
		a.Series = []series{}
		for _, s := range v {
			a.Series = append(a.Series, series{s.Metric.Map(), []point{{s.T, s.F}}})
		}
	case promql.Matrix:
		a.Series = toSeries(v)
	}
	return a
}

func main() {
	engines := map[bool]*promql.Engine{false: newEngine(false), true: newEngine(true)}
	m := &memory{}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 256<<20)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for in.Scan() {
		var r request
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			fmt.Fprintln(os.Stderr, "engine:", err)
			os.Exit(2)
		}
		if r.Series != nil {
			m.load(r.Series)
		}
		var a answer
		if r.Query != "" {
			a = evaluate(engines[r.Delayed], m, &r)
		}
		if err := out.Encode(a); err != nil {
			os.Exit(2)
		}
	}
}
