// remoteread asks a server with Prometheus' own remote-read client and prints what comes back.
//
// Usage: remoteread URL samples|chunks FROM_MS TO_MS MATCHER...   (a MATCHER is name, operator, value:
// "job=a", "job!=a", "job=~a.*", "job!~a"). One JSON line a series: labels, floats as [ms, bits in hex],
// histograms as [ms, hint, text].
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

type series struct {
	Labels     map[string]string `json:"labels"`
	Floats     [][2]any          `json:"floats"`
	Histograms [][3]any          `json:"histograms"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func parseMatcher(text string) (*labels.Matcher, error) {
	for _, op := range []struct {
		text string
		kind labels.MatchType
	}{{"=~", labels.MatchRegexp}, {"!~", labels.MatchNotRegexp}, {"!=", labels.MatchNotEqual}, {"=", labels.MatchEqual}} {
		if name, value, found := strings.Cut(text, op.text); found {
			return labels.NewMatcher(op.kind, name, value)
		}
	}
	return nil, fmt.Errorf("not a matcher: %q", text)
}

func run(args []string) error {
	at, err := url.Parse(args[0])
	if err != nil {
		return err
	}
	from, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return err
	}
	to, err := strconv.ParseInt(args[3], 10, 64)
	if err != nil {
		return err
	}
	var matchers []*labels.Matcher
	for _, text := range args[4:] {
		m, err := parseMatcher(text)
		if err != nil {
			return err
		}
		matchers = append(matchers, m)
	}
	kind := prompb.ReadRequest_SAMPLES
	if args[1] == "chunks" {
		kind = prompb.ReadRequest_STREAMED_XOR_CHUNKS
	}
	client, err := remote.NewReadClient("test", &remote.ClientConfig{
		URL:                   &config.URL{URL: at},
		Timeout:               model.Duration(20 * time.Second),
		ChunkedReadLimit:      50 << 20,
		AcceptedResponseTypes: []prompb.ReadRequest_ResponseType{kind},
	})
	if err != nil {
		return err
	}
	query, err := remote.ToQuery(from, to, matchers, nil)
	if err != nil {
		return err
	}
	set, err := client.Read(context.Background(), query, true)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	var it chunkenc.Iterator
	for set.Next() {
		one := series{Labels: set.At().Labels().Map(), Floats: [][2]any{}, Histograms: [][3]any{}}
		it = set.At().Iterator(it)
		for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
			if kind == chunkenc.ValFloat {
				t, v := it.At()
				one.Floats = append(one.Floats, [2]any{t, fmt.Sprintf("%016x", math.Float64bits(v))})
				continue
			}
			t, h := it.AtFloatHistogram(nil)
			one.Histograms = append(one.Histograms, [3]any{t, int(h.CounterResetHint), h.TestExpression()})
		}
		if it.Err() != nil {
			return it.Err()
		}
		if err := out.Encode(one); err != nil {
			return err
		}
	}
	return set.Err()
}
