package csv

// block is how many bytes one mask word stands for.
const block = 64

// masksGo sets, for each block of text, three words with a bit for every byte that is the delimiter, a line feed, a quote. out has
// 3 words for each block, and text is readable to the end of its last block. It works on any machine, eight bytes at a time.
func masksGo(text []byte, delimiter, quote byte, out []uint64) {
	d, n, q := spread(delimiter), spread('\n'), spread(quote)
	full := text[:cap(text)]
	for b := range len(out) / 3 {
		var md, mn, mq uint64
		for k := range block / 8 {
			w := le64(full[b*block+8*k:])
			md |= equal(w, d) << (8 * k)
			mn |= equal(w, n) << (8 * k)
			mq |= equal(w, q) << (8 * k)
		}
		out[3*b], out[3*b+1], out[3*b+2] = md, mn, mq
	}
}

func le64(b []byte) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// spread is c in each byte of a word.
func spread(c byte) uint64 { return uint64(c) * 0x0101010101010101 }

// equal has bit i set if byte i of w is that of pattern.
func equal(w, pattern uint64) uint64 {
	x := w ^ pattern
	// The high bit of each byte is set if and only if the byte is zero: no carry leaves a byte.
	zero := ^(((x & 0x7f7f7f7f7f7f7f7f) + 0x7f7f7f7f7f7f7f7f) | x | 0x7f7f7f7f7f7f7f7f)
	return (zero >> 7 * 0x0102040810204080) >> 56
}

// insideOf is the state of each byte of a block with quotes q, after a block that ended inside quotes (all ones) or not (zero):
// a bit from each opening quote up to the byte before the closing one.
func insideOf(q, before uint64) uint64 {
	q ^= q << 1
	q ^= q << 2
	q ^= q << 4
	q ^= q << 8
	q ^= q << 16
	q ^= q << 32
	return q ^ before
}
