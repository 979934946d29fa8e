// Package check is what `firn doctor` shows of anything that can try itself: a source, a catalog.
package check

// Step is one thing that was tried.
type Step struct {
	Name string // what holds when it went well: "connects", "keeps a lock"
	Err  error  // nil: fine
	Note string // what was found
	Fix  string // what to do when Err is set or the note is a warning
}
