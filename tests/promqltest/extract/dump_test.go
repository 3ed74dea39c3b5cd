// Added to a copy, under build/, of Prometheus' package promql/parser: writes the package's own table
// cases as JSON lines, in the form that the promqltest runner reads (see tools/promqltest-dir).
package parser

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
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

func TestDumpCases(t *testing.T) {
	var cases, printed, pretty, series []map[string]any
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
			row2 := input(c.input)
			row2["printed"] = expr.String()
			printed = append(printed, row2)
			row3 := input(c.input)
			row3["pretty"], row3["maxCharactersPerLine"] = expr.Pretty(0), 10
			pretty = append(pretty, row3)
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
	lines(t, "printer-cases.jsonl", printed)
	lines(t, "prettier-cases.jsonl", pretty)
	lines(t, "series-cases.jsonl", series)
}
