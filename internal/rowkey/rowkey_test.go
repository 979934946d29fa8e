package rowkey_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/rowkey"
)

func TestKeysAreEqualWhenTheRowsAre(t *testing.T) {
	text := array.NewStringBuilder(memory.DefaultAllocator)
	defer text.Release()
	text.AppendValues([]string{"a", "ab", "a", "", "", ""}, []bool{true, true, true, true, false, false})
	more := array.NewStringBuilder(memory.DefaultAllocator)
	defer more.Release()
	more.AppendValues([]string{"bc", "c", "bc", "", "", ""}, []bool{true, true, true, true, true, false})
	key, err := rowkey.Of(text.NewArray(), more.NewArray())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for i := range 6 {
		k := string(key(nil, i))
		if at, dup := seen[k]; dup != (i == 2) || dup && at != 0 {
			t.Errorf("row %d has the key of row %d", i, at)
		}
		seen[k] = i
	}
	floats := array.NewFloat64Builder(memory.DefaultAllocator)
	defer floats.Release()
	floats.AppendValues([]float64{0, math.Copysign(0, -1), math.NaN(), -math.NaN(), 1}, nil)
	if key, err = rowkey.Of(floats.NewArray()); err != nil {
		t.Fatal(err)
	}
	if string(key(nil, 0)) != string(key(nil, 1)) || string(key(nil, 2)) != string(key(nil, 3)) || string(key(nil, 0)) == string(key(nil, 4)) {
		t.Error("zeros or NaNs differ")
	}
}

func TestASetKnowsItsKeysAndItsMemory(t *testing.T) {
	s := rowkey.NewSet()
	for i := range 10000 {
		k := fmt.Appendf(nil, "key %d", i)
		need := s.Need(len(k))
		fresh := s.Add(k)
		if s.Bytes() > need {
			t.Fatalf("key %d: the set holds %d bytes and asked for %d", i, s.Bytes(), need)
		}
		if !fresh || s.Add(k) {
			t.Fatalf("key %d was there before it was added, or is not there after", i)
		}
	}
	if s.Len() != 10000 || !s.Has([]byte("key 77")) || s.Has([]byte("key")) {
		t.Error("the set lost a key or made one up")
	}
}
