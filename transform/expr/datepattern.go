package expr

import (
	"github.com/firn-data/firn/internal/datepattern"
	"github.com/firn-data/firn/transform/parse"
)

// constantPattern is the pattern of a function's argument, which must be a constant. null: it is NULL.
func (s *Scope) constantPattern(x *parse.Call, i int, e Expr, parsing bool) (p *datepattern.Pattern, null bool, err error) {
	if e, err = s.to(x, i, e, Type{Kind: String}); err != nil {
		return nil, false, err
	}
	l, ok := e.(*literal)
	if !ok {
		return nil, false, refuse(x.Args[i], "NEEDS_SPARK", "a pattern that is not a constant needs engine: spark")
	}
	if l.v.null(0) {
		return nil, true, nil
	}
	p, bad := datepattern.New(l.v.S[0], parsing)
	switch {
	case bad == nil:
		return p, false, nil
	case bad.Code == "":
		return nil, false, refuse(x.Args[i], "NEEDS_SPARK", "%s needs engine: spark", bad.Msg)
	}
	return nil, false, refuse(x.Args[i], bad.Code, "%s", bad.Msg)
}
