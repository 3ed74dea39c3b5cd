// histogram does arithmetic with Prometheus' own native histograms. Each line on stdin is a number and
// histograms (see reader); each line on stdout is what all operations give for them (of a lone
// histogram: whether it is sound), as
// `promqltest --histogram` writes it. Numbers travel as the hexadecimal bits of their doubles.
package main

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// What is wider than this is not written as a test expression, which has all buckets between.
const widest = 2000

type sample struct {
	*histogram.FloatHistogram
	integer bool
}

// reader takes words apart: schema, hint, integer, zero threshold, zero count, count, sum, then the
// number of positive buckets and an index and a count for each, the same for negative ones, and the
// number of custom bounds and each bound.
type reader struct{ words []string }

func (r *reader) word() string {
	w := r.words[0]
	r.words = r.words[1:]
	return w
}

func (r *reader) int() int {
	n, err := strconv.Atoi(r.word())
	if err != nil {
		panic(err)
	}
	return n
}

func (r *reader) number() float64 {
	bits, err := strconv.ParseUint(r.word(), 16, 64)
	if err != nil {
		panic(err)
	}
	return math.Float64frombits(bits)
}

func (r *reader) side() (spans []histogram.Span, counts []float64) {
	next := int32(0)
	for n := r.int(); n > 0; n-- {
		index := int32(r.int())
		if len(spans) > 0 && index == next {
			spans[len(spans)-1].Length++
		} else {
			spans = append(spans, histogram.Span{Offset: index - next, Length: 1})
		}
		next = index + 1
		counts = append(counts, r.number())
	}
	return spans, counts
}

func (r *reader) histogram() sample {
	h := &histogram.FloatHistogram{
		Schema:           int32(r.int()),
		CounterResetHint: histogram.CounterResetHint(r.int()),
	}
	integer := r.int() == 1
	h.ZeroThreshold, h.ZeroCount, h.Count, h.Sum = r.number(), r.number(), r.number(), r.number()
	h.PositiveSpans, h.PositiveBuckets = r.side()
	h.NegativeSpans, h.NegativeBuckets = r.side()
	for n := r.int(); n > 0; n-- {
		h.CustomValues = append(h.CustomValues, r.number())
	}
	return sample{h, integer}
}

type writer struct{ strings.Builder }

func (w *writer) number(v float64) {
	switch {
	case value.IsStaleNaN(v):
		w.WriteString(" stale")
	case math.IsNaN(v): // which NaN comes of two is not defined
		w.WriteString(" nan")
	default:
		fmt.Fprintf(w, " %016x", math.Float64bits(v))
	}
}

func (w *writer) side(spans []histogram.Span, counts []float64) {
	fmt.Fprintf(w, " %d", len(counts))
	index, i := int32(0), 0
	for _, span := range spans {
		index += span.Offset
		for j := uint32(0); j < span.Length; j++ {
			fmt.Fprintf(w, " %d", index)
			w.number(counts[i])
			index++
			i++
		}
	}
}

func (w *writer) histogram(h *histogram.FloatHistogram) {
	fmt.Fprintf(w, " %d %d", h.Schema, h.CounterResetHint)
	for _, v := range []float64{h.ZeroThreshold, h.ZeroCount, h.Count, h.Sum} {
		w.number(v)
	}
	w.side(h.PositiveSpans, h.PositiveBuckets)
	w.side(h.NegativeSpans, h.NegativeBuckets)
	fmt.Fprintf(w, " %d", len(h.CustomValues))
	for _, v := range h.CustomValues {
		w.number(v)
	}
}

func (w *writer) flags(flags ...bool) {
	for _, f := range flags {
		if f {
			w.WriteString(" 1")
		} else {
			w.WriteString(" 0")
		}
	}
}

// op writes the name of an operation and what it gives.
func (w *writer) op(name string) {
	w.WriteString(" | ")
	w.WriteString(name)
}

func (w *writer) sum(name string, h *histogram.FloatHistogram, collision, reconciled bool, err error) {
	w.op(name)
	if err != nil {
		w.WriteString(" error")
		return
	}
	w.flags(collision, reconciled)
	w.histogram(h)
}

func (w *writer) kahan(all []sample) {
	h := all[0].Copy()
	var c *histogram.FloatHistogram
	for _, other := range all[1:] {
		updated, collision, reconciled, err := h.KahanAdd(other.FloatHistogram, c)
		w.sum("kahan", h, collision, reconciled, err)
		if err != nil {
			return
		}
		c = updated
		w.histogram(c)
	}
	if c != nil {
		sum, collision, reconciled, err := h.Add(c)
		w.sum("kahan_end", sum, collision, reconciled, err)
	}
}

func (w *writer) buckets(name string, it histogram.BucketIterator[float64]) {
	w.op(name)
	for it.Next() {
		b := it.At()
		w.number(b.Lower)
		w.number(b.Upper)
		w.number(b.Count)
		w.flags(b.LowerInclusive, b.UpperInclusive)
	}
}

