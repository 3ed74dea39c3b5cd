//go:build keda219

package operator

import (
	"k8s.io/apimachinery/pkg/runtime"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
)

// What KEDA up to 2.19 has otherwise than 2.20.
type scalable = interface{}

const hpaActive = kedav1alpha1.ConditionType("") // there is none

const unlocked = true // triggers that are polled at once write the same status

type recorder struct{}

func (recorder) Event(runtime.Object, string, string, string) {}

func (recorder) Eventf(runtime.Object, string, string, string, ...interface{}) {}

func (recorder) AnnotatedEventf(runtime.Object, map[string]string, string, string, string, ...interface{}) {
}
