// Package textarrow turns text into values, exactly or not at all (I4): numbers, dates, times and booleans as CSV and JSON
// files write them. The functions of swar.go read eight bytes at a time and therefore want slack behind the text.
package textarrow

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"github.com/firn-data/firn/internal/calendar"
)

// Slack is how many bytes must be readable behind a text that Uint, Cents, Day and Copy16 read from.
const Slack = 64

// word is the eight bytes at d[off:], which may lie behind len(d) within Slack, the first one lowest.
func word(d []byte, off uint32) uint64 {
	return binary.LittleEndian.Uint64(unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(d)), off)), 8))
}

// digits reads n digits, 1 to 8, at off.
func digits(d []byte, off, n uint32) (uint64, bool) { return digitsIn(word(d, off), n) }

// digitsIn reads the n digits, 1 to 8, at the bottom of a word.
func digitsIn(x uint64, n uint32) (uint64, bool) {
	shift := (8 - n) * 8
	x <<= shift
	x -= 0x3030303030303030 << shift
	if ((x+0x7676767676767676)|x)&0x8080808080808080 != 0 {
		return 0, false
	}
	x = x*10 + x>>8
	x = ((x&0x000000FF000000FF)*0x000F424000000064 + ((x>>16)&0x000000FF000000FF)*0x0000271000000001) >> 32
	return x & 0xffffffff, true
}

// Uint reads the digits d[s:e], 1 to 18 of them; anything else is not ok.
func Uint(d []byte, s, e uint32) (uint64, bool) {
	n := e - s
	if n-1 < 8 {
		return digits(d, s, n)
	}
	if n-1 >= 18 {
		return 0, false
	}
	var v uint64
	for n > 8 {
		head := n & 7
		if head == 0 {
			head = 8
		}
		x, ok := digits(d, s, head)
		if !ok {
			return 0, false
		}
		v = v*100_000_000 + x
		s += head
		n -= head
	}
	x, ok := digits(d, s, n)
	return v*100_000_000 + x, ok
}

// Fixed reads d[s:e] as a number with exactly scale digits behind the point, 1 to 8, and at most 18 in all, without its
// point: 12.50 is 1250. Anything else is not ok, which does not mean that it is no number: see Decimal.
func Fixed(d []byte, s, e uint32, scale uint32) (int64, bool) {
	if e-s < scale+2 || e-s > 20 {
		return 0, false
	}
	negative := d[s] == '-'
	if negative {
		s++
	}
	point := e - scale - 1
	if point <= s || d[point] != '.' || point-s > 18-scale {
		return 0, false
	}
	whole, ok1 := Uint(d, s, point)
	frac, ok2 := digits(d, point+1, scale)
	v := int64(whole*power10[scale] + frac)
	if negative {
		v = -v
	}
	return v, ok1 && ok2
}

// Short reads d[s:e], at most 8 bytes of digits with or without a point, as a number with scale digits behind the point, without its
// point. scale is at most 8. Anything else is not ok, which does not mean that it is no number: see Decimal.
func Short(d []byte, s, e uint32, scale uint32) (int64, bool) {
	n := e - s
	if n-1 >= 8 {
		return 0, false
	}
	x := word(d, s)
	behind := uint32(0)
	dots := x ^ 0x2E2E2E2E2E2E2E2E
	dots = (dots - 0x0101010101010101) & ^dots & 0x8080808080808080 // the lowest bit is that of the first point
	if at := uint32(bits.TrailingZeros64(dots)) / 8; at < n {
		if n == 1 {
			return 0, false
		}
		before := uint64(1)<<(8*at) - 1
		x = x&before | x>>8&^before // without the point
		n--
		behind = n - at
	}
	v, ok := digitsIn(x, n)
	if !ok || behind > scale {
		return 0, false
	}
	return int64(v * power10[scale-behind]), true
}

var power10 = [...]uint64{1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000}

// Years that the table of months covers; other dates take the slower way.
const firstYear, lastYear = 1800, 2199

// months is the day number of the first of each month since firstYear, and of the one after the last.
var months = func() (days [(lastYear-firstYear+1)*12 + 1]int32) {
	for i := range days {
		days[i] = int32(calendar.Day(firstYear+i/12, i%12+1, 1))
	}
	return days
}()

// Day reads yyyy-MM-dd at s as days since 1970-01-01, for the years 1800 to 2199.
func Day(d []byte, s uint32) (int32, bool) {
	x := word(d, s) // y y y y - M M -
	if x&0xFF0000FF00000000 != 0x2D00002D00000000 {
		return 0, false
	}
	c := x - 0x2D30302D30303030 // digits as numbers; a byte below '0' borrows and is found below
	if ((c+0x0076760076767676)|c)&0x0080800080808080 != 0 {
		return 0, false
	}
	d0, d1 := uint32(d[s+8])-'0', uint32(d[s+9])-'0'
	if d0 > 9 || d1 > 9 {
		return 0, false
	}
	year := uint32(c&0xf)*1000 + uint32(c>>8&0xf)*100 + uint32(c>>16&0xf)*10 + uint32(c>>24&0xf)
	month := uint32(c>>40&0xf)*10 + uint32(c>>48&0xf)
	day := d0*10 + d1
	if year-firstYear > lastYear-firstYear || month-1 >= 12 {
		return 0, false
	}
	at := (year-firstYear)*12 + month - 1
	first := months[at]
	if day-1 >= uint32(months[at+1]-first) {
		return 0, false
	}
	return first + int32(day) - 1, true
}

// Micros reads yyyy-MM-dd, a space or T, HH:mm:ss and up to six digits of a second behind a point, as µs since 1970, for the years that
// Day reads. Anything else is not ok, which does not mean that it is no timestamp: see Timestamp.
func Micros(d []byte, s, e uint32) (int64, bool) {
	n := e - s
	if n-19 > 7 || n == 20 {
		return 0, false
	}
	day, ok := Day(d, s)
	if c := d[s+10]; !ok || c != ' ' && c != 'T' {
		return 0, false
	}
	x := word(d, s+11) ^ 0x30303A30303A3030 // H H : m m : s s, digits as numbers and colons as zeros
	if x&0x0000FF0000FF0000 != 0 || (x+0x7676767676767676|x)&0x8080808080808080 != 0 {
		return 0, false
	}
	hour, minute, second := x&0xff*10+x>>8&0xff, x>>24&0xff*10+x>>32&0xff, x>>48&0xff*10+x>>56
	if hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	v := int64(day)*86_400_000_000 + int64(hour*3600+minute*60+second)*1_000_000
	if n == 19 {
		return v, true
	}
	part, ok := digits(d, s+20, n-20)
	return v + int64(part*power10[26-n]), ok && d[s+19] == '.'
}

// Copy48 copies n bytes, at most 48, from d[s:] to the start of dst, writing 48.
func Copy48(dst, d []byte, s uint32) {
	*(*[48]byte)(dst) = *(*[48]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(d)), s))
}

// Copy16 copies n bytes, at most 16, from d[s:] to the start of dst, writing 16.
func Copy16(dst, d []byte, s uint32) {
	_ = dst[15]
	binary.LittleEndian.PutUint64(dst, word(d, s))
	binary.LittleEndian.PutUint64(dst[8:], word(d, s+8))
}
