// Runs Kubernetes' own HPA controller, unchanged, on stories read from standard input: a JSON object a
// line in, one a line out. It is a test because only tests have virtual time (testing/synctest); any
// number of HPAs live under one controller, so that a story costs little.
package story

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"

	defaults "k8s.io/kubernetes/pkg/apis/autoscaling/v2"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
)

const (
	period = 15 * time.Second
	// HPAs are made when no resync of the informer is near a sync: then syncs follow one another by the
	// period and the time that a sync takes.
	born       = 7 * time.Second
	syncTakes  = time.Microsecond
	atOnce     = 500 // stories under one controller
	labelOfHpa = "app"
)

type metric struct {
	Type   autoscalingv2.MetricTargetType `json:"type"`
	Source corev1.ResourceName            `json:"source"` // cpu or memory; "": an external metric
	Target int64                          `json:"target"` // thousandths; of a percentage whole ones
}

type step struct {
	Spec   *int32 `json:"spec"`   // somebody scales the target
	Status *int32 `json:"status"` // replicas that there are; those asked for if absent
	Ready  *int32 `json:"ready"`  // of them; all if absent
	// One a metric, thousandths; of cpu and memory what each pod has. null: the metric cannot be had
	Values []*int64 `json:"values"`
}

type story struct {
	Min      *int32                                         `json:"min"`
	Max      int32                                          `json:"max"`
	Start    int32                                          `json:"start"`
	Behavior *autoscalingv2.HorizontalPodAutoscalerBehavior `json:"behavior"`
	Metrics  []metric                                       `json:"metrics"`
	Steps    []step                                         `json:"steps"`
}

type outcome struct {
	Replicas   int32                `json:"replicas"` // of the target after the sync
	Current    int32                `json:"current"`
	Desired    int32                `json:"desired"`
	Shown      []*int64             `json:"shown"` // status.currentMetrics, thousandths
	Conditions map[string][3]string `json:"conditions"`
}

// subject is one HPA and its target.
type subject struct {
	story    story
	name     string // of the namespace, the HPA and the target
	hpa      *autoscalingv2.HorizontalPodAutoscaler
	replicas int32
	began    metav1.Time
	step     int // that a sync is at; -1 before the first
	outcomes []outcome
}

func milli(v int64) *resource.Quantity { return resource.NewMilliQuantity(v, resource.DecimalSI) }

func (m metric) spec(i int) autoscalingv2.MetricSpec {
	target := autoscalingv2.MetricTarget{Type: m.Type}
	switch m.Type {
	case autoscalingv2.ValueMetricType:
		target.Value = milli(m.Target)
	case autoscalingv2.UtilizationMetricType:
		percent := int32(m.Target / 1000)
		target.AverageUtilization = &percent
	default:
		target.AverageValue = milli(m.Target)
	}
	if m.Source != "" {
		return autoscalingv2.MetricSpec{Type: autoscalingv2.ResourceMetricSourceType,
			Resource: &autoscalingv2.ResourceMetricSource{Name: m.Source, Target: target}}
	}
	return autoscalingv2.MetricSpec{Type: autoscalingv2.ExternalMetricSourceType,
		External: &autoscalingv2.ExternalMetricSource{
			Metric: autoscalingv2.MetricIdentifier{Name: fmt.Sprintf("s%d-prometheus", i)}, Target: target}}
}

func newSubject(i int, s story) *subject {
	name := fmt.Sprintf("s%d", i)
	hpa := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: name},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{Kind: "Deployment", Name: name, APIVersion: "apps/v1"},
			MinReplicas:    s.Min, MaxReplicas: s.Max, Behavior: s.Behavior,
		},
	}
	for j, m := range s.Metrics {
		hpa.Spec.Metrics = append(hpa.Spec.Metrics, m.spec(j))
	}
	defaults.SetDefaults_HorizontalPodAutoscalerBehavior(hpa)
	return &subject{story: s, name: name, hpa: hpa, replicas: s.Start, step: -1}
}

