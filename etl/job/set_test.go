package job

import (
	"strings"
	"testing"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/sources/csv"
)

const setJob = "job: a\nsource: {kind: csv, path: [x.csv], schema: [{name: id, type: int}]}\ntarget: {table: a.b}\n"

func loadWith(text string, sets ...string) (*Job, error) {
	return Load(strings.NewReader(text), Options{File: "job.yaml", Sources: kinds(), Set: sets, Lookup: func(n string) (string, bool) { return "looked up", n == "V" }})
}

func TestSetChangesValues(t *testing.T) {
	j, err := loadWith(setJob, "target.mode=overwrite", "source.path[1]=y.csv", "source.schema[0].type=bigint", "quarantine.max_rows=5", "params.region=${V}", "source.columns=[id, total]", "lake=")
	if err != nil {
		t.Fatal(err)
	}
	c := j.Sources[0].Config.(*csv.Config)
	if j.Target.Mode != "overwrite" || strings.Join(c.Path, " ") != "x.csv y.csv" || c.Schema[0].Type != "bigint" || j.Quarantine.MaxRows != 5 || j.Params["region"] != "looked up" || strings.Join(c.Columns, " ") != "id total" || j.Lake != "" {
		t.Errorf("%+v %+v", j, c)
	}
	same, err := loadWith(setJob)
	if err != nil {
		t.Fatal(err)
	}
	if same.SHA256 == j.SHA256 {
		t.Error("a changed job has the digest of the file")
	}
}

func TestSetRefusesWhatIsNotThere(t *testing.T) {
	for set, want := range map[string]string{
		"target":                    `--set target: "target" is not path=value`,
		"target..mode=x":            `is not path=value`,
		"source.path[7]=y":          `--set source.path[7]: [7]: the list has 1 elements`,
		"source.path[x]=y":          `is not path=value`,
		"job.x=y":                   `--set job.x: x: the value above it is not a mapping`,
		"job[0]=y":                  `--set job[0]: [0]: the value is not a list`,
		"target.table=[":            `--set target.table: the value is not YAML`,
		"target.mod=append":         `--set: target.mod: unknown field "mod"`,
		"target.mode=apend":         `--set: target.mode: "apend" is not one of`,
		"source.schema[0].type=inn": `--set: source.schema[0].type: "inn" is not a type`,
	} {
		_, err := loadWith(setJob, set)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", set, err, want)
		}
	}
	if _, err := loadWith(setJob, "nonsense"); fault.ClassOf(err) != fault.Usage {
		t.Errorf("class %v", fault.ClassOf(err))
	}
}
