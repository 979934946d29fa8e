package stacktest

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"testing"
)

// Name returns a name that no other test uses: the test's own, lower-cased and cut, and 8 random hex digits. It is a
// valid namespace, table, database and bucket-prefix name: [a-z][a-z0-9_]*, at most 50 bytes.
func Name(t testing.TB) string {
	slug := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, strings.TrimPrefix(t.Name(), "Test"))
	slug = strings.Trim(slug, "_")
	return "t_" + slug[:min(len(slug), 39)] + "_" + randomHex(4)
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b) //nolint:errcheck // never fails since Go 1.24
	return hex.EncodeToString(b)
}
