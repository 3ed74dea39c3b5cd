//go:build !keda219

package operator

import (
	"k8s.io/apimachinery/pkg/runtime"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
)

// What KEDA 2.20 has otherwise than those before it.
type scalable = kedav1alpha1.ScalableObject

const hpaActive = kedav1alpha1.ConditionHPAActive

const unlocked = false

type recorder struct{}

func (recorder) Eventf(runtime.Object, runtime.Object, string, string, string, string, ...interface{}) {
}
