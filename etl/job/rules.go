package job

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/partition"
	"github.com/firn-data/firn/transform"
)

// reserved are the parameters that every run has.
var reserved = []string{"run_id", "job", "interval_start", "interval_end", "run_started", "cursor_from", "cursor_to"}

// rules checks what holds between fields, and the languages inside them as far as that needs no schema.
func (d *decoder) rules(j *Job) {
	if !isJobName(j.Name) {
		d.bad("job", "%q is not a job's name", j.Name).Hint("start with a lower-case letter; use up to 100 letters, digits, _ and -")
	}
	if j.Engine == "spark" {
		d.bad("engine", "the Spark engine is not built in").Hint("use engine: native, or leave it out")
	}
	for _, name := range slices.Sorted(maps.Keys(j.Params)) {
		switch {
		case !isIdentifier(name):
			d.bad("params."+name, "%q is not a parameter's name", name).Hint("use letters, digits and _")
		case slices.Contains(reserved, strings.ToLower(name)):
			d.bad("params."+name, "every run has :%s itself", name).Hint("give the parameter another name")
		}
	}
	d.tableRules(j)
	d.sourceRules(j)
	d.modeRules(j)
	for i, s := range j.Transform {
		d.stepRules(s, fmt.Sprintf("transform[%d]", i))
	}
}

// bad reports a value that its field's type allows but a rule does not.
func (d *decoder) bad(path, format string, args ...any) *fault.Error {
	at, ok := d.places[path]
	if !ok {
		at = fault.Place{File: d.file, Line: 1, Column: 1, Path: path}
	}
	e := fault.New(fault.Config, format, args...).At(at)
	d.errs = append(d.errs, e)
	return e
}

// isJobName reports whether s matches ^[a-z][a-z0-9_-]{0,99}$.
func isJobName(s string) bool {
	for i, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || c != '_' && c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return 0 < len(s) && len(s) <= 100
}

// isIdentifier reports whether SQL can write s without quotes.
func isIdentifier(s string) bool {
	for i, c := range []byte(strings.ToLower(s)) {
		if c != '_' && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func (d *decoder) tableRules(j *Job) {
	if j.Target.Table == "" {
		d.bad("target.table", "the job has no target table").Hint("add target: {table: namespace.table}")
	} else if _, err := catalog.ParseIdent(j.Target.Table); err != nil {
		d.bad("target.table", "%s", messageOf(err))
	}
	if q := j.Quarantine.Table; q != "" {
		if _, err := catalog.ParseIdent(q); err != nil {
			d.bad("quarantine.table", "%s", messageOf(err))
		}
	}
	for i, text := range j.Target.Partition {
		if _, err := partition.ParseExpr(text); err != nil {
			d.bad(fmt.Sprintf("target.partition[%d]", i), "%s", err)
		}
	}
	for i, text := range j.Target.Sort {
		if _, err := partition.ParseSortExpr(text); err != nil {
			d.bad(fmt.Sprintf("target.sort[%d]", i), "%s", err)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(j.Target.Properties)) {
		if strings.HasPrefix(k, "firn.") {
			d.bad("target.properties", "properties that start with firn. are firn's own: %s", k)
		}
	}
}

// sourceRules: at most one source of a job moves, by a cursor or by the interval; the others are read whole.
func (d *decoder) sourceRules(j *Job) {
	moving := ""
	for _, s := range j.Sources {
		if !isIdentifier(s.Name) {
			d.bad(s.path, "%q is not a source's name", s.Name).Hint("SQL names it: use letters, digits and _")
		}
		switch {
		case s.Cursor != nil && s.Interval != nil:
			d.bad(s.path+".cursor", "a source has a cursor or an interval, never both")
		case s.Cursor == nil && s.Interval == nil:
			continue
		case moving != "":
			d.bad(s.path, "%s and %s both have a cursor or an interval", moving, s.Name).Hint("only one source of a job can; the others are read whole")
		}
		moving = s.Name
		switch {
		case s.Cursor != nil && s.Cursor.Column == "":
			d.bad(s.path+".cursor", "a cursor needs a column")
		case s.Interval != nil && s.Interval.Column == "" && s.Interval.By == "":
			d.bad(s.path+".interval", "an interval needs a column, or by: path")
		case s.Interval != nil && s.Interval.By != "" && s.Interval.By != "path":
			d.bad(s.path+".interval.by", "%q is not one of path", s.Interval.By)
		}
	}
}

func (d *decoder) modeRules(j *Job) {
	cursor, interval := false, false
	for _, s := range j.Sources {
		cursor, interval = cursor || s.Cursor != nil, interval || s.Interval != nil
	}
	t := j.Target
	switch t.Mode {
	case "overwrite":
		if cursor || interval {
			d.bad("target.mode", "overwrite replaces everything, so the source can have no cursor and no interval")
		}
	case "replace_interval":
		if t.Interval == "" {
			d.bad("target.interval", "replace_interval needs target.interval: a date or timestamp column of the table")
		}
		if cursor {
			d.bad("target.mode", "replace_interval cannot go with a cursor")
		}
	case "overwrite_partitions":
		if len(t.Partition) == 0 {
			d.bad("target.partition", "overwrite_partitions needs target.partition")
		}
	case "upsert":
		if len(t.Key) == 0 {
			d.bad("target.key", "upsert needs target.key: the columns that identify a row")
		}
	}
}

func (d *decoder) stepRules(s Step, path string) {
	given := 0
	for _, is := range []bool{s.SQL != "", s.Dedupe != nil, s.Expect != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		d.bad(path, "a step is one of sql, dedupe and expect")
		return
	}
	if s.Dedupe != nil && len(s.Dedupe.Key) == 0 {
		d.bad(path+".dedupe", "dedupe needs a key")
	}
	if s.SQL != "" {
		if err := transform.CheckQuery(s.SQL, d.places[path+".sql"]); err != nil {
			d.errs = append(d.errs, err)
		}
	}
	names := map[string]bool{}
	for k, e := range s.Expect {
		at := fmt.Sprintf("%s.expect[%d]", path, k)
		switch {
		case e.Name == "":
			d.bad(at, "an expectation needs a name")
		case names[e.Name]:
			d.bad(at+".name", "two expectations of a step are called %s", e.Name)
		}
		names[e.Name] = true
		if err := transform.CheckCondition(e.Check, d.places[at+".check"]); err != nil {
			d.errs = append(d.errs, err)
		}
	}
}