// toInteger gives the histogram of whole counts that a float histogram was made of.
func toInteger(h *histogram.FloatHistogram) *histogram.Histogram {
	deltas := func(counts []float64) (d []int64) {
		last := int64(0)
		for _, c := range counts {
			d = append(d, int64(c)-last)
			last = int64(c)
		}
		return d
	}
	return &histogram.Histogram{
		CounterResetHint: h.CounterResetHint,
		Schema:           h.Schema,
		ZeroThreshold:    h.ZeroThreshold,
		ZeroCount:        uint64(h.ZeroCount),
		Count:            uint64(h.Count),
		Sum:              h.Sum,
		PositiveSpans:    slices.Clone(h.PositiveSpans),
		PositiveBuckets:  deltas(h.PositiveBuckets),
		NegativeSpans:    slices.Clone(h.NegativeSpans),
		NegativeBuckets:  deltas(h.NegativeBuckets),
		CustomValues:     h.CustomValues,
	}
}

func validate(s sample) error {
	if s.integer {
		return toInteger(s.FloatHistogram).Validate()
	}
	return s.Validate()
}

func (w *writer) valid(s sample) {
	w.op("valid ")
	if err := validate(s); err != nil {
		w.WriteString(err.Error())
	}
}

// stored appends to chunks as the head does, and writes the hints that are read from them.
func (w *writer) stored(all []sample) {
	var chunks []chunkenc.Chunk
	var app chunkenc.Appender
	for i, s := range all {
		encoding := chunkenc.EncFloatHistogram
		if s.integer {
			encoding = chunkenc.EncHistogram
		}
		var prev chunkenc.Appender
		if len(chunks) == 0 || chunks[len(chunks)-1].Encoding() != encoding {
			chunk, err := chunkenc.NewEmptyChunk(encoding)
			if err != nil {
				panic(err)
			}
			prev = app
			chunks = append(chunks, chunk)
			if app, err = chunk.Appender(); err != nil {
				panic(err)
			}
		}
		var chunk chunkenc.Chunk
		var recoded bool
		var err error
		if s.integer {
			chunk, recoded, app, err = app.AppendHistogram(prev, 0, int64(i), toInteger(s.FloatHistogram), false)
		} else {
			chunk, recoded, app, err = app.AppendFloatHistogram(prev, 0, int64(i), s.Copy(), false)
		}
		switch {
		case err != nil:
			panic(err)
		case chunk != nil && recoded:
			chunks[len(chunks)-1] = chunk
		case chunk != nil:
			chunks = append(chunks, chunk)
		}
	}
	w.op("stored")
	for _, chunk := range chunks {
		for it := chunk.Iterator(nil); it.Next() != chunkenc.ValNone; {
			_, h := it.AtFloatHistogram(nil)
			fmt.Fprintf(w, " %d", h.CounterResetHint)
		}
	}
}

// isWritable tells whether a test expression says where buckets are: v0.314.0 puts all empty ones
// after the first span. Wide histograms would be long.
func isWritable(spans []histogram.Span) bool {
	n := int64(0)
	for i, span := range spans {
		if i > 0 {
			n += int64(span.Offset)
		}
		n += int64(span.Length)
	}
	return len(spans) <= 2 && n <= widest
}

func (w *writer) texts(h *histogram.FloatHistogram) {
	w.op("text ")
	w.WriteString(h.String())
	c := h.Copy().Compact(0)
	if isWritable(c.PositiveSpans) && isWritable(c.NegativeSpans) {
		w.op("expression ")
		w.WriteString(h.TestExpression())
	}
}

func (w *writer) scaled(h *histogram.FloatHistogram, arg float64) {
	w.op("mul")
	w.histogram(h.Copy().Mul(arg))
	w.op("div")
	w.histogram(h.Copy().Div(arg))
	w.op("div0")
	w.histogram(h.Copy().Div(0))
	w.op("compact")
	w.histogram(h.Copy().Compact(0))
	w.op("below")
	w.histogram(h.Copy().TrimBuckets(arg, true))
	w.op("above")
	w.histogram(h.Copy().TrimBuckets(arg, false))
	for schema := h.Schema - 1; schema >= histogram.ExponentialSchemaMin; schema -= 3 {
		w.op("reduce")
		w.histogram(h.CopyToSchema(schema))
	}
}

// all writes every operation: of the first histogram alone, of the first two, and of all in turn.
func (w *writer) all(arg float64, hs []sample) {
	x, y := hs[0], hs[1]
	w.scaled(x.FloatHistogram, arg)
	h, collision, reconciled, err := x.Copy().Add(y.FloatHistogram)
	w.sum("add", h, collision, reconciled, err)
	h, collision, reconciled, err = x.Copy().Sub(y.FloatHistogram)
	w.sum("sub", h, collision, reconciled, err)
	w.kahan(hs)
	w.op("equal")
	w.flags(x.Equals(y.FloatHistogram), x.Equals(x.Copy()))
	w.op("reset")
	w.flags(x.DetectReset(y.FloatHistogram), y.DetectReset(x.FloatHistogram))
	w.op("overflow")
	w.flags(x.HasOverflow())
	w.op("size")
	fmt.Fprintf(w, " %d", x.Size())
	w.buckets("up", x.AllBucketIterator())
	w.buckets("down", x.AllReverseBucketIterator())
	w.texts(x.FloatHistogram)
	w.valid(x)
	w.stored(hs)
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		r := reader{strings.Fields(in.Text())}
		arg := r.number()
		var hs []sample
		for n := r.int(); n > 0; n-- {
			hs = append(hs, r.histogram())
		}
		var w writer
		if len(hs) > 1 {
			w.all(arg, hs)
		} else {
			w.valid(hs[0]) // may be unsound, which other operations panic about
		}
		fmt.Fprintln(out, w.String())
	}
}