// begin says whether there is another sync to be made.
func (s *subject) begin() bool {
	if s.step >= 0 && s.step < len(s.story.Steps) {
		s.note()
	}
	s.step++
	if s.step >= len(s.story.Steps) {
		return false
	}
	if spec := s.story.Steps[s.step].Spec; spec != nil {
		s.replicas = *spec
	}
	return true
}

func (s *subject) status() int32 {
	if status := s.story.Steps[s.step].Status; status != nil {
		return *status
	}
	return s.replicas
}

// shown is what kubectl would print, in thousandths; nil for a metric that could not be had.
func shown(m autoscalingv2.MetricStatus) *int64 {
	var current autoscalingv2.MetricValueStatus
	switch {
	case m.External != nil:
		current = m.External.Current
	case m.Resource != nil:
		current = m.Resource.Current
	default:
		return nil
	}
	var v int64
	switch {
	case current.AverageUtilization != nil:
		v = int64(*current.AverageUtilization) * 1000
	case current.AverageValue != nil:
		v = current.AverageValue.MilliValue()
	default:
		v = current.Value.MilliValue()
	}
	return &v
}

func (s *subject) note() {
	status := s.hpa.Status
	o := outcome{Replicas: s.replicas, Current: status.CurrentReplicas, Desired: status.DesiredReplicas,
		Shown: make([]*int64, len(s.story.Metrics)), Conditions: map[string][3]string{}}
	for i, m := range status.CurrentMetrics {
		o.Shown[i] = shown(m)
	}
	for _, c := range status.Conditions {
		o.Conditions[string(c.Type)] = [3]string{string(c.Status), c.Reason,
			strings.ReplaceAll(c.Message, " "+s.name+"/", " N/")}
	}
	s.outcomes = append(s.outcomes, o)
}

// value is what the metric is at this sync.
func (s *subject) value(i int) (int64, error) {
	v := s.story.Steps[s.step].Values[i]
	if v == nil {
		return 0, errors.New("no value")
	}
	return *v, nil
}

func (s *subject) scale() *autoscalingv1.Scale {
	return &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{Name: s.name, Namespace: s.name},
		Spec:       autoscalingv1.ScaleSpec{Replicas: s.replicas},
		Status:     autoscalingv1.ScaleStatus{Replicas: s.status(), Selector: labelOfHpa + "=" + s.name},
	}
}

func play(subjects []*subject) {
	ctx, cancel := context.WithCancel(context.Background())
	defer time.Sleep(time.Second) // the queue's own goroutine looks at times whether it is to end
	defer cancel()
	c := newCluster(subjects)
	apps := schema.GroupVersion{Group: "apps", Version: "v1"}
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{apps})
	mapper.Add(apps.WithKind("Deployment"), meta.RESTScopeNamespace)
	controller := podautoscaler.NewHorizontalController(ctx, c.events(), c, c, mapper, c.metrics(), c.hpas(), c.pods(),
		period, 300*time.Second, 0.1, 300*time.Second, 30*time.Second)
	go c.informer.Run(ctx.Done())
	go controller.Run(ctx, 1)
	for _, s := range subjects {
		s.began = metav1.Now()
	}
	time.Sleep(born)
	steps := 0
	for _, s := range subjects {
		c.watcher.Add(s.hpa)
		steps = max(steps, len(s.story.Steps))
	}
	// One sync more: it is at its begin that a story is found to be over.
	time.Sleep(time.Duration(steps+2) * period)
}

func TestStories(t *testing.T) {
	klog.SetLogger(logr.Discard())
	utilruntime.ErrorHandlers = nil // they limit their own rate by the clock
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	more := true
	for more {
		var subjects []*subject
		for len(subjects) < atOnce {
			if more = in.Scan(); !more {
				break
			}
			var s story
			if err := json.Unmarshal(in.Bytes(), &s); err != nil {
				t.Fatal(err)
			}
			subjects = append(subjects, newSubject(len(subjects), s))
		}
		synctest.Test(t, func(*testing.T) { play(subjects) })
		for _, s := range subjects {
			if len(s.outcomes) != len(s.story.Steps) {
				t.Fatalf("%d syncs of %d", len(s.outcomes), len(s.story.Steps))
			}
			if err := out.Encode(s.outcomes); err != nil {
				t.Fatal(err)
			}
		}
	}
}
