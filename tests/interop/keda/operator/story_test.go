// Runs KEDA's own scale loop, executor, fallback and metrics service, unchanged, on stories read from
// standard input: a JSON object a line in, one a line out. It is a test because only tests have virtual
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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"github.com/kedacore/keda/v2/pkg/scaling"
)

const (
	syncPeriod = 15 * time.Second
	// Times that KEDA stores are cut to seconds: a poll is always a little later than it says.
	fraction = 500 * time.Millisecond
	syncLate = time.Millisecond // behind the poll of the same time
)

type canned struct {
	Status int    `json:"status"`
	Body   string `json:"body"`
}

type period struct {
	T        int64    `json:"t"` // seconds from the start, ascending
	Triggers []canned `json:"triggers"`
}

type story struct {
	Annotations map[string]string             `json:"annotations"`
	Spec        kedav1alpha1.ScaledObjectSpec `json:"spec"`
	Replicas    int32                         `json:"replicas"`
	Seconds     int64                         `json:"seconds"`
	Answers     []period                      `json:"answers"`
}

type event struct {
	T          int64                `json:"t"` // seconds
	Actor      string               `json:"actor"`
	Replicas   int32                `json:"replicas"`
	Values     []*int64             `json:"values,omitempty"` // thousandths that the HPA is told; null: an error
	Conditions map[string][2]string `json:"conditions"`
}

// answers serves the story at hand.
type answers struct {
	now   *story
	start time.Time
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
	w.WriteHeader(c.Status)
	_, _ = w.Write([]byte(c.Body))
}

func scaledObject(s *story, address string) *kedav1alpha1.ScaledObject {
	so := &kedav1alpha1.ScaledObject{
		TypeMeta: metav1.TypeMeta{APIVersion: "keda.sh/v1alpha1", Kind: "ScaledObject"},
		ObjectMeta: metav1.ObjectMeta{Name: "so", Namespace: "ns", Generation: 1, Annotations: s.Annotations,
			CreationTimestamp: metav1.NewTime(time.Now().Truncate(time.Second))},
		Spec: *s.Spec.DeepCopy(),
	}
	so.Status.ScaleTargetGVKR = &kedav1alpha1.GroupVersionKindResource{
		Group: "apps", Version: "v1", Kind: "Deployment", Resource: "deployments"}
	so.Status.ScaleTargetKind = "apps/v1.Deployment"
	// What the reconciler has set before the loop begins.
	so.Status.Conditions = *kedav1alpha1.GetInitializedConditions()
	so.Status.Conditions.SetReadyCondition(metav1.ConditionTrue,
		kedav1alpha1.ScaledObjectConditionReadySuccessReason, kedav1alpha1.ScaledObjectConditionReadySuccessMessage)
	if so.Spec.Fallback == nil {
		so.Status.Conditions.SetFallbackCondition(metav1.ConditionFalse, "NoFallbackFound", "")
	}
	for i := range so.Spec.Triggers {
		so.Spec.Triggers[i].Metadata["serverAddress"] = address
		so.Status.ExternalMetricNames = append(so.Status.ExternalMetricNames, fmt.Sprintf("s%d-prometheus", i))
	}
	return so
}

// hpa stands for the HPA: it asks for the metrics, and only keeps the bounds.
func hpa(ctx context.Context, c *cluster, handler scaling.ScaleHandler) []*int64 {
	low, high := int32(1), int32(100)
	if c.so.Spec.MinReplicaCount != nil {
		low = max(low, *c.so.Spec.MinReplicaCount)
	}
	if c.so.Spec.MaxReplicaCount != nil {
		high = *c.so.Spec.MaxReplicaCount
	}
	switch {
	case c.replicas == 0:
		return nil
	case c.replicas < low || c.replicas > high:
		c.replicas = min(max(c.replicas, low), high)
		return nil
	}
	names := c.so.Status.ExternalMetricNames
	if c.so.IsUsingModifiers() {
		names = []string{kedav1alpha1.CompositeMetricName}
	}
	values := make([]*int64, len(names))
	for i, name := range names {
		list, err := handler.GetScaledObjectMetrics(ctx, "so", "ns", name)
		synctest.Wait()                        // caches are dropped by and by
		if err == nil && len(list.Items) > 0 { // none is an error for the HPA
			milli := list.Items[0].Value.MilliValue()
			values[i] = &milli
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
	handler := scaling.NewScaleHandler(c, c, runtime.NewScheme(), 3*time.Second, recorder{}, nil)
	// The reconciler asks the scalers for the HPA's metrics before it starts the loop.
	if _, err := handler.GetScalersCache(ctx, c.so.DeepCopy()); err != nil {
		panic(err)
	}
	if err := handler.HandleScalableObject(ctx, c.so.DeepCopy()); err != nil {
		panic(err)
	}
	every := int64(30)
	if c.so.Spec.PollingInterval != nil {
		every = int64(*c.so.Spec.PollingInterval)
	}
	var events []event
	for t := int64(0); t <= s.Seconds; t++ {
		time.Sleep(time.Until(start.Add(fraction + time.Duration(t)*time.Second + syncLate)))
		synctest.Wait()
		if t%every == 0 {
			events = append(events, c.event(t, "keda", nil))
		}
		if t > 0 && t%int64(syncPeriod/time.Second) == 0 {
			values := hpa(ctx, c, handler)
			synctest.Wait()
			events = append(events, c.event(t, "hpa", values))
		}
	}
	_ = handler.DeleteScalableObject(ctx, c.so)
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
