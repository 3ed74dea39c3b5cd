// Added to a copy, under build/, of Prometheus' package promql/parser: writes the package's own table
// cases as JSON lines, in the form that the promqltest runner reads (see tools/promqltest-dir).
package parser

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

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
	var cases, trees, printed, pretty, series []map[string]any
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
	for _, c := range testSeries {
		row := input(c.input)
		row["fail"] = c.fail
		if !c.fail {
			values := []any{}
			for _, v := range c.expectedValues {
				if v.Omitted {
					values = append(values, nil)
				} else {
					values = append(values, v.Value)
				}
			}
			row["labels"], row["values"] = c.expectedMetric.Map(), values
		}
		series = append(series, row)
	}
	lines(t, "parser-cases.jsonl", cases)
	lines(t, "parser-ast.jsonl", trees)
	lines(t, "evals.jsonl", evals(t))
	lines(t, "printer-cases.jsonl", printed)
	lines(t, "prettier-cases.jsonl", pretty)
	lines(t, "series-cases.jsonl", series)
}
