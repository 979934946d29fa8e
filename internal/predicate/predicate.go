// Package predicate is the small language in which conditions travel to sources, Parquet files and manifests:
// comparisons of one column with constants, joined by AND and OR. It never says more than the user's SQL did, so a
// reader may use as much of it as it can apply, and tells which conjuncts it applied exactly.
package predicate

import (
	"fmt"
	"strings"
)

// Op is a comparison.
type Op uint8

const (
	Eq Op = iota
	NotEq
	Lt
	LtEq
	Gt
	GtEq
	In        // Values holds the list
	IsNull    // Values is empty
	IsNotNull // Values is empty
	And       // Args holds the operands
	Or        // Args holds the operands
)

var opText = [...]string{"=", "<>", "<", "<=", ">", ">=", "IN", "IS NULL", "IS NOT NULL", "AND", "OR"}

// Predicate is a condition with SQL's three-valued logic: a row passes only when it is TRUE.
//
// Constants are Go values in the column's canonical type: bool, int32, int64, float32, float64, string, []byte,
// decimal128.Num (at the column's scale), arrow.Date32, arrow.Time64 and arrow.Timestamp (both µs).
type Predicate struct {
	Op     Op
	Column string
	Values []any
	Args   []Predicate
}

// Conjuncts splits p at its top-level ANDs. The zero Predicate, an AND of nothing, has none and is always TRUE.
func (p Predicate) Conjuncts() []Predicate {
	if p.IsTrue() {
		return nil
	}
	if p.Op != And {
		return []Predicate{p}
	}
	var out []Predicate
	for _, a := range p.Args {
		out = append(out, a.Conjuncts()...)
	}
	return out
}

// True is the predicate that every row passes.
func True() Predicate { return Predicate{Op: And} }

// IsTrue reports whether p holds for every row by its form alone.
func (p Predicate) IsTrue() bool {
	return p.Op == And && len(p.Args) == 0 || p.Op == Eq && p.Column == "" && p.Values == nil && p.Args == nil
}

// All joins conjuncts.
func All(ps ...Predicate) Predicate {
	var args []Predicate
	for _, p := range ps {
		args = append(args, p.Conjuncts()...)
	}
	if len(args) == 1 {
		return args[0]
	}
	return Predicate{Op: And, Args: args}
}

// Columns lists the columns that p reads, each once, in order of appearance.
func (p Predicate) Columns() []string {
	var out []string
	seen := map[string]bool{}
	var walk func(Predicate)
	walk = func(q Predicate) {
		if q.Column != "" && !seen[q.Column] {
			seen[q.Column] = true
			out = append(out, q.Column)
		}
		for _, a := range q.Args {
			walk(a)
		}
	}
	walk(p)
	return out
}

// String shows p for plans and logs.
func (p Predicate) String() string {
	switch {
	case p.IsTrue():
		return "TRUE"
	case p.Op == And || p.Op == Or:
		parts := make([]string, len(p.Args))
		for i, a := range p.Args {
			parts[i] = a.String()
			if a.Op == Or && p.Op == And {
				parts[i] = "(" + parts[i] + ")"
			}
		}
		return strings.Join(parts, " "+opText[p.Op]+" ")
	case p.Op == IsNull || p.Op == IsNotNull:
		return p.Column + " " + opText[p.Op]
	case p.Op == In:
		parts := make([]string, len(p.Values))
		for i, v := range p.Values {
			parts[i] = constant(v)
		}
		return p.Column + " IN (" + strings.Join(parts, ", ") + ")"
	}
	return p.Column + " " + opText[p.Op] + " " + constant(p.Values[0])
}

func constant(v any) string {
	switch x := v.(type) {
	case string:
		return "'" + strings.ReplaceAll(x, "'", "''") + "'"
	case []byte:
		return fmt.Sprintf("X'%X'", x)
	}
	return fmt.Sprint(v)
}
