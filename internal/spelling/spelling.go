// Package spelling finds what a misspelt word was meant to be.
package spelling

import "strings"

// Nearest is the candidate that text was probably meant to be, without regard to case, or "".
func Nearest(text string, candidates []string) string {
	best, limit := "", 1+len(text)/3
	for _, c := range candidates {
		if d := distance(strings.ToLower(text), strings.ToLower(c)); d <= limit {
			best, limit = c, d-1
		}
	}
	return best
}

// distance is the number of insertions, deletions and changes between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			next := diag
			if a[i-1] != b[j-1] {
				next = 1 + min(diag, row[j], row[j-1])
			}
			diag, row[j] = row[j], next
		}
	}
	return row[len(b)]
}
