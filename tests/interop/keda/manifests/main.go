// Command manifests reads YAML documents from standard input, decodes each strictly into the Go type of
// its kind (k8s.io/api, KEDA), validates KEDA's kinds against the CRD schema in KEDA's module, and
// both by the checks of its webhook that need no cluster. It prints a JSON array with one
// element an object, and exits with 1 when any has errors. The argument is the folder config/crd/bases
// of KEDA's module.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"sigs.k8s.io/yaml"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
)

var kinds = map[string]func() interface{}{
	"v1/Namespace":                             func() interface{} { return new(corev1.Namespace) },
	"v1/Service":                               func() interface{} { return new(corev1.Service) },
	"v1/ServiceAccount":                        func() interface{} { return new(corev1.ServiceAccount) },
	"v1/ConfigMap":                             func() interface{} { return new(corev1.ConfigMap) },
	"v1/PersistentVolumeClaim":                 func() interface{} { return new(corev1.PersistentVolumeClaim) },
	"apps/v1/Deployment":                       func() interface{} { return new(appsv1.Deployment) },
	"rbac.authorization.k8s.io/v1/Role":        func() interface{} { return new(rbacv1.Role) },
	"rbac.authorization.k8s.io/v1/RoleBinding": func() interface{} { return new(rbacv1.RoleBinding) },
	"keda.sh/v1alpha1/ScaledObject":            func() interface{} { return new(kedav1alpha1.ScaledObject) },
	"keda.sh/v1alpha1/TriggerAuthentication":   func() interface{} { return new(kedav1alpha1.TriggerAuthentication) },
}

type object struct {
	Kind   string   `json:"kind"`
	Name   string   `json:"name"`
	Errors []string `json:"errors,omitempty"` // all of them
	Schema []string `json:"schema,omitempty"` // those of the schema and the webhook
}

func schemaErrors(kind string, document map[string]interface{}) []string {
	file := fmt.Sprintf("keda.sh_%ss.yaml", strings.ToLower(kind))
	text, err := os.ReadFile(filepath.Join(os.Args[1], file))
	if err != nil {
		return []string{err.Error()}
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &crd); err != nil {
		return []string{err.Error()}
	}
	var internal apiextensions.JSONSchemaProps
	schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(schema, &internal, nil); err != nil {
		return []string{err.Error()}
	}
	validator, _, err := validation.NewSchemaValidator(&internal)
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	for _, e := range validation.ValidateCustomResource(nil, document, validator) {
		found = append(found, e.Error())
	}
	return found
}

func webhookErrors(typed interface{}) []string {
	var errs []error
	switch object := typed.(type) {
	case *kedav1alpha1.TriggerAuthentication:
		_, err := object.ValidateCreate(nil)
		errs = append(errs, err)
	case *kedav1alpha1.ScaledObject:
		errs = append(errs,
			kedav1alpha1.CheckReplicaCountBoundsAreValid(object),
			kedav1alpha1.CheckFallbackValid(object),
			kedav1alpha1.ValidateTriggers(object.Spec.Triggers))
		if object.IsUsingModifiers() {
			_, err := kedav1alpha1.ValidateAndCompileScalingModifiers(object)
			errs = append(errs, err)
		}
	}
	var found []string
	for _, err := range errs {
		if err != nil {
			found = append(found, err.Error())
		}
	}
	return found
}

func check(text []byte) (object, bool) {
	var document map[string]interface{}
	if err := yaml.Unmarshal(text, &document); err != nil {
		return object{Errors: []string{err.Error()}}, true
	}
	if len(document) == 0 {
		return object{}, false
	}
	kind, _ := document["kind"].(string)
	o := object{Kind: kind}
	if metadata, ok := document["metadata"].(map[string]interface{}); ok {
		o.Name, _ = metadata["name"].(string)
	}
	make, known := kinds[fmt.Sprint(document["apiVersion"], "/", kind)]
	if !known {
		o.Errors = append(o.Errors, "no Go type for "+fmt.Sprint(document["apiVersion"], "/", kind))
		return o, true
	}
	typed := make()
	decoded := yaml.UnmarshalStrict(text, typed)
	if decoded != nil {
		o.Errors = append(o.Errors, decoded.Error())
	}
	if strings.HasPrefix(fmt.Sprint(document["apiVersion"]), "keda.sh/") {
		o.Schema = schemaErrors(kind, document)
	}
	if decoded == nil && len(o.Schema) == 0 {
		o.Schema = webhookErrors(typed)
	}
	o.Errors = append(o.Errors, o.Schema...)
	return o, true
}

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	objects, failed := []object{}, false
	for _, part := range bytes.Split(append([]byte("\n"), text...), []byte("\n---")) {
		if o, ok := check(part); ok {
			objects = append(objects, o)
			failed = failed || len(o.Errors) > 0
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(objects); err != nil || failed {
		os.Exit(1)
	}
}
