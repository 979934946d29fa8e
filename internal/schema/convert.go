package schema

// Between says what storing values of type from in a column of type to does by itself. Widened covers exactly
// Iceberg's promotions (int → long, float → double, decimal(p, s) → decimal(p', s) with p' > p), also inside
// nested types; everything else that is not equal is Lossy.
func Between(from, to Type) Fidelity {
	switch {
	case from.Kind == to.Kind && !from.Nested():
		switch {
		case from.Equal(to):
			return Exact
		case from.Kind == Decimal && from.Scale == to.Scale && from.Precision < to.Precision:
			return Widened
		}
		return Lossy
	case from.Kind == Int && to.Kind == Long, from.Kind == Float && to.Kind == Double:
		return Widened
	case from.Kind != to.Kind || len(from.Fields) != len(to.Fields):
		return Lossy
	}
	worst := Exact
	for i, f := range from.Fields {
		g := to.Fields[i]
		if from.Kind == Struct && f.Name != g.Name {
			return Lossy
		}
		if g.Required && !f.Required {
			return Lossy
		}
		worst = max(worst, Between(f.Type, g.Type))
	}
	return worst
}
