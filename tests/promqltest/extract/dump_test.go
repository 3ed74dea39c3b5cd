// Added to a copy, under build/, of Prometheus' package promql/parser: writes the package's own table
// cases as JSON lines, in the form that the promqltest runner reads (see tools/promqltest-dir).
package parser

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"go/ast"
	goparser "go/parser"
	"go/token"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser/posrange"
)

func lines(t *testing.T, name string, rows []map[string]any) {
	out, err := os.Create(filepath.Join(os.Getenv("CASES_DIR"), name))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for _, row := range rows {
		if err := encoder.Encode(row); err != nil {
			t.Fatal(err)
		}
	}
}

func input(text string) map[string]any {
	if utf8.ValidString(text) {
		return map[string]any{"input": text}
	}
	return map[string]any{"input_b64": base64.StdEncoding.EncodeToString([]byte(text))}
}

var itemNames = map[ItemType]string{ADD: "ADD", DIV: "DIV", EQLC: "EQLC", GTE: "GTE", GTR: "GTR",
	TRIM_UPPER: "TRIM_UPPER", TRIM_LOWER: "TRIM_LOWER", LAND: "LAND", LOR: "LOR", LSS: "LSS",
	LTE: "LTE", LUNLESS: "LUNLESS", MOD: "MOD", MUL: "MUL", NEQ: "NEQ", POW: "POW", SUB: "SUB",
	ATAN2: "ATAN2", STEP: "STEP", RANGE: "RANGE", MIN_OF: "MIN_OF", MAX_OF: "MAX_OF",
	START: "START", END: "END", AVG: "AVG", BOTTOMK: "BOTTOMK", COUNT: "COUNT",
	COUNT_VALUES: "COUNT_VALUES", GROUP: "GROUP", MAX: "MAX", MIN: "MIN", QUANTILE: "QUANTILE",
	STDDEV: "STDDEV", STDVAR: "STDVAR", SUM: "SUM", TOPK: "TOPK", LIMITK: "LIMITK",
	LIMIT_RATIO: "LIMIT_RATIO"}

var cardNames = map[VectorMatchCardinality]string{CardOneToOne: "CardOneToOne",
	CardManyToOne: "CardManyToOne", CardOneToMany: "CardOneToMany", CardManyToMany: "CardManyToMany"}

// Fields that the parser leaves alone.
var engineFields = map[string]bool{"Offset": true, "UnexpandedSeriesSet": true, "Series": true,
	"SkipHistogramBuckets": true, "FillValues": true}

// dumpTree gives a syntax tree as maps: the node's type and its fields that are not zero.
func dumpTree(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case *labels.Matcher:
		return map[string]any{"type": x.Type.String(), "name": x.Name, "value": x.Value}
	case *Function:
		return x.Name
	case ItemType:
		return itemNames[x]
	case VectorMatchCardinality:
		return cardNames[x]
	case posrange.PositionRange:
		return []int{int(x.Start), int(x.End)}
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return strings.Replace(fmt.Sprintf("%+g", x), "+NaN", "NaN", 1)
		}
		return x
	}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		return dumpTree(v.Elem())
	case reflect.Slice:
		list := []any{}
		for i := 0; i < v.Len(); i++ {
			list = append(list, dumpTree(v.Index(i)))
		}
		return list
	case reflect.Struct:
		node := map[string]any{"_type": v.Type().Name()}
		for i := 0; i < v.NumField(); i++ {
			name := v.Type().Field(i).Name
			if !engineFields[name] && !v.Field(i).IsZero() {
				node[name] = dumpTree(v.Field(i))
			}
		}
		return node
	}
	return v.Interface()
}

