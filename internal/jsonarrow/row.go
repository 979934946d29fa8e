// Package jsonarrow turns rows of record batches into JSON.
package jsonarrow

import (
	"bytes"

	"github.com/apache/arrow-go/v18/arrow"
)

// AppendRow appends row i of rec as one JSON object, its columns in order. Decimals and times are strings, so that no
// digit is lost; binaries are base64.
func AppendRow(dst []byte, rec arrow.RecordBatch, i int) []byte {
	row := rec.NewSlice(int64(i), int64(i)+1)
	defer row.Release()
	text, err := row.MarshalJSON()
	if err != nil {
		return append(dst, "null"...)
	}
	return append(dst, bytes.TrimSuffix(bytes.TrimPrefix(bytes.TrimSpace(text), []byte("[")), []byte("]"))...)
}
