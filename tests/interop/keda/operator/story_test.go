// Runs KEDA's own reconciler, scale loop, executor, fallback and metrics service, unchanged, on stories
// read from standard input: a JSON object a line in, one a line out. It is a test because only tests have virtual
// time (testing/synctest). Its scalers ask a server outside of that time, which knows from a request's
// `time` what the story has for it; needs KEDA_HTTP_DISABLE_KEEP_ALIVE=true, since time stands still
// while a connection is read from.
package operator

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"github.com/kedacore/keda/v2/pkg/scaling"
)

const (
	syncPeriod = 15 * time.Second
	// Times that KEDA stores are cut to seconds: a poll is always a little later than it says.
	fraction = 500 * time.Millisecond
	syncLate = time.Millisecond // behind the poll of the same time
	// A change is so much earlier than what is due when it comes, and each one earlier than the one
	// before, whose loop polls.
	changeEarly = time.Millisecond
)

type canned struct {
	Status int    `json:"status"`
	Body   string `json:"body"`
}

type period struct {
	T        int64    `json:"t"` // seconds from the start, ascending
	Triggers []canned `json:"triggers"`
}

// change is of the whole ScaledObject: its annotations, and its spec when there is one.
type change struct {
	T           int64                          `json:"t"`
	Annotations map[string]string              `json:"annotations"`
	Spec        *kedav1alpha1.ScaledObjectSpec `json:"spec"`
}

type story struct {
	Annotations map[string]string             `json:"annotations"`
	Spec        kedav1alpha1.ScaledObjectSpec `json:"spec"`
	Replicas    int32                         `json:"replicas"`
	Seconds     int64                         `json:"seconds"`
	Answers     []period                      `json:"answers"`
	Changes     []change                      `json:"changes"` // t ascending, above 0
}

type event struct {
	T          int64                `json:"t"` // seconds
	Actor      string               `json:"actor"`
	Replicas   int32                `json:"replicas"`
	Values     []*int64             `json:"values,omitempty"` // thousandths that the HPA is told; null: an error
	Conditions map[string][3]string `json:"conditions"`
}

// answers serves the story at hand.
type answers struct {
	now   *story
	start time.Time
}

// inOrder says whether it matters which trigger is answered first: each one that is counted brings the
// counts of the others up to date, for a composite metric, or for all without locks.
func inOrder(spec *kedav1alpha1.ScaledObjectSpec) bool {
	return len(spec.Triggers) > 1 && (unlocked || spec.Advanced != nil && spec.Advanced.ScalingModifiers.Formula != "")
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at, err := time.Parse(time.RFC3339, r.URL.Query().Get("time"))
	var trigger int
	if _, scanErr := fmt.Sscanf(r.URL.Query().Get("query"), "q%d", &trigger); err != nil || scanErr != nil {
		http.Error(w, "no such request", http.StatusTeapot)
		return
	}
	var c canned
	for _, p := range a.now.Answers {
		if p.T <= int64(at.Sub(a.start).Seconds()) {
			c = p.Triggers[trigger]
		}
	}
	if inOrder(&a.now.Spec) { // one that fails is asked twice
		time.Sleep(time.Millisecond * time.Duration([]int{0, 2, 6}[trigger]))
	}
	w.WriteHeader(c.Status)
	_, _ = w.Write([]byte(c.Body))
}

func asked(spec *kedav1alpha1.ScaledObjectSpec, address string) *kedav1alpha1.ScaledObjectSpec {
	spec = spec.DeepCopy()
	for i := range spec.Triggers {
		spec.Triggers[i].Metadata["serverAddress"] = address
	}
	return spec
}

func scaledObject(s *story, address string) *kedav1alpha1.ScaledObject {
	return &kedav1alpha1.ScaledObject{
		TypeMeta: metav1.TypeMeta{APIVersion: "keda.sh/v1alpha1", Kind: "ScaledObject"},
		ObjectMeta: metav1.ObjectMeta{Name: "so", Namespace: "ns", Generation: 1, Annotations: s.Annotations,
			CreationTimestamp: metav1.NewTime(time.Now().Truncate(time.Second))},
		Spec: *asked(&s.Spec, address),
	}
}

