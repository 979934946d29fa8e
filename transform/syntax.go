package transform

import (
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/transform/parse"
)

// CheckQuery finds what is wrong with the grammar of a step's SQL, which stands at a place in the job file.
func CheckQuery(sql string, at fault.Place) error {
	if _, err := parse.Parse(sql); err != nil {
		return place(err, sql, at)
	}
	return nil
}

// CheckCondition does so for the check of an expectation.
func CheckCondition(check string, at fault.Place) error {
	if _, err := parse.ParseExpr(check); err != nil {
		return place(err, check, at)
	}
	return nil
}

// Origin is the input and the index of its column that a column of the result is, unchanged, or ok = false for one that an
// expression makes.
func (p *Program) Origin(column string) (input string, index int, ok bool) {
	at := slices.IndexFunc(p.schema.Fields(), func(f arrow.Field) bool { return strings.EqualFold(f.Name, column) })
	for i := len(p.stages) - 1; i >= 0 && at >= 0; i-- {
		switch s := p.stages[i].(type) {
		case *sqlStage:
			at = s.items[at].column
		case *dedupeStage, *expectStage:
		default:
			return "", 0, false
		}
	}
	return p.inputs[0].Name, at, at >= 0 && len(p.inputs) == 1
}
