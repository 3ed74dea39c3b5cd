// promparse reads queries as JSON lines on stdin ({"q": "..."}; {"q64": "..."} for bytes that are
// not UTF-8; {"series": "..."} for a series with values) and prints what Prometheus' parser makes of
// each, a JSON line a query: {"ok": true, "printed": "...", "pretty": "..."} or {"ok": false, "err":
// "...", "start": n}.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql/parser"
)

type query struct {
	Q   string `json:"q"`
	Q64 []byte `json:"q64"`

	Series *string `json:"series"`
}

type answer struct {
	OK      bool   `json:"ok"`
	Err     string `json:"err,omitempty"`
	Start   int    `json:"start"`
	Printed string `json:"printed,omitempty"`
	Pretty  string `json:"pretty,omitempty"`
}

func parse(p parser.Parser, text string) answer {
	expr, err := p.ParseExpr(text)
	if err != nil {
		return refusal(err)
	}
	return answer{OK: true, Printed: expr.String(), Pretty: parser.Prettify(expr)}
}

// parseSeries prints numbers as bits, and an exclamation mark behind hints that are written.
func parseSeries(p parser.Parser, text string) answer {
	metric, values, err := p.ParseSeriesDesc(text)
	if err != nil {
		return refusal(err)
	}
	printed := metric.String()
	for _, v := range values {
		switch {
		case v.Omitted:
			printed += " _"
		case v.Histogram != nil:
			printed += " " + v.Histogram.TestExpression()
		case math.IsNaN(v.Value) && !value.IsStaleNaN(v.Value):
			printed += fmt.Sprintf(" %016x", 0)
		default:
			printed += fmt.Sprintf(" %016x", math.Float64bits(v.Value))
		}
		if v.CounterResetHintSet {
			printed += "!"
		}
	}
	return answer{OK: true, Printed: printed}
}

func refusal(err error) answer {
	a := answer{Err: err.Error(), Start: -1}
	var all parser.ParseErrors
	if errors.As(err, &all) && len(all) > 0 {
		a.Start = int(all[0].PositionRange.Start)
	}
	return a
}

func main() {
	p := parser.NewParser(parser.Options{
		EnableExperimentalFunctions:  true,
		ExperimentalDurationExpr:     true,
		EnableExtendedRangeSelectors: true,
		EnableBinopFillModifiers:     true,
	})
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for in.Scan() {
		var q query
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			fmt.Fprintln(os.Stderr, "promparse:", err)
			os.Exit(2)
		}
		text := q.Q
		if q.Q64 != nil {
			text = string(q.Q64)
		}
		reply := parse
		if q.Series != nil {
			reply, text = parseSeries, *q.Series
		}
		if err := out.Encode(reply(p, text)); err != nil {
			os.Exit(1)
		}
	}
}