// oneMetric says whether the HPA has a single metric, which alone says whether it is active.
func oneMetric(spec *kedav1alpha1.ScaledObjectSpec) bool {
	return len(spec.Triggers) == 1 || spec.Advanced != nil && spec.Advanced.ScalingModifiers.Formula != ""
}

func (c *cluster) scalingActive(status corev1.ConditionStatus, reason string) {
	c.hpa.Status.Conditions = []autoscalingv2.HorizontalPodAutoscalerCondition{
		{Type: autoscalingv2.ScalingActive, Status: status, Reason: reason}}
}

// sync stands for the HPA: it asks for the metrics, and only keeps the bounds.
func (c *cluster) sync(ctx context.Context, handler scaling.ScaleHandler) []*int64 {
	spec := &c.hpa.Spec
	switch {
	case c.replicas == 0:
		c.scalingActive(corev1.ConditionFalse, "ScalingDisabled")
		return nil
	case c.replicas < *spec.MinReplicas || c.replicas > spec.MaxReplicas:
		c.replicas = min(max(c.replicas, *spec.MinReplicas), spec.MaxReplicas)
		return nil
	}
	c.scalingActive(corev1.ConditionTrue, "ValidMetricFound")
	values := make([]*int64, len(spec.Metrics))
	for i := range spec.Metrics {
		list, err := handler.GetScaledObjectMetrics(ctx, "so", "ns", spec.Metrics[i].External.Metric.Name)
		synctest.Wait()                        // caches are dropped by and by
		if err == nil && len(list.Items) > 0 { // none is an error for the HPA
			milli := list.Items[0].Value.MilliValue()
			values[i] = &milli
		} else {
			c.scalingActive(corev1.ConditionFalse, "FailedGetExternalMetric")
		}
	}
	return values
}

func play(s *story, a *answers, address string) []event {
	ctx := context.Background()
	start := time.Now()
	a.now, a.start = s, start.Truncate(time.Second)
	time.Sleep(fraction)
	c := &cluster{so: scaledObject(s, address), replicas: s.Replicas}
	o := newOperator(c)
	due := func(t int64) time.Time { return start.Add(fraction + time.Duration(t)*time.Second) }
	events := []event{} // there may be none
	var hpas int
	var made int64 // the HPA
	changes := 0
	for t := int64(0); t <= s.Seconds; t++ {
		if t == 0 {
			o.reconcile(ctx, t)
		}
		if changes < len(s.Changes) && s.Changes[changes].T == t {
			to := &s.Changes[changes]
			changes++
			time.Sleep(time.Until(due(t).Add(-time.Duration(changes) * changeEarly)))
			if to.Spec != nil {
				to.Spec = asked(to.Spec, address)
			}
			c.change(to.Annotations, to.Spec)
			o.reconcile(ctx, t)
		}
		if c.so.NeedToBePausedByAnnotation() && o.loop.now == t {
			events = append(events, c.event(t, "keda", nil))
		}
		time.Sleep(time.Until(due(t).Add(syncLate)))
		synctest.Wait()
		if o.loop.polls(t) {
			events = append(events, c.event(t, "keda", nil))
			o.whenReady(ctx)
		}
		if c.hpas != hpas {
			hpas, made = c.hpas, t
		} else if c.hpa != nil && (t-made)%int64(syncPeriod/time.Second) == 0 {
			values := c.sync(ctx, o.loop)
			synctest.Wait()
			events = append(events, c.event(t, "hpa", values))
			o.whenReady(ctx)
		}
	}
	_ = o.loop.DeleteScalableObject(ctx, c.so)
	return events
}

func TestStories(t *testing.T) {
	logf.SetLogger(logr.Discard())
	a := &answers{}
	server := httptest.NewServer(a)
	defer server.Close()
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var s story
		if err := json.Unmarshal(in.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		var events []event
		synctest.Test(t, func(*testing.T) { events = play(&s, a, server.URL) })
		if err := out.Encode(events); err != nil {
			t.Fatal(err)
		}
	}
}