// tokens lists the cases of the lexer.
func tokens() (rows []map[string]any) {
	const firstToken, firstName = EQL, 3 // yyToknames starts with names of the generator's own
	for _, group := range tests {
		for _, c := range group.tests {
			row := input(c.input)
			row["group"], row["fail"], row["seriesDesc"] = group.name, c.fail, c.seriesDesc
			list := []any{}
			for _, item := range c.expected {
				name := yyToknames[int(item.Typ)-firstToken+firstName]
				list = append(list, []any{name, item.Pos, item.Val})
			}
			if !c.fail {
				row["tokens"] = list
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// inputsIn finds the texts of the fields called `field` in the tables inside the functions of a test
// file whose names match.
func inputsIn(t *testing.T, name, functions, field string) (inputs []string) {
	file, err := goparser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || !regexp.MustCompile(functions).MatchString(f.Name.Name) {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			pair, ok := n.(*ast.KeyValueExpr)
			if !ok || fmt.Sprint(pair.Key) != field {
				return true
			}
			if text, ok := pair.Value.(*ast.BasicLit); ok {
				value, err := strconv.Unquote(text.Value)
				if err != nil {
					t.Fatal(err)
				}
				inputs = append(inputs, value)
			}
			return true
		})
	}
	return inputs
}

var hintNames = map[histogram.CounterResetHint]string{
	histogram.UnknownCounterReset: "histogram.UnknownCounterReset",
	histogram.CounterReset:        "histogram.CounterReset",
	histogram.NotCounterReset:     "histogram.NotCounterReset",
	histogram.GaugeType:           "histogram.GaugeType"}

// series lists series descriptions and what the package makes of them.
func series(t *testing.T) (rows []map[string]any) {
	p := NewParser(Options{})
	var inputs []string
	for _, c := range testSeries {
		inputs = append(inputs, c.input)
	}
	inputs = append(inputs, inputsIn(t, "parse_test.go", "^TestParseSeriesDesc$", "input")...)
	inputs = append(inputs, inputsIn(t, "parse_test.go", "^TestParseHistogramSeries$", "input")...)
	for _, text := range inputs {
		row := input(text)
		metric, list, err := p.ParseSeriesDesc(text)
		values, histograms := []any{}, []any{}
		for _, v := range list {
			if v.Histogram != nil {
				h := v.Histogram
				histograms = append(histograms, map[string]any{"Schema": h.Schema, "Sum": h.Sum,
					"Count": h.Count, "ZeroCount": h.ZeroCount, "ZeroThreshold": h.ZeroThreshold,
					"PositiveSpans": h.PositiveSpans, "PositiveBuckets": h.PositiveBuckets,
					"NegativeSpans": h.NegativeSpans, "NegativeBuckets": h.NegativeBuckets,
					"CustomValues": h.CustomValues, "CounterResetHint": hintNames[h.CounterResetHint]})
			} else if v.Omitted {
				values = append(values, nil)
			} else {
				values = append(values, v.Value)
			}
		}
		row["fail"] = err != nil
		if err != nil {
			row["errMsg"] = err.Error()
		} else if len(histograms) > 0 {
			row["histograms"], row["labels"] = histograms, metric.Map()
		} else {
			row["values"], row["labels"] = values, metric.Map()
		}
		rows = append(rows, row)
	}
	return rows
}

var evalLine = regexp.MustCompile(
	`^eval(?:_\w+)?\s+(?:instant\s+at\s+\S+|range\s+from\s+\S+\s+to\s+\S+\s+step\s+\S+)\s+(.+)$`)

// evals lists the expressions of the test scripts, for printing and parsing them again.
func evals(t *testing.T) (rows []map[string]any) {
	files, err := filepath.Glob("../promqltest/testdata/*.test")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if m := evalLine.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
				rows = append(rows, map[string]any{"file": filepath.Base(file), "line": i + 1,
					"expr": m[1]})
			}
		}
	}
	return rows
}

func TestDumpCases(t *testing.T) {
	var cases, trees, printed, pretty []map[string]any
	strict := NewParser(Options{EnableExperimentalFunctions: true, ExperimentalDurationExpr: true,
		EnableExtendedRangeSelectors: true})
	maxCharactersPerLine = 10
	for _, c := range testExpr {
		row := input(c.input)
		row["fail"] = c.fail
		expr, err := strict.ParseExpr(c.input)
		if (err != nil) != c.fail {
			t.Fatalf("%q: fail %v, but %v", c.input, c.fail, err)
		}
		if err != nil {
			row["errMsg"] = err.Error()
		} else {
			ast, canonical, wrapped := input(c.input), input(c.input), input(c.input)
			ast["ast"] = dumpTree(reflect.ValueOf(expr))
			trees = append(trees, ast)
			canonical["printed"] = expr.String()
			printed = append(printed, canonical)
			wrapped["pretty"], wrapped["maxCharactersPerLine"] = expr.Pretty(0), 10
			pretty = append(pretty, wrapped)
		}
		cases = append(cases, row)
	}
	all := NewParser(Options{EnableExperimentalFunctions: true, ExperimentalDurationExpr: true,
		EnableExtendedRangeSelectors: true, EnableBinopFillModifiers: true})
	for _, name := range []string{"printer_test.go", "prettier_test.go"} {
		for _, text := range inputsIn(t, name, "^Test", "in") {
			canonical, wrapped := input(text), input(text)
			expr, err := all.ParseExpr(text)
			if err != nil {
				t.Fatal(err)
			}
			canonical["printed"] = expr.String()
			printed = append(printed, canonical)
			wrapped["pretty"], wrapped["maxCharactersPerLine"] = expr.Pretty(0), 10
			pretty = append(pretty, wrapped)
		}
	}
	lines(t, "parser-cases.jsonl", cases)
	lines(t, "parser-ast.jsonl", trees)
	lines(t, "evals.jsonl", evals(t))
	lines(t, "printer-cases.jsonl", printed)
	lines(t, "prettier-cases.jsonl", pretty)
	lines(t, "series-cases.jsonl", series(t))
	lines(t, "lexer-cases.jsonl", tokens())
}
