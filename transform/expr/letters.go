package expr

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Spark changes case by Unicode's full mappings (ß to SS) and by a newer Unicode than Go's tables. The constants list each
// letter whose mapping differs from Go's, and what it becomes, between spaces: as Spark 4.1 answers for every character
// (testdata/corpus/letters.tsv).

type casing struct{ upper, lower, title map[rune]string }

var fullCasing = sync.OnceValue(func() casing {
	read := func(list string) map[rune]string {
		out := map[rune]string{}
		for _, entry := range strings.Split(list, " ") {
			r, size := utf8.DecodeRuneInString(entry)
			out[r] = entry[size:]
		}
		return out
	}
	return casing{read(upperLetters), read(lowerLetters), read(titleLetters)}
})

const sigma, finalSigma = 'Σ', "ς"

func upperText(s string) string {
	full := fullCasing()
	var b strings.Builder
	for _, r := range s {
		writeCased(&b, r, full.upper, unicode.ToUpper)
	}
	return b.String()
}

func lowerText(s string) string {
	var b strings.Builder
	for i, r := range s {
		writeLower(&b, s, i, r)
	}
	return b.String()
}

// initcap capitalises what follows a space and puts the rest into lower case.
func initcap(s string) string {
	full := fullCasing()
	var b strings.Builder
	start := true
	for i, r := range s {
		if start {
			writeCased(&b, r, full.title, unicode.ToTitle)
		} else {
			writeLower(&b, s, i, r)
		}
		start = r == ' '
	}
	return b.String()
}

func writeCased(b *strings.Builder, r rune, full map[rune]string, simple func(rune) rune) {
	if to, ok := full[r]; ok {
		b.WriteString(to)
		return
	}
	b.WriteRune(simple(r))
}

// writeLower writes the letter at byte i of s. A sigma after a letter that is not followed by one has a form of its own.
func writeLower(b *strings.Builder, s string, i int, r rune) {
	if r == sigma && casedBefore(s[:i]) && !casedAfter(s[i+utf8.RuneLen(r):]) {
		b.WriteString(finalSigma)
		return
	}
	writeCased(b, r, fullCasing().lower, unicode.ToLower)
}

func casedBefore(s string) bool {
	for s != "" {
		r, size := utf8.DecodeLastRuneInString(s)
		if !caseIgnorable(r) {
			return cased(r)
		}
		s = s[:len(s)-size]
	}
	return false
}

func casedAfter(s string) bool {
	for _, r := range s {
		if !caseIgnorable(r) {
			return cased(r)
		}
	}
	return false
}

