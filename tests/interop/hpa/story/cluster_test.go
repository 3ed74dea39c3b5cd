package story

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// What a pod asks for of cpu and of memory, so that a percentage of it is as many thousandths.
const request = 100000

func podName(i int32) string { return fmt.Sprintf("pod-%d", i) }

// pod is the i-th one, as old as the story; one that is not ready has never been.
func (p podsOf) pod(i int32, ready bool) *corev1.Pod {
	condition := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse,
		LastTransitionTime: p.s.began}
	if ready {
		condition.Status = corev1.ConditionTrue
	}
	requests := corev1.ResourceList{corev1.ResourceCPU: *milli(request), corev1.ResourceMemory: *milli(request)}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.s.name, Name: podName(i),
			Labels: map[string]string{labelOfHpa: p.s.name}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "app", Resources: corev1.ResourceRequirements{Requests: requests}}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &p.s.began,
			Conditions: []corev1.PodCondition{condition}},
	}
}

func (p podsOf) List(labels.Selector) ([]*corev1.Pod, error) {
	ready := p.s.status()
	if r := p.s.story.Steps[p.s.step].Ready; r != nil {
		ready = min(*r, ready)
	}
	var pods []*corev1.Pod
	for i := int32(0); i < p.s.listed(); i++ {
		pods = append(pods, p.pod(i, i < ready))
	}
	return pods, nil
}

// listed is how many pods are worth listing: external metrics of type AverageValue do not ask for them.
func (s *subject) listed() int32 {
	for _, m := range s.story.Metrics {
		if m.Source != "" || m.Type == autoscalingv2.ValueMetricType {
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
	var i int
	if _, err := fmt.Sscanf(name, "s%d-prometheus", &i); err != nil {
		return nil, time.Time{}, err
	}
	v, err := m.c.subjects[namespace].value(i)
	if err != nil {
		return nil, time.Time{}, err
	}
	return []int64{v}, time.Now(), nil
}

// GetResourceMetric says the same of all pods, ready or not.
func (m metrics) GetResourceMetric(_ context.Context, name corev1.ResourceName, namespace string, _ labels.Selector, _ string) (metricsclient.PodMetricsInfo, time.Time, error) {
	s := m.c.subjects[namespace]
	i := slices.IndexFunc(s.story.Metrics, func(m metric) bool { return m.Source == name })
	v, err := s.value(i)
	if err != nil {
		return nil, time.Time{}, err
	}
	info := metricsclient.PodMetricsInfo{}
	for i := int32(0); i < s.listed(); i++ {
		info[podName(i)] = metricsclient.PodMetric{Value: v, Timestamp: time.Now(), Window: period}
	}
	return info, time.Now(), nil
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
