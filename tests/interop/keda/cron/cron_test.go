// Runs KEDA's own cron scaler at the times of requests read from standard input: a JSON object a line
// in, one a line out. It is a test because only tests have virtual time (testing/synctest).
package cron

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kedacore/keda/v2/pkg/scalers"
	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
)

type request struct {
	Metadata map[string]string `json:"metadata"`
	Times    []int64           `json:"times"` // Unix seconds after 2000, ascending
}

type answer struct {
	Refused string  `json:"refused,omitempty"`
	Milli   []int64 `json:"milli,omitempty"` // -1: an error
}

func play(r request) answer {
	ctx := context.Background()
	scaler, err := scalers.NewCronScaler(&scalersconfig.ScalerConfig{
		ScalableObjectName: "so", ScalableObjectNamespace: "ns", ScalableObjectType: "ScaledObject",
		TriggerType: "cron", TriggerMetadata: r.Metadata})
	if err != nil {
		return answer{Refused: err.Error()}
	}
	defer scaler.Close(ctx)
	out := answer{}
	for _, at := range r.Times {
		time.Sleep(time.Until(time.Unix(at, 0)))
		metrics, _, err := scaler.GetMetricsAndActivity(ctx, "s0-cron")
		if err != nil {
			return answer{Refused: err.Error()}
		}
		out.Milli = append(out.Milli, metrics[0].Value.MilliValue())
	}
	return out
}

func TestCron(t *testing.T) {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var r request
		var a answer
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			fmt.Fprintln(os.Stderr, "cron:", err)
			os.Exit(2)
		}
		synctest.Test(t, func(*testing.T) { a = play(r) })
		if err := out.Encode(a); err != nil {
			os.Exit(1)
		}
	}
}
