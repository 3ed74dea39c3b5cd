package main

// Frames: their length (u32), then their bytes. Numbers are little endian, doubles their bits, texts and
// lists their length (u32) and their items.
//
//	data set   'D', flags (u8: 1 delayed name removal, 2 start timestamps are used), lookback, default
//	           step of subqueries, most samples (i64 each), series
//	series     labels (pairs of texts), points
//	point      time, start time (i64), kind (u8: 0 a double, 1 a histogram), the value
//	histogram  hint of a counter reset (u8), schema (i32), zero threshold, zero count, count, sum,
//	           positive and negative spans (offset i32, length u32), positive and negative buckets,
//	           custom values
//	order      'R', 1: the series of the data set in any order, 0: by labels, as they are at first (u8)
//	query      'Q', start, end, step (i64; 0: an instant query), text
//	answer     error (text), and when that is empty: type (u8: s, t, v, m), the text of a string,
//	           series, warnings, infos (texts), samples
//	samples    in total, read, most at once (i64 each), then in total and read by step (lists of i64)

import (
	"encoding/binary"
	"math"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/stats"
)

type dataSet struct {
	delayed, startTimes                bool
	lookback, subqueryStep, maxSamples int64
	series                             []*series
}

type query struct {
	start, end, step int64
	text             string
}

type decoder struct{ b []byte }

func (d *decoder) u8() uint8 {
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) u32() uint32 {
	v := binary.LittleEndian.Uint32(d.b)
	d.b = d.b[4:]
	return v
}

func (d *decoder) i64() int64 {
	v := binary.LittleEndian.Uint64(d.b)
	d.b = d.b[8:]
	return int64(v)
}

func (d *decoder) f64() float64 { return math.Float64frombits(uint64(d.i64())) }

func (d *decoder) str() string {
	n := d.u32()
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) doubles() []float64 {
	n := d.u32()
	if n == 0 {
		return nil
	}
	v := make([]float64, n)
	for i := range v {
		v[i] = d.f64()
	}
	return v
}

func (d *decoder) spans() []histogram.Span {
	n := d.u32()
	if n == 0 {
		return nil
	}
	v := make([]histogram.Span, n)
	for i := range v {
		v[i].Offset = int32(d.u32())
		v[i].Length = d.u32()
	}
	return v
}

func (d *decoder) histogram() *histogram.FloatHistogram {
	h := &histogram.FloatHistogram{}
	h.CounterResetHint = histogram.CounterResetHint(d.u8())
	h.Schema = int32(d.u32())
	h.ZeroThreshold = d.f64()
	h.ZeroCount = d.f64()
	h.Count = d.f64()
	h.Sum = d.f64()
	h.PositiveSpans = d.spans()
	h.NegativeSpans = d.spans()
	h.PositiveBuckets = d.doubles()
	h.NegativeBuckets = d.doubles()
	h.CustomValues = d.doubles()
	return h
}

func (d *decoder) series() *series {
	s := &series{}
	pairs := make([]string, 2*d.u32())
	for i := range pairs {
		pairs[i] = d.str()
	}
	s.labels = labels.FromStrings(pairs...)
	s.points = make([]point, d.u32())
	for i := range s.points {
		p := &s.points[i]
		p.t = d.i64()
		p.st = d.i64()
		if d.u8() == 1 {
			p.h = d.histogram()
		} else {
			p.v = d.f64()
		}
	}
	return s
}

func (d *decoder) dataSet() dataSet {
	flags := d.u8()
	s := dataSet{delayed: flags&1 != 0, startTimes: flags&2 != 0}
	s.lookback = d.i64()
	s.subqueryStep = d.i64()
	s.maxSamples = d.i64()
	s.series = make([]*series, d.u32())
	for i := range s.series {
		s.series[i] = d.series()
	}
	return s
}

func (d *decoder) query() query {
	return query{start: d.i64(), end: d.i64(), step: d.i64(), text: d.str()}
}

type encoder struct{ b []byte }

func (e *encoder) begin() { e.b = append(e.b[:0], 0, 0, 0, 0) }

func (e *encoder) end() []byte {
	binary.LittleEndian.PutUint32(e.b, uint32(len(e.b)-4))
	return e.b
}

func (e *encoder) u8(v uint8)    { e.b = append(e.b, v) }
func (e *encoder) u32(v uint32)  { e.b = binary.LittleEndian.AppendUint32(e.b, v) }
func (e *encoder) i64(v int64)   { e.b = binary.LittleEndian.AppendUint64(e.b, uint64(v)) }
func (e *encoder) f64(v float64) { e.i64(int64(math.Float64bits(v))) }

func (e *encoder) str(s string) {
	e.u32(uint32(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) texts(v []string) {
	e.u32(uint32(len(v)))
	for _, s := range v {
		e.str(s)
	}
}

func (e *encoder) numbers(v []int64) {
	e.u32(uint32(len(v)))
	for _, n := range v {
		e.i64(n)
	}
}

func (e *encoder) stats(s *stats.QuerySamples) {
	e.i64(s.TotalSamples)
	e.i64(s.SamplesRead)
	e.i64(int64(s.PeakSamples))
	e.numbers(s.TotalSamplesPerStep)
	e.numbers(s.SamplesReadPerStep)
}

func (e *encoder) failure(err error) { e.str(err.Error()) }

func (e *encoder) kind(k uint8, text string, series int) {
	e.u8(k)
	e.str(text)
	e.u32(uint32(series))
}

func (e *encoder) doubles(v []float64) {
	e.u32(uint32(len(v)))
	for _, x := range v {
		e.f64(x)
	}
}

func (e *encoder) spans(v []histogram.Span) {
	e.u32(uint32(len(v)))
	for _, s := range v {
		e.u32(uint32(s.Offset))
		e.u32(s.Length)
	}
}

func (e *encoder) histogram(h *histogram.FloatHistogram) {
	e.u8(uint8(h.CounterResetHint))
	e.u32(uint32(h.Schema))
	e.f64(h.ZeroThreshold)
	e.f64(h.ZeroCount)
	e.f64(h.Count)
	e.f64(h.Sum)
	e.spans(h.PositiveSpans)
	e.spans(h.NegativeSpans)
	e.doubles(h.PositiveBuckets)
	e.doubles(h.NegativeBuckets)
	e.doubles(h.CustomValues)
}

// Points go out by time, floats and histograms together.
func (e *encoder) series(s promql.Series) {
	e.u32(uint32(s.Metric.Len()))
	s.Metric.Range(func(l labels.Label) {
		e.str(l.Name)
		e.str(l.Value)
	})
	e.u32(uint32(len(s.Floats) + len(s.Histograms)))
	floats, histograms := s.Floats, s.Histograms
	for len(floats)+len(histograms) > 0 {
		if len(histograms) == 0 || (len(floats) > 0 && floats[0].T <= histograms[0].T) {
			e.i64(floats[0].T)
			e.i64(0)
			e.u8(0)
			e.f64(floats[0].F)
			floats = floats[1:]
		} else {
			e.i64(histograms[0].T)
			e.i64(0)
			e.u8(1)
			e.histogram(histograms[0].H)
			histograms = histograms[1:]
		}
	}
}