func cased(r rune) bool {
	return unicode.In(r, unicode.Upper, unicode.Lower, unicode.Title, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

// caseIgnorable is Unicode's Case_Ignorable: marks, formats, modifiers, and what stands in the middle of words.
func caseIgnorable(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) || strings.ContainsRune("'.:·՟״‘’․‧︓﹒﹕＇．：", r)
}

const upperLetters = "" +
	"\u00dfSS \u0149\u02bcN \u019b\ua7dc \u01f0J\u030c \u0264\ua7cb \u0390\u0399\u0308\u0301 \u03b0\u03a5\u0308\u0301 \u0587\u0535\u0552 \u1c8a\u1c89 \u1e96H\u0331 \u1e97T\u0308 \u1e98W\u030a \u1e99Y\u030a \u1e9aA\u02be \u1f50\u03a5\u0313 \u1f52\u03a5\u0313\u0300 " +
	"\u1f54\u03a5\u0313\u0301 \u1f56\u03a5\u0313\u0342 \u1f80\u1f08\u0399 \u1f81\u1f09\u0399 \u1f82\u1f0a\u0399 \u1f83\u1f0b\u0399 \u1f84\u1f0c\u0399 \u1f85\u1f0d\u0399 \u1f86\u1f0e\u0399 \u1f87\u1f0f\u0399 \u1f88\u1f08\u0399 \u1f89\u1f09\u0399 \u1f8a\u1f0a\u0399 \u1f8b\u1f0b\u0399 \u1f8c\u1f0c\u0399 \u1f8d\u1f0d\u0399 " +
	"\u1f8e\u1f0e\u0399 \u1f8f\u1f0f\u0399 \u1f90\u1f28\u0399 \u1f91\u1f29\u0399 \u1f92\u1f2a\u0399 \u1f93\u1f2b\u0399 \u1f94\u1f2c\u0399 \u1f95\u1f2d\u0399 \u1f96\u1f2e\u0399 \u1f97\u1f2f\u0399 \u1f98\u1f28\u0399 \u1f99\u1f29\u0399 \u1f9a\u1f2a\u0399 \u1f9b\u1f2b\u0399 \u1f9c\u1f2c\u0399 \u1f9d\u1f2d\u0399 " +
	"\u1f9e\u1f2e\u0399 \u1f9f\u1f2f\u0399 \u1fa0\u1f68\u0399 \u1fa1\u1f69\u0399 \u1fa2\u1f6a\u0399 \u1fa3\u1f6b\u0399 \u1fa4\u1f6c\u0399 \u1fa5\u1f6d\u0399 \u1fa6\u1f6e\u0399 \u1fa7\u1f6f\u0399 \u1fa8\u1f68\u0399 \u1fa9\u1f69\u0399 \u1faa\u1f6a\u0399 \u1fab\u1f6b\u0399 \u1fac\u1f6c\u0399 \u1fad\u1f6d\u0399 " +
	"\u1fae\u1f6e\u0399 \u1faf\u1f6f\u0399 \u1fb2\u1fba\u0399 \u1fb3\u0391\u0399 \u1fb4\u0386\u0399 \u1fb6\u0391\u0342 \u1fb7\u0391\u0342\u0399 \u1fbc\u0391\u0399 \u1fc2\u1fca\u0399 \u1fc3\u0397\u0399 \u1fc4\u0389\u0399 \u1fc6\u0397\u0342 \u1fc7\u0397\u0342\u0399 \u1fcc\u0397\u0399 \u1fd2\u0399\u0308\u0300 \u1fd3\u0399\u0308\u0301 " +
	"\u1fd6\u0399\u0342 \u1fd7\u0399\u0308\u0342 \u1fe2\u03a5\u0308\u0300 \u1fe3\u03a5\u0308\u0301 \u1fe4\u03a1\u0313 \u1fe6\u03a5\u0342 \u1fe7\u03a5\u0308\u0342 \u1ff2\u1ffa\u0399 \u1ff3\u03a9\u0399 \u1ff4\u038f\u0399 \u1ff6\u03a9\u0342 \u1ff7\u03a9\u0342\u0399 \u1ffc\u03a9\u0399 \ua7cd\ua7cc \ua7db\ua7da \ufb00FF " +
	"\ufb01FI \ufb02FL \ufb03FFI \ufb04FFL \ufb05ST \ufb06ST \ufb13\u0544\u0546 \ufb14\u0544\u0535 \ufb15\u0544\u053b \ufb16\u054e\u0546 \ufb17\u0544\u053d \U00010d70\U00010d50 \U00010d71\U00010d51 \U00010d72\U00010d52 \U00010d73\U00010d53 \U00010d74\U00010d54 " +
	"\U00010d75\U00010d55 \U00010d76\U00010d56 \U00010d77\U00010d57 \U00010d78\U00010d58 \U00010d79\U00010d59 \U00010d7a\U00010d5a \U00010d7b\U00010d5b \U00010d7c\U00010d5c \U00010d7d\U00010d5d \U00010d7e\U00010d5e \U00010d7f\U00010d5f \U00010d80\U00010d60 \U00010d81\U00010d61 \U00010d82\U00010d62 \U00010d83\U00010d63 \U00010d84\U00010d64 " +
	"\U00010d85\U00010d65"

const lowerLetters = "" +
	"\u0130i\u0307 \u1c89\u1c8a \ua7cb\u0264 \ua7cc\ua7cd \ua7da\ua7db \ua7dc\u019b \U00010d50\U00010d70 \U00010d51\U00010d71 \U00010d52\U00010d72 \U00010d53\U00010d73 \U00010d54\U00010d74 \U00010d55\U00010d75 \U00010d56\U00010d76 \U00010d57\U00010d77 \U00010d58\U00010d78 \U00010d59\U00010d79 " +
	"\U00010d5a\U00010d7a \U00010d5b\U00010d7b \U00010d5c\U00010d7c \U00010d5d\U00010d7d \U00010d5e\U00010d7e \U00010d5f\U00010d7f \U00010d60\U00010d80 \U00010d61\U00010d81 \U00010d62\U00010d82 \U00010d63\U00010d83 \U00010d64\U00010d84 \U00010d65\U00010d85"

const titleLetters = "" +
	"\u00dfSs \u0149\u02bcN \u019b\ua7dc \u01f0J\u030c \u0264\ua7cb \u0390\u0399\u0308\u0301 \u03b0\u03a5\u0308\u0301 \u0587\u0535\u0582 \u1c8a\u1c89 \u1e96H\u0331 \u1e97T\u0308 \u1e98W\u030a \u1e99Y\u030a \u1e9aA\u02be \u1f50\u03a5\u0313 \u1f52\u03a5\u0313\u0300 " +
	"\u1f54\u03a5\u0313\u0301 \u1f56\u03a5\u0313\u0342 \u1fb2\u1fba\u0345 \u1fb4\u0386\u0345 \u1fb6\u0391\u0342 \u1fb7\u0391\u0342\u0345 \u1fc2\u1fca\u0345 \u1fc4\u0389\u0345 \u1fc6\u0397\u0342 \u1fc7\u0397\u0342\u0345 \u1fd2\u0399\u0308\u0300 \u1fd3\u0399\u0308\u0301 \u1fd6\u0399\u0342 \u1fd7\u0399\u0308\u0342 \u1fe2\u03a5\u0308\u0300 \u1fe3\u03a5\u0308\u0301 " +
	"\u1fe4\u03a1\u0313 \u1fe6\u03a5\u0342 \u1fe7\u03a5\u0308\u0342 \u1ff2\u1ffa\u0345 \u1ff4\u038f\u0345 \u1ff6\u03a9\u0342 \u1ff7\u03a9\u0342\u0345 \ua7cd\ua7cc \ua7db\ua7da \ufb00Ff \ufb01Fi \ufb02Fl \ufb03Ffi \ufb04Ffl \ufb05St \ufb06St " +
	"\ufb13\u0544\u0576 \ufb14\u0544\u0565 \ufb15\u0544\u056b \ufb16\u054e\u0576 \ufb17\u0544\u056d \U00010d70\U00010d50 \U00010d71\U00010d51 \U00010d72\U00010d52 \U00010d73\U00010d53 \U00010d74\U00010d54 \U00010d75\U00010d55 \U00010d76\U00010d56 \U00010d77\U00010d57 \U00010d78\U00010d58 \U00010d79\U00010d59 \U00010d7a\U00010d5a " +
	"\U00010d7b\U00010d5b \U00010d7c\U00010d5c \U00010d7d\U00010d5d \U00010d7e\U00010d5e \U00010d7f\U00010d5f \U00010d80\U00010d60 \U00010d81\U00010d61 \U00010d82\U00010d62 \U00010d83\U00010d63 \U00010d84\U00010d64 \U00010d85\U00010d65"
