package predicate

import "testing"

func TestStringAndConjuncts(t *testing.T) {
	p := All(
		Predicate{Op: Gt, Column: "a", Values: []any{int64(3)}},
		Predicate{Op: Or, Args: []Predicate{{Op: IsNull, Column: "b"}, {Op: Eq, Column: "b", Values: []any{"it's"}}}},
		True(),
		Predicate{Op: In, Column: "c", Values: []any{int64(1), int64(2)}},
	)
	if got, want := p.String(), "a > 3 AND (b IS NULL OR b = 'it''s') AND c IN (1, 2)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if n := len(p.Conjuncts()); n != 3 {
		t.Errorf("%d conjuncts", n)
	}
	if got := p.Columns(); len(got) != 3 || got[1] != "b" {
		t.Errorf("columns %v", got)
	}
	if !(Predicate{}).IsTrue() || len(True().Conjuncts()) != 0 {
		t.Error("the zero predicate is not TRUE")
	}
}
