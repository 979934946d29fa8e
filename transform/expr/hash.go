package expr

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/firn-data/firn/transform/parse"
)

// hasher is one of Spark's two row hashes: each value is hashed with the hash of what stands before it as its seed, and NULL
// leaves it as it is.
type hasher interface {
	int32(v int32, seed uint64) uint64
	int64(v int64, seed uint64) uint64
	bytes(s string, seed uint64) uint64
}

const hashSeed = 42

// bindHash is hash (murmur3, INT) or xxhash64 (BIGINT).
func bindHash(h hasher, result Kind) func(*Scope, *parse.Call, []Expr) (Expr, error) {
	return func(_ *Scope, x *parse.Call, args []Expr) (Expr, error) {
		for i, a := range args {
			if a.Type().Kind == Opaque {
				return nil, refuse(x.Args[i], "NEEDS_SPARK", "%s of %s needs engine: spark", x.Name, a.Type())
			}
		}
		return &apply{args: args, typ: Type{Kind: result}, nulls: true, f: func(a []*Vec, k int, out *Vec) (string, string) {
			seed := uint64(hashSeed)
			for _, v := range a {
				if !v.null(k) {
					seed = hashValue(h, v, k, seed)
				}
			}
			out.I[k] = int64(seed)
			if result == Int {
				out.I[k] = int64(int32(seed))
			}
			return "", ""
		}}, nil
	}
}

func hashValue(h hasher, v *Vec, k int, seed uint64) uint64 {
	switch v.Type.Kind {
	case Boolean, TinyInt, SmallInt, Int, Date:
		return h.int32(int32(v.I[k]), seed)
	case Float:
		return h.int32(int32(math.Float32bits(float32(plainFloat(v.F[k])))), seed)
	case Double:
		return h.int64(int64(math.Float64bits(plainFloat(v.F[k]))), seed)
	case Decimal:
		if v.Type.P <= 18 {
			return h.int64(int64(v.D[k].LowBits()), seed)
		}
		return h.bytes(decimalBytes(v.D[k]), seed)
	case String, Binary:
		return h.bytes(v.S[k], seed)
	case Array:
		for _, item := range arrayItems(v.S[k]) {
			seed = h.bytes(item, seed)
		}
		return seed
	}
	return h.int64(v.I[k], seed)
}

// plainFloat is Java's canonical NaN and 0.0 for −0.0.
func plainFloat(f float64) float64 {
	switch {
	case math.IsNaN(f):
		return math.Float64frombits(0x7ff8000000000000)
	case f == 0:
		return 0
	}
	return f
}

// decimalBytes is the shortest two's complement, big-endian, as Java's BigInteger.toByteArray.
func decimalBytes(d decimal128.Num) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(d.HighBits()))
	binary.BigEndian.PutUint64(b[8:], d.LowBits())
	i := 0
	for i < 15 && (b[i] == 0 && b[i+1] < 0x80 || b[i] == 0xff && b[i+1] >= 0x80) {
		i++
	}
	return string(b[i:])
}

// murmur3 is Spark's Murmur3_x86_32, whose tail bytes are hashed one by one as integers.
type murmur3 struct{}

func mixK(k uint32) uint32 { return bits.RotateLeft32(k*0xcc9e2d51, 15) * 0x1b873593 }

func mixH(h, k uint32) uint32 { return bits.RotateLeft32(h^k, 13)*5 + 0xe6546b64 }

func finish(h, n uint32) uint64 {
	h ^= n
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return uint64(h ^ h>>16)
}

func (murmur3) int32(v int32, seed uint64) uint64 {
	return finish(mixH(uint32(seed), mixK(uint32(v))), 4)
}

func (murmur3) int64(v int64, seed uint64) uint64 {
	return finish(mixH(mixH(uint32(seed), mixK(uint32(v))), mixK(uint32(uint64(v)>>32))), 8)
}

func (murmur3) bytes(s string, seed uint64) uint64 {
	h, n := uint32(seed), len(s)
	for ; len(s) >= 4; s = s[4:] {
		h = mixH(h, mixK(le32(s)))
	}
	for i := range len(s) {
		h = mixH(h, mixK(uint32(int8(s[i]))))
	}
	return finish(h, uint32(n))
}

func le32(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func le64(s string) uint64 { return uint64(le32(s)) | uint64(le32(s[4:]))<<32 }

// xxHash64 is XXH64.
type xxHash64 struct{}

const (
	xxPrime1 = 0x9E3779B185EBCA87
	xxPrime2 = 0xC2B2AE3D27D4EB4F
	xxPrime3 = 0x165667B19E3779F9
	xxPrime4 = 0x85EBCA77C2B2AE63
	xxPrime5 = 0x27D4EB2F165667C5
)

func xxFinish(h uint64) uint64 {
	h = (h ^ h>>33) * xxPrime2
	h = (h ^ h>>29) * xxPrime3
	return h ^ h>>32
}

func xxRound(acc, v uint64) uint64 { return bits.RotateLeft64(acc+v*xxPrime2, 31) * xxPrime1 }

func xxWord(h, v uint64) uint64 {
	return bits.RotateLeft64(h^xxRound(0, v), 27)*xxPrime1 + xxPrime4
}

func xxHalf(h uint64, v uint32) uint64 {
	return bits.RotateLeft64(h^uint64(v)*xxPrime1, 23)*xxPrime2 + xxPrime3
}

func (xxHash64) int32(v int32, seed uint64) uint64 {
	return xxFinish(xxHalf(seed+xxPrime5+4, uint32(v)))
}

func (xxHash64) int64(v int64, seed uint64) uint64 {
	return xxFinish(xxWord(seed+xxPrime5+8, uint64(v)))
}

func (xxHash64) bytes(s string, seed uint64) uint64 {
	n := uint64(len(s))
	h := seed + xxPrime5
	if n >= 32 {
		p1, p2 := uint64(xxPrime1), uint64(xxPrime2)
		acc := [4]uint64{seed + p1 + p2, seed + p2, seed, seed - p1}
		for ; len(s) >= 32; s = s[32:] {
			for i := range acc {
				acc[i] = xxRound(acc[i], le64(s[8*i:]))
			}
		}
		h = bits.RotateLeft64(acc[0], 1) + bits.RotateLeft64(acc[1], 7) + bits.RotateLeft64(acc[2], 12) + bits.RotateLeft64(acc[3], 18)
		for _, a := range acc {
			h = (h^xxRound(0, a))*xxPrime1 + xxPrime4
		}
	}
	h += n
	for ; len(s) >= 8; s = s[8:] {
		h = xxWord(h, le64(s))
	}
	if len(s) >= 4 {
		h = xxHalf(h, le32(s))
		s = s[4:]
	}
	for i := range len(s) {
		h = bits.RotateLeft64(h^uint64(s[i])*xxPrime5, 11) * xxPrime1
	}
	return xxFinish(h)
}
