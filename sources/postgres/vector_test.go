package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// wireNumeric writes a number as numeric_send does: digits of base 10000, without leading or trailing zero digits.
func wireNumeric(unscaled *big.Int, scale int) []byte {
	sign := uint16(0)
	v := new(big.Int).Set(unscaled)
	if v.Sign() < 0 {
		sign = 0x4000
		v.Neg(v)
	}
	text := v.String()
	text = strings.Repeat("0", max(0, scale+1-len(text))) + text
	whole, frac := text[:len(text)-scale], text[len(text)-scale:]
	whole = strings.Repeat("0", (4-len(whole)%4)%4) + whole
	frac += strings.Repeat("0", (4-len(frac)%4)%4)
	weight := len(whole)/4 - 1
	all := whole + frac
	for strings.HasPrefix(all, "0000") {
		all, weight = all[4:], weight-1
	}
	for strings.HasSuffix(all, "0000") {
		all = all[:len(all)-4]
	}
	if all == "" {
		weight = 0
	}
	out := binary.BigEndian.AppendUint16(nil, uint16(len(all)/4))
	out = binary.BigEndian.AppendUint16(out, uint16(weight))
	out = binary.BigEndian.AppendUint16(out, sign)
	out = binary.BigEndian.AppendUint16(out, uint16(scale))
	for ; all != ""; all = all[4:] {
		var d uint16
		fmt.Sscan(strings.TrimLeft(all[:3], "0")+all[3:4], &d)
		out = binary.BigEndian.AppendUint16(out, d)
	}
	return out
}

// TestNumericsAreExact decodes numbers of every length in every decimal type, and refuses those that have a digit too many.
func TestNumericsAreExact(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	random := rand.New(rand.NewPCG(1, 2))
	for p := 1; p <= 38; p++ {
		for s := 0; s <= p; s++ {
			_, mk := scalar(oidNumeric, int32(p<<16|s)+4)
			v := mk(alloc, 4)
			var want []string
			for n := 0; n <= p; n++ {
				digits := ""
				for range n {
					digits += string("0123456789099"[random.IntN(13)])
				}
				u, _ := new(big.Int).SetString("0"+digits, 10)
				if random.IntN(2) == 0 {
					u.Neg(u)
				}
				if err := v.set(n, wireNumeric(u, s)); err != nil {
					t.Fatalf("%s × 10^-%d as decimal(%d, %d): %v", u, s, p, s, err)
				}
				want = append(want, u.String())
			}
			over := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(p)), nil)
			var bad *badValue
			if err := v.set(p+1, wireNumeric(over, s)); !errors.As(err, &bad) {
				t.Fatalf("10^%d fits into decimal(%d, %d): %v", p, p, s, err)
			}
			if err := v.set(p+1, wireNumeric(big.NewInt(1), s+1)); !errors.As(err, &bad) {
				t.Fatalf("a digit below the scale fits into decimal(%d, %d): %v", p, s, err)
			}
			got := v.take(p + 1).(*array.Decimal128)
			for i, w := range want {
				if g := got.Value(i).BigInt().String(); g != w {
					t.Fatalf("decimal(%d, %d): got %s, want %s", p, s, g, w)
				}
			}
			got.Release()
			v.release()
		}
	}
}

// TestARowSetAgainTakesItsPlace sets rows, nulls and bad rows in random order, in every kind of vector.
func TestARowSetAgainTakesItsPlace(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	types := catalog{oidText: {oid: oidText, delim: ','}, 1009: {oid: 1009, elem: oidText, delim: ','}, 9: {oid: 9, delim: ','}, 10: {oid: 10, elem: 9}}
	for name, c := range map[string]struct {
		oid    uint32
		value  func(i int) []byte
		wanted func(i int) string
	}{
		"int8":  {oidInt8, func(i int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) }, func(i int) string { return fmt.Sprint(i) }},
		"bool":  {oidBool, func(i int) []byte { return []byte{byte(i % 2)} }, func(i int) string { return fmt.Sprint(i%2 == 1) }},
		"text":  {oidText, func(i int) []byte { return []byte(strings.Repeat("x", i%40)) }, func(i int) string { return strings.Repeat("x", i%40) }},
		"uuid":  {oidUUID, func(i int) []byte { return append(make([]byte, 15), byte(i)) }, func(i int) string { return fmt.Sprintf("00000000-0000-0000-0000-0000000000%02x", byte(i)) }},
		"inets": {10, func(i int) []byte { return []byte(fmt.Sprintf(`{%d,"a\"%d",NULL}`, i, i)) }, func(i int) string { return fmt.Sprintf(`["%d","a\"%d",null]`, i, i) }},
	} {
		types[c.oid] = pgType{oid: c.oid, elem: types[c.oid].elem, delim: ','}
		col := &column{name: name}
		col.mapType(types, c.oid, -1)
		v := col.vector(alloc, 2)
		random := rand.New(rand.NewPCG(3, 4))
		for round := range 3 {
			n := 1000 * round
			want := make([]string, n)
			for i := range n {
				for again := true; again; again = random.IntN(4) == 0 {
					if want[i] = "(null)"; random.IntN(5) == 0 {
						v.null(i)
						continue
					}
					k := random.IntN(100000)
					if err := v.set(i, c.value(k)); err != nil {
						t.Fatal(err)
					}
					want[i] = c.wanted(k)
				}
			}
			a := v.take(n)
			if a.Len() != n {
				t.Fatalf("%s: %d rows, want %d", name, a.Len(), n)
			}
			for i, w := range want {
				if got := a.ValueStr(i); got != w {
					t.Fatalf("%s: row %d is %s, want %s", name, i, got, w)
				}
			}
			a.Release()
		}
		v.release()
	}
}

// FuzzValues feeds bytes that no server sends: an error, never a panic, and no memory kept.
func FuzzValues(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 'x', 255, 255, 255, 255})
	f.Add([]byte(`{a,"b\"",NULL,{}}`))
	f.Add(wireNumeric(big.NewInt(-123456789), 4))
	oids := []uint32{oidBool, oidBytea, oidName, oidInt8, oidInt2, oidInt4, oidOID, oidFloat4, oidFloat8, oidDate, oidTime, oidTimestamp, oidNumeric, oidUUID}
	f.Fuzz(func(t *testing.T, src []byte) {
		alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
		defer alloc.AssertSize(t, 0)
		for _, oid := range oids {
			types := catalog{oid: {oid: oid, delim: ','}, 7: {oid: 7, elem: oid}, 8: {oid: 8, elem: 9}, 9: {oid: 9, delim: ';'}}
			for _, o := range []uint32{oid, 7, 8} {
				c := &column{}
				c.mapType(types, o, 38<<16|20+4)
				v := c.vector(alloc, 1)
				n := 1
				if err := v.set(0, src); err != nil {
					n = 0
				}
				v.take(n).Release()
				v.release()
			}
		}
	})
}
