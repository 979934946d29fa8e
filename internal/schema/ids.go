package schema

// AssignIDs gives every field an id above last, columns first and then what is nested in them, as Iceberg's libraries do.
// It returns the last id given.
func AssignIDs(s *Schema, last int) int { return assign(s.Fields, last) }

func assign(fields []Field, last int) int {
	for i := range fields {
		last++
		fields[i].ID = last
	}
	for i := range fields {
		t := &fields[i].Type
		if t.Nested() {
			t.Fields = append([]Field{}, t.Fields...)
			last = assign(t.Fields, last)
		}
	}
	return last
}
