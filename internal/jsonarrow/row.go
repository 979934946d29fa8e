// Package jsonarrow turns rows of record batches into JSON.
package jsonarrow

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// AppendRow appends row i of rec as one JSON object, its columns in order. Decimals are numbers with all their digits,
// times are strings, binaries are base64; NaN and infinities, which JSON lacks, are strings too.
func AppendRow(dst []byte, rec arrow.RecordBatch, i int) []byte {
	dst = append(dst, '{')
	for c, col := range rec.Columns() {
		if c > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSON(dst, rec.ColumnName(c))
		dst = append(dst, ':')
		if col.IsNull(i) {
			dst = append(dst, "null"...)
			continue
		}
		if d, ok := col.(*array.Decimal128); ok {
			dst = append(dst, d.Value(i).ToString(d.DataType().(*arrow.Decimal128Type).Scale)...)
			continue
		}
		dst = appendJSON(dst, col.GetOneForMarshal(i))
	}
	return append(dst, '}')
}

func appendJSON(dst []byte, v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		b.Reset()
		fmt.Fprintf(&b, "%q", err)
	}
	return append(dst, bytes.TrimSpace(b.Bytes())...)
}

// Text is value i of a column as people read it: decimals with all digits of their scale.
func Text(col arrow.Array, i int) string {
	if d, ok := col.(*array.Decimal128); ok && d.IsValid(i) {
		return d.Value(i).ToString(d.DataType().(*arrow.Decimal128Type).Scale)
	}
	return col.ValueStr(i)
}
