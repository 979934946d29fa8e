package parquet

// describe says of the finished file what a manifest wants, from what the writer counted.
//
// Columns inside lists and maps have counts but no bounds: Iceberg's readers could not use them.
func (w *Writer) describe() File {
	f := File{Bytes: w.out.n, Records: w.rows, Columns: make(map[int]ColumnMetric, len(w.columns))}
	for _, g := range w.groups {
		f.SplitOffsets = append(f.SplitOffsets, g.start)
	}
	for _, c := range w.columns {
		m := c.total
		m.NaNs = c.whole.nans
		if c.maxRep == 0 {
			m.Lower, m.Upper = c.whole.icebergBounds(c.field.Type)
		}
		f.Columns[c.field.ID] = m
	}
	return f
}
