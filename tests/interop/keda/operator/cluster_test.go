package operator

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/scale"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
)

// Long enough for what KEDA does in the background before it asks for an object.
const callTakes = time.Microsecond

var errUnexpected = errors.New("not expected")

// cluster is what KEDA sees of an API server, as far as it asks: a ScaledObject, its Deployment and its
// HPA.
type cluster struct {
	client.Client
	lock     sync.Mutex
	so       *kedav1alpha1.ScaledObject
	hpa      *autoscalingv2.HorizontalPodAutoscaler
	hpas     int  // that were made
	ready    bool // the ScaledObject has become so
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
	time.Sleep(callTakes)
	if _, ok := obj.(*appsv1.Deployment); ok {
		time.Sleep(callTakes) // a loop that begins builds its scalers last
	}
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
	case *autoscalingv2.HorizontalPodAutoscaler:
		if c.hpa == nil || c.hpa.Name != key.Name {
			return apierrors.NewNotFound(autoscalingv2.Resource("horizontalpodautoscalers"), key.Name)
		}
		c.hpa.DeepCopyInto(o)
		return nil
	}
	return errUnexpected
}

func (c *cluster) Create(_ context.Context, obj client.Object, _ ...client.CreateOption) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	o, ok := obj.(*autoscalingv2.HorizontalPodAutoscaler)
	if !ok || c.hpa != nil {
		return errUnexpected
	}
	c.hpa = o.DeepCopy()
	c.hpa.CreationTimestamp = metav1.NewTime(time.Now().Truncate(time.Second)) // KEDA 2.20.0 looks at it
	c.hpas++
	return nil
}

// Update does not touch a status.
func (c *cluster) Update(_ context.Context, obj client.Object, _ ...client.UpdateOption) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	switch o := obj.(type) {
	case *kedav1alpha1.ScaledObject:
		so := c.so.DeepCopy()
		o.ObjectMeta.DeepCopyInto(&so.ObjectMeta)
		c.so = so
		return through(so, o)
	case *autoscalingv2.HorizontalPodAutoscaler:
		if c.hpa == nil {
			return errUnexpected
		}
		o.Spec.DeepCopyInto(&c.hpa.Spec)
		made := c.hpa.CreationTimestamp
		o.ObjectMeta.DeepCopyInto(&c.hpa.ObjectMeta)
		c.hpa.CreationTimestamp = made
		return nil
	}
	return errUnexpected
}

func (c *cluster) Delete(_ context.Context, obj client.Object, _ ...client.DeleteOption) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	if _, ok := obj.(*autoscalingv2.HorizontalPodAutoscaler); !ok || c.hpa == nil {
		return errUnexpected
	}
	c.hpa = nil
	return nil
}

// change is what a person does to the ScaledObject.
func (c *cluster) change(annotations map[string]string, spec *kedav1alpha1.ScaledObjectSpec) {
	c.lock.Lock()
	defer c.lock.Unlock()
	so := c.so.DeepCopy()
	so.Annotations = annotations
	if spec != nil && !equality.Semantic.DeepEqual(so.Spec, *spec) {
		so.Spec = *spec
		so.Generation++
	}
	c.so = so
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
	before, after := w.c.so.Status.Conditions.GetReadyCondition(), so.Status.Conditions.GetReadyCondition()
	w.c.ready = w.c.ready || after.IsTrue() && !before.IsTrue()
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

func (c *cluster) event(t int64, actor string, values []*int64) event {
	c.lock.Lock()
	defer c.lock.Unlock()
	e := event{T: t, Actor: actor, Replicas: c.replicas, Values: values, Conditions: map[string][3]string{}}
	for _, condition := range c.so.Status.Conditions {
		switch condition.Type {
		case kedav1alpha1.ConditionReady, kedav1alpha1.ConditionActive, kedav1alpha1.ConditionFallback,
			kedav1alpha1.ConditionPaused:
			e.Conditions[string(condition.Type)] = [3]string{string(condition.Status), condition.Reason, condition.Message}
		case hpaActive: // with a text of the HPA's
			if oneMetric(&c.so.Spec) {
				e.Conditions[string(condition.Type)] = [3]string{string(condition.Status), condition.Reason}
			}
		}
	}
	return e
}
