// engine evaluates queries with Prometheus' own engine, for tests/fuzz-promql: frames come in on stdin,
// a data set or a query each, and every query is answered by a frame on stdout. wire.go has their
// layout.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

const maxFrame = 1 << 30

func newEngine(d *dataSet) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		MaxSamples:               int(d.maxSamples),
		Timeout:                  time.Minute,
		LookbackDelta:            time.Duration(d.lookback) * time.Millisecond,
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
		EnableDelayedNameRemoval: d.delayed,
		EnablePerStepStats:       true,
		UseStartTimestamps:       d.startTimes,
		NoStepSubqueryIntervalFn: func(int64) int64 { return d.subqueryStep },
		Parser: parser.NewParser(parser.Options{
			EnableExperimentalFunctions:  true,
			ExperimentalDurationExpr:     true,
			EnableExtendedRangeSelectors: true,
			EnableBinopFillModifiers:     true,
		}),
	})
}

func evaluate(e *promql.Engine, m *memory, r *query, out *encoder) {
	var q promql.Query
	var err error
	ctx := context.Background()
	opts := promql.NewPrometheusQueryOpts(true, 0)
	if r.step == 0 {
		q, err = e.NewInstantQuery(ctx, m, opts, r.text, time.UnixMilli(r.start))
	} else {
		q, err = e.NewRangeQuery(ctx, m, opts, r.text, time.UnixMilli(r.start), time.UnixMilli(r.end),
			time.Duration(r.step)*time.Millisecond)
	}
	if err != nil {
		out.failure(err)
		return
	}
	defer q.Close()
	res := q.Exec(ctx)
	if res.Err != nil {
		out.failure(res.Err)
		return
	}
	out.str("")
	switch v := res.Value.(type) {
	case promql.Scalar:
		out.kind('s', "", 1)
		out.series(promql.Series{Floats: []promql.FPoint{{T: v.T, F: v.V}}})
	case promql.String:
		out.kind('t', v.V, 0)
	case promql.Vector:
		out.kind('v', "", len(v))
		for _, s := range v {
			one := promql.Series{Metric: s.Metric}
			if s.H != nil {
				one.Histograms = []promql.HPoint{{T: s.T, H: s.H}}
			} else {
				one.Floats = []promql.FPoint{{T: s.T, F: s.F}}
			}
			out.series(one)
		}
	case promql.Matrix:
		out.kind('m', "", len(v))
		for _, s := range v {
			out.series(s)
		}
	}
	warnings, infos := res.Warnings.AsStrings(r.text, 0, 0)
	out.texts(warnings)
	out.texts(infos)
	out.stats(q.Stats().Samples)
}

// frames reads all of stdin ahead of the evaluation, so that whoever writes it never waits for us.
func frames(into chan<- []byte) {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		var head [4]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			break
		}
		n := binary.LittleEndian.Uint32(head[:])
		if n > maxFrame {
			break
		}
		frame := make([]byte, n)
		if _, err := io.ReadFull(in, frame); err != nil {
			break
		}
		into <- frame
	}
	close(into)
}

func main() {
	debug.SetGCPercent(800)
	in := make(chan []byte, 4096)
	go frames(in)
	m := &memory{}
	var engine *promql.Engine
	stdout := bufio.NewWriterSize(os.Stdout, 1<<20)
	out := &encoder{}
	for {
		var frame []byte
		var ok bool
		select {
		case frame, ok = <-in:
		default: // nothing to do: what is done goes out
			stdout.Flush()
			frame, ok = <-in
		}
		if !ok {
			break
		}
		d := &decoder{b: frame}
		switch d.u8() {
		case 'D':
			set := d.dataSet()
			for _, s := range set.series {
				if err := s.store(); err != nil {
					fmt.Fprintln(os.Stderr, "engine:", err)
					os.Exit(2)
				}
			}
			m.all = set.series
			m.sort()
			engine = newEngine(&set)
		case 'R':
			if d.u8() == 1 {
				m.shuffle()
			} else {
				m.sort()
			}
		case 'Q':
			r := d.query()
			out.begin()
			evaluate(engine, m, &r, out)
			stdout.Write(out.end())
		default:
			fmt.Fprintln(os.Stderr, "engine: a frame of an unknown kind")
			os.Exit(2)
		}
	}
	stdout.Flush()
}
