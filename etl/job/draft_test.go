package job

import (
	"strings"
	"testing"

	"github.com/firn-data/firn/internal/fault"
)

func TestASourceBecomesAJob(t *testing.T) {
	lookup := func(n string) (string, bool) { return "postgres://u:hunter22@h/db", n == "DSN" }
	for arg, want := range map[string]string{
		"orders.csv":                      "orders csv path: orders.csv",
		"raw/Orders-2024.csv.gz":          "orders_2024 csv path: raw/Orders-2024.csv.gz",
		"data/*.csv":                      `data csv path: "data/*.csv"`,
		"/a/2024.tsv":                     "t_2024 csv path: /a/2024.tsv",
		"-":                               `stdin csv path: "-"`,
		"s3://b/raw/x.csv":                `x csv path: "s3://b/raw/x.csv"`,
		"https://h/x.csv?y=1":             `x csv path: "https://h/x.csv?y=1"`,
		"$a.csv":                          `a csv path: "$a.csv"`,
		"${DSN}#public.orders":            `orders postgres dsn: "${DSN}"`,
		`${DSN}#"Sales"."Order Items"`:    `order_items postgres dsn: "${DSN}"`,
		"postgres://u@h/db#s.t":           `t postgres dsn: "postgres://u@h/db"`,
		"postgres://u:hunter22@h/db#t":    `t postgres dsn: "${POSTGRES_DSN}"`,
		"postgresql://h?password=xyzzy#t": `t postgres dsn: "${POSTGRES_DSN}"`,
	} {
		if !IsSource(arg) {
			t.Errorf("%s is not taken for a source", arg)
		}
		d, err := NewDraft(arg, lookup)
		if err != nil {
			t.Errorf("%s: %v", arg, err)
			continue
		}
		text := d.YAML(nil, nil)
		parts := strings.SplitN(want, " ", 3)
		if d.Name != parts[0] || d.Kind != parts[1] || !strings.Contains(text, "\n  "+parts[2]+"\n") || !strings.Contains(text, "table: raw."+d.Name) {
			t.Errorf("%s: %+v\n%s", arg, d, text)
		}
		if strings.Contains(text, "hunter22") || strings.Contains(text, "xyzzy") {
			t.Errorf("%s: a password is in the job:\n%s", arg, text)
		}
		if d.Kind == "csv" || !strings.Contains(arg, "postgresql") {
			if _, err := Load(strings.NewReader(text), Options{File: arg, Lookup: d.Lookup(lookup), Sources: kinds()}); err != nil {
				t.Errorf("%s: the job does not load: %v\n%s", arg, err, text)
			}
		}
	}
	for _, arg := range []string{"orders.yaml", "job.yml", "jobs/x", "orders.cvs"} {
		if IsSource(arg) {
			t.Errorf("%s is taken for a source", arg)
		}
	}
	for arg, want := range map[string]string{
		"orders.cvs":                      "did you mean orders.csv?",
		"postgres://u:hunter22@h/d":       "put it after #, as in",
		"s3://k:hunter22@b/x.csv":         "put them into the store of a lake",
		"mysql://u:hunter22@h/d":          "starts with postgres://",
		"host=h user=u password=hunter22": "starts with postgres://",
		"x.docker":                        "a job is *.yaml",
	} {
		_, err := NewDraft(arg, lookup)
		if !fault.Is(err, fault.Usage) || !strings.Contains(fault.HintOf(err), want) || strings.Contains(err.Error()+fault.HintOf(err), "hunter22") {
			t.Errorf("%s: %v: %s", arg, err, fault.HintOf(err))
		}
	}
}
