package story

import (
	"context"
	"errors"
	"fmt"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	autoscalinginformers "k8s.io/client-go/informers/autoscaling/v2"
	coreinformers "k8s.io/client-go/informers/core/v1"
	autoscalingclient "k8s.io/client-go/kubernetes/typed/autoscaling/v2"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	autoscalinglisters "k8s.io/client-go/listers/autoscaling/v2"
	corelisters "k8s.io/client-go/listers/core/v1"
	scaleclient "k8s.io/client-go/scale"
	"k8s.io/client-go/tools/cache"
	metricsclient "k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
)

var errStory = errors.New("the story is over")

// cluster is what the controller sees of an API server, as far as it asks.
type cluster struct {
	subjects map[string]*subject
	watcher  *watch.FakeWatcher
	informer cache.SharedIndexInformer
}

// listWatch begins with an empty list; what is to come is watched.
type listWatch struct{ watcher *watch.FakeWatcher }

func (l listWatch) List(metav1.ListOptions) (runtime.Object, error) {
	return &autoscalingv2.HorizontalPodAutoscalerList{}, nil
}

func (l listWatch) Watch(metav1.ListOptions) (watch.Interface, error) { return l.watcher, nil }

func (l listWatch) IsWatchListSemanticsUnSupported() bool { return true }

type alwaysSynced struct{ cache.SharedIndexInformer }

func (alwaysSynced) HasSynced() bool { return true }

func newCluster(subjects []*subject) *cluster {
	c := &cluster{subjects: map[string]*subject{}, watcher: watch.NewFakeWithChanSize(4*atOnce, false)}
	for _, s := range subjects {
		c.subjects[s.name] = s
	}
	c.informer = cache.NewSharedIndexInformer(listWatch{c.watcher}, &autoscalingv2.HorizontalPodAutoscaler{}, period,
		cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	return c
}

// ---- the scale subresource -----------------------------------------------------------------

type scales struct{ s *subject }

func (c *cluster) Scales(namespace string) scaleclient.ScaleInterface {
	return scales{c.subjects[namespace]}
}

// Get is the first thing that a sync does.
func (s scales) Get(context.Context, schema.GroupResource, string, metav1.GetOptions) (*autoscalingv1.Scale, error) {
	time.Sleep(syncTakes)
	if !s.s.begin() {
		return nil, errStory
	}
	return s.s.scale(), nil
}

func (s scales) Update(_ context.Context, _ schema.GroupResource, scale *autoscalingv1.Scale, _ metav1.UpdateOptions) (*autoscalingv1.Scale, error) {
	s.s.replicas = scale.Spec.Replicas
	return scale, nil
}

func (s scales) Patch(context.Context, schema.GroupVersionResource, string, types.PatchType, []byte, metav1.PatchOptions) (*autoscalingv1.Scale, error) {
	return nil, errors.New("not expected")
}

// ---- HPAs ------------------------------------------------------------------------------------

type hpaClient struct {
	autoscalingclient.HorizontalPodAutoscalerInterface
	c *cluster
}

func (c *cluster) HorizontalPodAutoscalers(string) autoscalingclient.HorizontalPodAutoscalerInterface {
	return hpaClient{c: c}
}

func (h hpaClient) UpdateStatus(_ context.Context, hpa *autoscalingv2.HorizontalPodAutoscaler, _ metav1.UpdateOptions) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	s := h.c.subjects[hpa.Namespace]
	if s.step < len(s.story.Steps) {
		s.hpa = hpa.DeepCopy()
		h.c.watcher.Modify(s.hpa)
	} else {
		h.c.watcher.Delete(s.hpa)
	}
	return hpa, nil
}

type hpaInformer struct{ c *cluster }

func (c *cluster) hpas() autoscalinginformers.HorizontalPodAutoscalerInformer { return hpaInformer{c} }

func (i hpaInformer) Informer() cache.SharedIndexInformer { return i.c.informer }

func (i hpaInformer) Lister() autoscalinglisters.HorizontalPodAutoscalerLister {
	return autoscalinglisters.NewHorizontalPodAutoscalerLister(i.c.informer.GetIndexer())
}

// ---- pods ------------------------------------------------------------------------------------

type podInformer struct{ c *cluster }

func (c *cluster) pods() coreinformers.PodInformer { return podInformer{c} }

func (i podInformer) Informer() cache.SharedIndexInformer { return alwaysSynced{} }

func (i podInformer) Lister() corelisters.PodLister { return podLister{i.c} }

type podLister struct{ c *cluster }

func (l podLister) List(labels.Selector) ([]*corev1.Pod, error) {
	return nil, errors.New("not expected")
}

func (l podLister) Pods(namespace string) corelisters.PodNamespaceLister {
	return podsOf{s: l.c.subjects[namespace]}
}

type podsOf struct {
	corelisters.PodNamespaceLister
	s *subject
}

func (p podsOf) pod(ready bool) *corev1.Pod {
	condition := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse}
	if ready {
		condition.Status = corev1.ConditionTrue
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.s.name, Labels: map[string]string{labelOfHpa: p.s.name}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{condition}},
	}
}

// List gives the same two pods again and again; who asks only counts them.
func (p podsOf) List(labels.Selector) ([]*corev1.Pod, error) {
	ready := p.s.status()
	if r := p.s.story.Steps[p.s.step].Ready; r != nil {
		ready = min(*r, ready)
	}
	yes, no := p.pod(true), p.pod(false)
	var pods []*corev1.Pod
	for i := int32(0); i < p.s.listed(); i++ {
		if i < ready {
			pods = append(pods, yes)
		} else {
			pods = append(pods, no)
		}
	}
	return pods, nil
}

// listed is how many pods are worth listing: metrics of type AverageValue do not ask for them.
func (s *subject) listed() int32 {
	for _, m := range s.story.Metrics {
		if m.Type == autoscalingv2.ValueMetricType {
			return s.status()
		}
	}
	return 0
}

// ---- metrics ---------------------------------------------------------------------------------

type metrics struct {
	metricsclient.MetricsClient
	c *cluster
}

func (c *cluster) metrics() metricsclient.MetricsClient { return metrics{c: c} }

func (m metrics) GetExternalMetric(name, namespace string, _ labels.Selector) ([]int64, time.Time, error) {
	s := m.c.subjects[namespace]
	if s == nil {
		return nil, time.Time{}, fmt.Errorf("no namespace %s", namespace)
	}
	return s.value(name)
}

// ---- events, that nobody reads -----------------------------------------------------------------

type eventsOf struct{ corev1client.EventInterface }

type eventsGetter struct{}

func (c *cluster) events() corev1client.EventsGetter { return eventsGetter{} }

func (eventsGetter) Events(string) corev1client.EventInterface { return eventsOf{} }

func (eventsOf) CreateWithEventNamespace(e *corev1.Event) (*corev1.Event, error) { return e, nil }

func (eventsOf) UpdateWithEventNamespace(e *corev1.Event) (*corev1.Event, error) { return e, nil }

func (eventsOf) PatchWithEventNamespace(e *corev1.Event, _ []byte) (*corev1.Event, error) {
	return e, nil
}

func (eventsOf) CreateWithEventNamespaceWithContext(_ context.Context, e *corev1.Event) (*corev1.Event, error) {
	return e, nil
}

func (eventsOf) UpdateWithEventNamespaceWithContext(_ context.Context, e *corev1.Event) (*corev1.Event, error) {
	return e, nil
}

func (eventsOf) PatchWithEventNamespaceWithContext(_ context.Context, e *corev1.Event, _ []byte) (*corev1.Event, error) {
	return e, nil
}
