// Package event is how packages below the front door tell what they do: a struct of funcs, each of which may be nil.
// The command line turns events into progress, logs and metrics; nothing else prints.
package event

import "time"

// Events are callbacks. They may be called from several goroutines at once, must return quickly and must not call
// back into firn. The zero value and a nil *Events are silent.
type Events struct {
	// Stage reports that a stage of the run begins: "plan", "read", "commit" …
	Stage func(name string)
	// Read counts what sources gave: rows and bytes since the last call, by source.
	Read func(source string, rows, bytes int64)
	// Written counts rows and encoded bytes that went into data files since the last call.
	Written func(rows, bytes int64)
	// BadRow counts quarantined or refused rows since the last call, by stage.
	BadRow func(stage string, rows int64)
	// SplitDone reports a finished split.
	SplitDone func(source, split string, took time.Duration)
	// Spilled counts bytes written to the temp directory.
	Spilled func(operator string, bytes int64)
	// Retry reports a repeated call to a service: "s3 put", attempt 2, after err.
	Retry func(call string, attempt int, err error, wait time.Duration)
	// Call reports a finished call to a service: kind "s3" or "hive", operation, duration and outcome.
	Call func(kind, operation string, took time.Duration, err error)
	// CommitAttempt reports an attempt to swap the table's metadata: applied, conflict, unknown …
	CommitAttempt func(table, outcome string, attempt int, took time.Duration)
	// Warn reports something that does not stop the run but that its user should know.
	Warn func(message string)
}

func (e *Events) OnStage(name string) {
	if e != nil && e.Stage != nil {
		e.Stage(name)
	}
}

func (e *Events) OnRead(source string, rows, bytes int64) {
	if e != nil && e.Read != nil {
		e.Read(source, rows, bytes)
	}
}

func (e *Events) OnWritten(rows, bytes int64) {
	if e != nil && e.Written != nil {
		e.Written(rows, bytes)
	}
}

func (e *Events) OnBadRow(stage string, rows int64) {
	if e != nil && e.BadRow != nil {
		e.BadRow(stage, rows)
	}
}

func (e *Events) OnSplitDone(source, split string, took time.Duration) {
	if e != nil && e.SplitDone != nil {
		e.SplitDone(source, split, took)
	}
}

func (e *Events) OnSpilled(operator string, bytes int64) {
	if e != nil && e.Spilled != nil {
		e.Spilled(operator, bytes)
	}
}

func (e *Events) OnRetry(call string, attempt int, err error, wait time.Duration) {
	if e != nil && e.Retry != nil {
		e.Retry(call, attempt, err, wait)
	}
}

func (e *Events) OnCall(kind, operation string, took time.Duration, err error) {
	if e != nil && e.Call != nil {
		e.Call(kind, operation, took, err)
	}
}

func (e *Events) OnCommitAttempt(table, outcome string, attempt int, took time.Duration) {
	if e != nil && e.CommitAttempt != nil {
		e.CommitAttempt(table, outcome, attempt, took)
	}
}

func (e *Events) OnWarn(message string) {
	if e != nil && e.Warn != nil {
		e.Warn(message)
	}
}
