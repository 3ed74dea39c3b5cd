// Command formula compiles and runs scalingModifiers formulas as KEDA does, on requests read from
// standard input: one JSON object a line in, one a line out.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
)

type request struct {
	Formula string       `json:"formula"`
	Names   []string     `json:"names"` // of the triggers
	Runs    [][]*float64 `json:"runs"`  // their values, in the same order; null: nil
}

// A float64 as text, "nil", or that there is an error.
type answer struct {
	Refused string   `json:"refused,omitempty"`
	Results []string `json:"results,omitempty"`
}

// run is the last half of calculateScalingModifiersFormula.
func run(program *vm.Program, names []string, values []*float64) string {
	data := make(map[string]any)
	for i, v := range values {
		data[names[i]] = nil
		if v != nil {
			data[names[i]] = *v
		}
	}
	out, err := expr.Run(program, data)
	if err != nil {
		return "error"
	}
	if out == nil {
		return "nil"
	}
	v, ok := out.(float64)
	if !ok {
		return "error"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

func compute(r request) answer {
	so := &kedav1alpha1.ScaledObject{}
	so.Spec.Advanced = &kedav1alpha1.AdvancedConfig{
		ScalingModifiers: kedav1alpha1.ScalingModifiers{Formula: r.Formula, Target: "1"}}
	for _, name := range r.Names {
		so.Spec.Triggers = append(so.Spec.Triggers,
			kedav1alpha1.ScaleTriggers{Type: "prometheus", Name: name})
	}
	program, err := kedav1alpha1.ValidateAndCompileScalingModifiers(so)
	if err != nil {
		return answer{Refused: err.Error()}
	}
	out := answer{}
	for _, values := range r.Runs {
		out.Results = append(out.Results, run(program, r.Names, values))
	}
	return out
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var r request
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			fmt.Fprintln(os.Stderr, "formula:", err)
			os.Exit(2)
		}
		if err := out.Encode(compute(r)); err != nil {
			os.Exit(1)
		}
	}
}
