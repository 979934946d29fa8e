package job

import (
	"strings"
	"testing"
	"time"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/sources/csv"
)

var hour = Values{Job: "a", RunID: "r1", Started: time.Date(2024, 3, 1, 7, 0, 0, 0, time.UTC),
	Interval: &batch.Interval{Start: time.Date(2024, 1, 31, 5, 0, 0, 0, time.UTC), End: time.Date(2024, 1, 31, 6, 0, 0, 0, time.UTC)}}

func pathJob(path string) string {
	return "job: a\nsource: {kind: csv, path: '" + strings.ReplaceAll(path, "'", "''") + "', null_values: ['{{ x }}']}\ntarget: {table: a.b}\n"
}

func TestTemplatesTakeTheRunsValues(t *testing.T) {
	for path, want := range map[string]string{
		"raw/{{ interval_start | yyyy-MM-dd }}/*.csv":              "raw/2024-01-31/*.csv",
		"{{interval_start|yyyy/MM/dd/HH}}-{{ interval_end | HH }}": "2024/01/31/05-06",
		"{{ interval_end }}.csv":                                   "2024-01-31T06:00:00Z.csv",
		"{{ job }}/{{ run_id }}/{{ run_started | yyyyMMdd'T'HH }}": "a/r1/20240301T07",
		"plain.csv": "plain.csv",
	} {
		j, err := load(pathJob(path))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		c, err := j.Sources[0].Filled(hour)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if got := c.(*csv.Config); got.Path[0] != want || got.NullValues[0] != "{{ x }}" {
			t.Errorf("%s: %+v, want %s", path, got, want)
		}
		if was := j.Sources[0].Config.(*csv.Config); was.Path[0] != path || was.Fingerprint()["path"] != path {
			t.Errorf("the job's own config changed to %s", was.Path[0])
		}
		if j.NeedsInterval() != strings.Contains(path, "interval") {
			t.Errorf("%s: needs an interval: %v", path, j.NeedsInterval())
		}
	}
}

func TestTemplatesAreCheckedBeforeARun(t *testing.T) {
	for path, want := range map[string]string{
		"{{ interval_strat }}":       `source.path: there is no value "interval_strat" for a template`,
		"{{ job | yyyy }}":           "{{ job }} takes no pattern",
		"{{ interval_start":          "{{ is never closed by }}",
		"{{ interval_start | bbb }}": `"bbb" is not a date pattern of Spark`,
	} {
		_, err := load(pathJob(path))
		if err == nil || !strings.Contains(err.Error(), want) || fault.PlaceOf(err).Line != 2 {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	j, err := load(pathJob("{{ interval_start }}"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Sources[0].Filled(Values{}); !fault.Is(err, fault.Usage) {
		t.Errorf("without an interval: %v", err)
	}
}
