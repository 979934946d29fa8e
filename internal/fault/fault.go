// Package fault is firn's one error shape: a class, which decides the exit code, a place, which
// says where in the user's world it happened, and a cause.
//
// A package that detects a problem gives it a class once, where the knowledge is:
//
//	return fault.New(fault.Data, "%q is not %s", text, typ).At(fault.Place{File: f, Line: n}).Hint("...")
//
// Callers add context with fault.Wrap or a plain fmt.Errorf("...: %w", err); the class survives both.
package fault

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Class says what kind of problem an error is. Each class has one exit code.
type Class uint8

const (
	// Bug is a broken promise inside firn: exit 70. It is also the class of an error that nobody classified.
	Bug Class = iota
	// Usage is a command line that cannot be understood: 64.
	Usage
	// Data is input that cannot be stored as asked: bad rows, failed expectations, limits: 65.
	Data
	// NoInput is an input that does not exist: 66.
	NoInput
	// Unavailable is a service that is down or a disk that is full: 69.
	Unavailable
	// Unknown is a commit whose outcome could not be learnt: 74.
	Unknown
	// Retry is a conflict, throttling or a timeout before the swap; the same command may succeed: 75.
	Retry
	// Permission is a refused or expired credential: 77.
	Permission
	// Config is a job, lake, SQL text or table state that must be changed first: 78.
	Config
	// Interrupted is a run stopped by a signal with nothing committed: 130 or 143.
	Interrupted
)

var classes = [...]struct {
	name string
	exit int
	text string
}{
	Bug:         {"bug", 70, "a bug in firn"},
	Usage:       {"usage", 64, "wrong usage"},
	Data:        {"data", 65, "the data were refused"},
	NoInput:     {"no_input", 66, "an input does not exist"},
	Unavailable: {"unavailable", 69, "a service is unavailable or a disk is full"},
	Unknown:     {"unknown_outcome", 74, "the commit's outcome is unknown"},
	Retry:       {"retry", 75, "try again"},
	Permission:  {"permission", 77, "permission denied"},
	Config:      {"config", 78, "the job, lake or table state must be changed"},
	Interrupted: {"interrupted", 130, "interrupted, nothing committed"},
}

// String is the class's stable name in reports.
func (c Class) String() string { return classes[c].name }

// ExitCode is the process exit code of the class. Interrupted is 130; the command line turns it into 143 after SIGTERM.
func (c Class) ExitCode() int { return classes[c].exit }

// Meaning is the class in words, for the last line of a failed command.
func (c Class) Meaning() string { return classes[c].text }

// Place is where an error happened. Zero fields are unknown.
type Place struct {
	File   string // as the user wrote or would find it: orders.csv, job.yaml, s3://b/k
	Line   int64  // 1-based line in File
	Column int    // 1-based byte in the line
	Path   string // path in a configuration: source.schema[2].type
	Split  string // a split's id, where there is no file
	Row    int64  // 1-based row in the file or split
	Field  string // column name
	Value  string // the offending text, redacted where it is secret
}

// String renders the known parts: orders.csv:1842:31: total.
func (p Place) String() string {
	var b strings.Builder
	part := func(sep, s string) {
		if b.Len() > 0 {
			b.WriteString(sep)
		}
		b.WriteString(s)
	}
	switch {
	case p.File != "":
		b.WriteString(p.File)
	case p.Split != "":
		b.WriteString("split " + p.Split)
	}
	switch {
	case p.Line > 0:
		part(":", strconv.FormatInt(p.Line, 10))
		if p.Column > 0 {
			part(":", strconv.Itoa(p.Column))
		}
	case p.Row > 0:
		part(" ", "row "+strconv.FormatInt(p.Row, 10))
	}
	if p.Path != "" {
		part(": ", p.Path)
	}
	if p.Field != "" {
		part(": ", p.Field)
	}
	return b.String()
}

// Error is a classified error. Build it with New or Wrap.
type Error struct {
	Class Class
	Code  string // a stable name for programs, such as Spark's CAST_INVALID_INPUT; may be empty
	Place Place
	Msg   string
	Hints string // what to do next; may be empty
	Cause error  // may be nil
}

// New makes an error of class c. The message is in lower case, names the action and has no full stop.
func New(c Class, format string, args ...any) *Error {
	return &Error{Class: c, Msg: fmt.Sprintf(format, args...)}
}

// Wrap puts a class and a message on a cause.
func Wrap(c Class, cause error, format string, args ...any) *Error {
	return &Error{Class: c, Msg: fmt.Sprintf(format, args...), Cause: cause}
}

// At sets the place and returns e.
func (e *Error) At(p Place) *Error { e.Place = p; return e }

// WithCode sets the stable code and returns e.
func (e *Error) WithCode(code string) *Error { e.Code = code; return e }

// Hint sets what the user can do next and returns e.
func (e *Error) Hint(format string, args ...any) *Error {
	e.Hints = fmt.Sprintf(format, args...)
	return e
}

// Error is place, message and cause; hints are kept apart so that they are printed once, last.
func (e *Error) Error() string {
	s := e.Msg
	if p := e.Place.String(); p != "" {
		s = p + ": " + s
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Cause }

// ClassOf is the class of the outermost classified error in err's tree. A context's end is Interrupted,
// a deadline Retry, anything unclassified Bug.
func ClassOf(err error) Class {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Class
	case errors.Is(err, context.Canceled):
		return Interrupted
	case errors.Is(err, context.DeadlineExceeded):
		return Retry
	}
	return Bug
}

// Is reports whether err is of class c.
func Is(err error, c Class) bool { return err != nil && ClassOf(err) == c }

// HintOf is the outermost non-empty hint in err's chain.
func HintOf(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Hints != "" {
			return e.Hints
		}
		err = e.Cause
	}
	return ""
}

// PlaceOf is the innermost place in err's chain, which is the most exact one.
func PlaceOf(err error) Place {
	var p Place
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			break
		}
		if e.Place != (Place{}) {
			p = e.Place
		}
		err = e.Cause
	}
	return p
}

// CodeOf is the innermost stable code in err's chain.
func CodeOf(err error) string {
	code := ""
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			break
		}
		if e.Code != "" {
			code = e.Code
		}
		err = e.Cause
	}
	return code
}

// Recover turns a panic of the calling goroutine into a Bug error; every goroutine of the engine defers it:
//
//	defer fault.Recover(&err)
func Recover(err *error) {
	if r := recover(); r != nil {
		if cause, ok := r.(error); ok {
			*err = Wrap(Bug, cause, "panic")
			return
		}
		*err = New(Bug, "panic: %v", r)
	}
}
