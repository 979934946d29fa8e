// Package rowkey turns the values of some columns of a row into bytes that are equal exactly when the rows are equal in those
// columns, and keeps sets of such keys.
package rowkey

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/extensions"
)

// Of gives a function that appends the key of row i of the columns, which have canonical Arrow types. NULL equals NULL and
// nothing else, NaN equals NaN, −0.0 equals 0.0. Equal keys come from columns of equal types only.
func Of(cols ...arrow.Array) (func(key []byte, i int) []byte, error) {
	parts := make([]func([]byte, int) []byte, len(cols))
	for c, col := range cols {
		var err error
		if parts[c], err = value(col); err != nil {
			return nil, err
		}
	}
	return func(key []byte, i int) []byte {
		for c, part := range parts {
			if cols[c].IsNull(i) {
				key = append(key, 0)
				continue
			}
			key = part(append(key, 1), i)
		}
		return key
	}, nil
}

func value(col arrow.Array) (func([]byte, int) []byte, error) {
	le := binary.LittleEndian
	switch c := col.(type) {
	case *array.Boolean:
		return func(k []byte, i int) []byte {
			if c.Value(i) {
				return append(k, 1)
			}
			return append(k, 0)
		}, nil
	case *array.Int32:
		return func(k []byte, i int) []byte { return le.AppendUint32(k, uint32(c.Value(i))) }, nil
	case *array.Int64:
		return func(k []byte, i int) []byte { return le.AppendUint64(k, uint64(c.Value(i))) }, nil
	case *array.Date32:
		return func(k []byte, i int) []byte { return le.AppendUint32(k, uint32(c.Value(i))) }, nil
	case *array.Time64:
		return func(k []byte, i int) []byte { return le.AppendUint64(k, uint64(c.Value(i))) }, nil
	case *array.Timestamp:
		return func(k []byte, i int) []byte { return le.AppendUint64(k, uint64(c.Value(i))) }, nil
	case *array.Float32:
		return func(k []byte, i int) []byte { return le.AppendUint64(k, floatBits(float64(c.Value(i)))) }, nil
	case *array.Float64:
		return func(k []byte, i int) []byte { return le.AppendUint64(k, floatBits(c.Value(i))) }, nil
	case *array.Decimal128:
		return func(k []byte, i int) []byte { return decimal(k, c.Value(i)) }, nil
	case *array.String:
		return func(k []byte, i int) []byte {
			s := c.Value(i)
			return append(binary.AppendUvarint(k, uint64(len(s))), s...)
		}, nil
	case *array.Binary:
		return func(k []byte, i int) []byte {
			s := c.Value(i)
			return append(binary.AppendUvarint(k, uint64(len(s))), s...)
		}, nil
	case *array.FixedSizeBinary:
		return func(k []byte, i int) []byte { return append(k, c.Value(i)...) }, nil
	case *extensions.UUIDArray:
		s := c.Storage().(*array.FixedSizeBinary)
		return func(k []byte, i int) []byte { return append(k, s.Value(i)...) }, nil
	}
	return nil, fmt.Errorf("%s cannot be part of a key", col.DataType())
}

// floatBits are the same for all NaNs and for both zeros.
func floatBits(v float64) uint64 {
	switch {
	case v != v:
		return math.Float64bits(math.NaN())
	case v == 0:
		return 0
	}
	return math.Float64bits(v)
}

func decimal(k []byte, d decimal128.Num) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(k, d.LowBits()), uint64(d.HighBits()))
}
