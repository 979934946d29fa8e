package transform

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/transform/expr"
)

// joinNode pairs the rows of two inputs whose keys are equal and that meet a further condition. A left join also gives each row
// of the left side that has no partner, with NULLs beside it. The right side is held in a hash table, the left one streams by.
//
// Keys that are NULL equal nothing, but where the condition was <=>; NaN equals NaN, and −0.0 equals 0.0.
type joinNode struct {
	base
	sides    [2]node
	keys     [2]intake // of each side; exprs are the keys, pair by pair of one type
	nullSafe []bool    // of each pair: <=>
	residual expr.Expr // over the columns of both sides; nil: none
	outer    bool      // LEFT
	text     string    // of the condition, for Explain
	give     []int     // columns of both sides, before pruning, that are given
	out      *arrow.Schema
}

func newJoin(step *Step, name string, left, right node, outer bool) *joinNode {
	n := &joinNode{base: base{step: step}, sides: [2]node{left, right}, outer: outer}
	var fields []arrow.Field
	for i, side := range n.sides {
		n.keys[i] = intake{base: base{step: step}, name: name, port: port{width: side.schema().NumFields()}}
		for _, f := range side.schema().Fields() {
			f.Nullable = f.Nullable || i == 1 && outer
			n.give = append(n.give, len(fields))
			fields = append(fields, f)
		}
	}
	n.out = arrow.NewSchema(fields, nil)
	return n
}

func (n *joinNode) schema() *arrow.Schema          { return n.out }
func (n *joinNode) inputs() []node                 { return n.sides[:] }
func (n *joinNode) connect(side int, became []int) { n.keys[side].became = became }
func (n *joinNode) merges() bool                   { return true }

// prune reads what is given, and what keys and condition need.
func (n *joinNode) prune(keep []bool) ([]int, [][]bool) {
	for i := range n.keys {
		n.keys[i].merged = n.merged
	}
	n.give, n.out = kept(n.give, keep), arrow.NewSchema(kept(n.out.Fields(), keep), nil)
	both := marks(len(keep), n.residual)
	for i, k := range keep {
		both[i] = both[i] || k
	}
	reads := [][]bool{both[:n.keys[0].width], both[n.keys[0].width:]}
	for side, r := range reads {
		for i, k := range n.keys[side].reads() {
			r[i] = r[i] || k
		}
	}
	return renumber(keep), reads
}

func (n *joinNode) describe() string {
	s := "Join"
	if n.outer {
		s = "LeftJoin"
	}
	if len(n.keys[0].exprs) == 0 {
		s += " every row"
	}
	return s + " " + n.text
}

// joinText shows the condition of a join.
func joinText(pairs []string, residual string) string {
	if residual != "" {
		pairs = append(pairs, residual)
	}
	return fmt.Sprintf("on %s", strings.Join(pairs, " AND "))
}
