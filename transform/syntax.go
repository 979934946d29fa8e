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
	at := slices.IndexFunc(p.Schema().Fields(), func(f arrow.Field) bool { return strings.EqualFold(f.Name, column) })
	if at < 0 || p.origins[at].input == "" {
		return "", 0, false
	}
	return p.origins[at].input, p.origins[at].index, true
}

// origin is where a column comes from; input is empty for what an expression makes.
type origin struct {
	input string
	index int
}

// originsOf follows the columns of a node down to the inputs. It is asked before columns are pruned.
func originsOf(n node) []origin {
	out := make([]origin, n.schema().NumFields())
	switch n := n.(type) {
	case *readNode:
		for i := range out {
			out[i] = origin{n.name, i}
		}
	case *projectNode:
		in := originsOf(n.in)
		for i, item := range n.items {
			if item.column >= 0 {
				out[i] = in[item.column]
			}
		}
	case *limitNode, *sortNode, *dedupeNode, *expectNode:
		return originsOf(n.inputs()[0])
	case *windowNode:
		copy(out, originsOf(n.in)) // the number follows
	case *joinNode:
		return append(originsOf(n.sides[probeSide]), originsOf(n.sides[buildSide])...)
	}
	return out
}
