package operator

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	eventingv1alpha1 "github.com/kedacore/keda/v2/apis/eventing/v1alpha1"
	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"github.com/kedacore/keda/v2/controllers/keda"
	"github.com/kedacore/keda/v2/pkg/eventemitter"
	"github.com/kedacore/keda/v2/pkg/scaling"
)

// still is what a controller is made with; it is never started, and reconciles when it is told to.
type still struct {
	manager.Manager
	scheme *runtime.Scheme
}

func (m still) GetScheme() *runtime.Scheme              { return m.scheme }
func (m still) GetControllerOptions() config.Controller { return config.Controller{} }
func (m still) GetLogger() logr.Logger                  { return logr.Discard() }
func (m still) GetCache() cache.Cache                   { return nil }
func (m still) Add(manager.Runnable) error              { return nil }

func (m still) GetRESTMapper() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, kind := range []schema.GroupVersionKind{
		{Group: "apps", Version: "v1", Kind: "Deployment"},
		{Group: "keda.sh", Version: "v1alpha1", Kind: "ScaledObject"},
	} {
		mapper.Add(kind, meta.RESTScopeNamespace)
	}
	return mapper
}

type emitter struct{ eventemitter.EventHandler }

func (emitter) Emit(runtime.Object, string, string, eventingv1alpha1.CloudEventType, string, string) {
}

// loop is KEDA's handler, and knows when it polls.
type loop struct {
	scaling.ScaleHandler
	now, began, every int64 // seconds
	runs              bool
}

func (l *loop) HandleScalableObject(ctx context.Context, o scalable) error {
	with, err := kedav1alpha1.AsDuckWithTriggers(o)
	if err != nil {
		return err
	}
	l.began, l.every, l.runs = l.now, int64(with.GetPollingInterval()/time.Second), true
	return l.ScaleHandler.HandleScalableObject(ctx, o)
}

func (l *loop) DeleteScalableObject(ctx context.Context, o scalable) error {
	l.runs = false
	return l.ScaleHandler.DeleteScalableObject(ctx, o)
}

func (l *loop) polls(t int64) bool { return l.runs && (t-l.began)%l.every == 0 }

type operator struct {
	c          *cluster
	loop       *loop
	reconciler *keda.ScaledObjectReconciler
	failed     bool // and is to reconcile again
}

func newOperator(c *cluster) *operator {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{kedav1alpha1.AddToScheme, autoscalingv2.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	o := &operator{c: c, loop: &loop{
		ScaleHandler: scaling.NewScaleHandler(c, c, scheme, 3*time.Second, recorder{}, nil)}}
	o.reconciler = &keda.ScaledObjectReconciler{Client: c, Scheme: scheme, ScaleClient: c,
		ScaleHandler: o.loop, EventEmitter: emitter{}}
	skip := true
	if err := o.reconciler.SetupWithManager(still{scheme: scheme},
		controller.Options{SkipNameValidation: &skip}); err != nil {
		panic(err)
	}
	return o
}

// reconcile is what the controller does about a change: again when it fails, over and over with the same
// result until a poll, and again because an HPA of the ScaledObject's is gone, or a paused one is ready.
func (o *operator) reconcile(ctx context.Context, t int64) {
	o.loop.now = t
	hpa := o.c.hpa
	for range 2 {
		o.c.ready = false
		_, err := o.reconciler.Reconcile(ctx, ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "ns", Name: "so"}})
		o.failed = err != nil
		ready := o.c.ready && o.c.so.NeedToBePausedByAnnotation()
		again := hpa != nil && o.c.hpa == nil || !o.loop.runs && (err != nil || ready)
		if !again {
			break
		}
	}
	o.c.ready = false
}

// whenReady is what it does about a ScaledObject that has become ready by a poll or a sync, or that it has
// failed with.
func (o *operator) whenReady(ctx context.Context) {
	if o.c.ready || o.failed {
		o.reconcile(ctx, o.loop.now)
	}
}
