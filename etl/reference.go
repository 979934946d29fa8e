package etl

import (
	"reflect"

	"github.com/firn-data/firn/etl/job"
	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/reference"
	"github.com/firn-data/firn/sources/all"
	"github.com/firn-data/firn/transform/expr"
)

// SourceKinds are the kinds of sources with the fields that a job gives them.
func SourceKinds() []job.Kind { return job.Kinds(all.Kinds()) }

// Functions are the SQL functions of the native engine.
func Functions() []expr.Function { return expr.Functions() }

const draft = "https://json-schema.org/draft/2020-12/schema"

// JobSchema is the JSON Schema of the job file.
func JobSchema() any { return titled(job.Schema(all.Kinds()), "firn job") }

// LakesSchema is the JSON Schema of the lakes file.
func LakesSchema() any {
	return titled(reference.Style{Interpolated: true}.Of(reference.Of(reflect.TypeFor[job.Lakes](), "yaml")), "firn lakes")
}

// ReportSchema is the JSON Schema of the report.
func ReportSchema() any {
	return titled(reference.Style{Required: true}.Of(reference.Of(reflect.TypeFor[plan.Report](), "json")), "firn report")
}

// PlanSchema is the JSON Schema of a plan's view.
func PlanSchema() any {
	return titled(reference.Style{Required: true}.Of(reference.Of(reflect.TypeFor[plan.View](), "json")), "firn plan")
}

func titled(o reference.Object, title string) reference.Object {
	o["$schema"], o["title"] = draft, title
	return o
}
