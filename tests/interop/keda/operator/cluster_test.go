package operator

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/scale"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
)

var errUnexpected = errors.New("not expected")

// cluster is what KEDA sees of an API server, as far as it asks: a ScaledObject and its Deployment.
type cluster struct {
	client.Client
	lock     sync.Mutex
	so       *kedav1alpha1.ScaledObject
	replicas int32
}

// through is what an object is after its way through the API server: times are cut to seconds.
func through(from, to any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

func (c *cluster) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	switch o := obj.(type) {
	case *kedav1alpha1.ScaledObject:
		*o = kedav1alpha1.ScaledObject{}
		return through(c.so, o)
	case *appsv1.Deployment:
		replicas := c.replicas
		*o = appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: key.Name, Namespace: key.Namespace}}
		o.Spec.Replicas, o.Status.Replicas, o.Status.ReadyReplicas = &replicas, replicas, replicas
		return nil
	}
	return errUnexpected
}

// List gives the pods, all of which are ready.
func (c *cluster) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	pods, ok := list.(*corev1.PodList)
	if !ok {
		return errUnexpected
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	for i := int32(0); i < c.replicas; i++ {
		pods.Items = append(pods.Items, corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}})
	}
	return nil
}

type statusWriter struct {
	client.SubResourceWriter
	c *cluster
}

func (c *cluster) Status() client.SubResourceWriter { return statusWriter{c: c} }

func (w statusWriter) Patch(_ context.Context, obj client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
	w.c.lock.Lock()
	defer w.c.lock.Unlock()
	data, err := patch.Data(obj)
	if err != nil {
		return err
	}
	was, err := json.Marshal(w.c.so)
	if err != nil {
		return err
	}
	text, err := jsonpatch.MergePatch(was, data)
	if err != nil {
		return err
	}
	so := &kedav1alpha1.ScaledObject{}
	if err := json.Unmarshal(text, so); err != nil {
		return err
	}
	w.c.so = so
	return through(so, obj)
}

// ---- the scale subresource -----------------------------------------------------------------

type scales struct {
	scale.ScaleInterface
	c *cluster
}

func (c *cluster) Scales(string) scale.ScaleInterface { return scales{c: c} }

func (s scales) Get(_ context.Context, _ schema.GroupResource, name string, _ metav1.GetOptions) (*autoscalingv1.Scale, error) {
	s.c.lock.Lock()
	defer s.c.lock.Unlock()
	return &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns"},
		Spec: autoscalingv1.ScaleSpec{Replicas: s.c.replicas}}, nil
}

func (s scales) Update(_ context.Context, _ schema.GroupResource, o *autoscalingv1.Scale, _ metav1.UpdateOptions) (*autoscalingv1.Scale, error) {
	s.c.lock.Lock()
	defer s.c.lock.Unlock()
	s.c.replicas = o.Spec.Replicas
	return o, nil
}

// ---- events, and what is looked at -----------------------------------------------------------

type recorder struct{}

func (recorder) Eventf(runtime.Object, runtime.Object, string, string, string, string, ...interface{}) {
}

func (c *cluster) event(t int64, actor string, values []*int64) event {
	c.lock.Lock()
	defer c.lock.Unlock()
	e := event{T: t, Actor: actor, Replicas: c.replicas, Values: values, Conditions: map[string][2]string{}}
	for _, condition := range c.so.Status.Conditions {
		switch condition.Type {
		case kedav1alpha1.ConditionReady, kedav1alpha1.ConditionActive, kedav1alpha1.ConditionFallback:
			e.Conditions[string(condition.Type)] = [2]string{string(condition.Status), condition.Reason}
		}
	}
	return e
}
