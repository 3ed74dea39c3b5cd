package main

import (
	"context"
	"math"
	"math/rand/v2"
	"sort"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"
)

type point struct {
	t, st int64
	v     float64
	h     *histogram.FloatHistogram // nil: the value is v
}

type series struct {
	labels labels.Labels
	points []point
}

// store gives histograms the hints of counter resets that they have when they come from chunks.
func (s *series) store() error {
	at := 0
	for it := storage.NewSeriesToChunkEncoder(withoutStarts{s}).Iterator(nil); it.Next(); {
		for samples := it.At().Chunk.Iterator(nil); ; at++ {
			kind := samples.Next()
			if kind == chunkenc.ValNone {
				break
			}
			if kind == chunkenc.ValFloatHistogram {
				_, h := samples.AtFloatHistogram(nil)
				s.points[at].h.CounterResetHint = h.CounterResetHint
			}
		}
		if it.Err() != nil {
			return it.Err()
		}
	}
	return nil
}

// between gives what the database would: chunks are cut to the times that are asked for.
func (s *series) between(start, end int64) *series {
	first := sort.Search(len(s.points), func(i int) bool { return s.points[i].t >= start })
	after := sort.Search(len(s.points), func(i int) bool { return s.points[i].t > end })
	return &series{s.labels, s.points[first:max(first, after)]}
}

// With start timestamps chunks would end elsewhere.
type withoutStarts struct{ *series }

func (s withoutStarts) Iterator(chunkenc.Iterator) chunkenc.Iterator {
	points := make([]point, len(s.points))
	for i, p := range s.points {
		points[i] = point{t: p.t, v: p.v, h: p.h}
	}
	return &pointIterator{points: points, at: -1}
}

func (s *series) trimmed(mint, maxt int64) *series {
	from := sort.Search(len(s.points), func(i int) bool { return s.points[i].t >= mint })
	to := sort.Search(len(s.points), func(i int) bool { return s.points[i].t > maxt })
	return &series{s.labels, s.points[from:max(from, to)]}
}

func (s *series) Labels() labels.Labels { return s.labels }

func (s *series) Iterator(it chunkenc.Iterator) chunkenc.Iterator {
	if p, ok := it.(*pointIterator); ok {
		*p = pointIterator{points: s.points, at: -1}
		return p
	}
	return &pointIterator{points: s.points, at: -1}
}

// A pointIterator gives copies of histograms, as chunks do: the engine writes into them.
type pointIterator struct {
	points []point
	at     int
}

func (p *pointIterator) kind() chunkenc.ValueType {
	switch {
	case p.at >= len(p.points):
		return chunkenc.ValNone
	case p.points[p.at].h != nil:
		return chunkenc.ValFloatHistogram
	}
	return chunkenc.ValFloat
}

func (p *pointIterator) Next() chunkenc.ValueType {
	p.at++
	return p.kind()
}

func (p *pointIterator) Seek(t int64) chunkenc.ValueType {
	p.at = max(p.at, 0)
	p.at += sort.Search(max(len(p.points)-p.at, 0), func(i int) bool { return p.points[p.at+i].t >= t })
	return p.kind()
}

func (p *pointIterator) At() (int64, float64) { return p.points[p.at].t, p.points[p.at].v }

func (*pointIterator) AtHistogram(*histogram.Histogram) (int64, *histogram.Histogram) {
	panic("no histogram of integers is here")
}

func (p *pointIterator) AtFloatHistogram(into *histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	at := &p.points[p.at]
	if into == nil {
		return at.t, at.h.Copy()
	}
	at.h.CopyTo(into)
	return at.t, into
}

func (p *pointIterator) AtT() int64 {
	if p.at < 0 || p.at >= len(p.points) {
		return math.MinInt64
	}
	return p.points[p.at].t
}

func (p *pointIterator) AtST() int64 { return p.points[p.at].st }
func (*pointIterator) Err() error    { return nil }

type memory struct{ all []*series }

func (m *memory) sort() {
	sort.Slice(m.all, func(i, j int) bool { return labels.Compare(m.all[i].labels, m.all[j].labels) < 0 })
}

func (m *memory) shuffle() {
	rand.Shuffle(len(m.all), func(i, j int) { m.all[i], m.all[j] = m.all[j], m.all[i] })
}

func (m *memory) Querier(mint, maxt int64) (storage.Querier, error) {
	return &querier{m, mint, maxt}, nil
}

type querier struct {
	*memory
	mint, maxt int64
}

func (*querier) Close() error { return nil }

func (*querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (*querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (m *memory) Select(_ context.Context, _ bool, hints *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	set := &seriesSet{at: -1}
next:
	for _, s := range m.all {
		for _, x := range ms {
			if !x.Matches(s.labels.Get(x.Name)) {
				continue next
			}
		}
		set.series = append(set.series, s.between(hints.Start, hints.End))
	}
	return set
}

type seriesSet struct {
	series []*series
	at     int
}

func (s *seriesSet) Next() bool                        { s.at++; return s.at < len(s.series) }
func (s *seriesSet) At() storage.Series                { return s.series[s.at] }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }
