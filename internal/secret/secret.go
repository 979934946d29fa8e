// Package secret keeps credentials out of everything that is printed.
package secret

import (
	"strings"

	"github.com/firn-data/firn/internal/reference"
)

const mask = "…"

// String is a credential. However it is formatted or marshalled it shows a mask; Reveal is the only way to its text.
type String struct{ text string }

// New makes a String.
func New(text string) String { return String{text} }

// Reveal is the credential itself; only a client library may be given it (I10).
func (s String) Reveal() string { return s.text }

// Empty reports whether there is no credential.
func (s String) Empty() bool { return s.text == "" }

// String masks.
func (s String) String() string {
	if s.text == "" {
		return ""
	}
	return mask
}

// GoString masks %#v.
func (s String) GoString() string { return s.String() }

// MarshalText masks JSON, YAML and everything else that marshals text.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ReferenceKind implements reference.Typed.
func (String) ReferenceKind() reference.Kind { return reference.Secret }

// Redact replaces every occurrence of each secret in text. Secrets shorter than four bytes are left, since
// masking them would mangle text without hiding anything.
func Redact(text string, secrets ...String) string {
	for _, s := range secrets {
		if len(s.text) >= 4 {
			text = strings.ReplaceAll(text, s.text, mask)
		}
	}
	return text
}
