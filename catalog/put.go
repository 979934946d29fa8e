package catalog

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
)

// putTries is how often a small file of a commit is written.
const putTries = 4

// put writes a file of a commit, whose name no other process uses, and repeats it when the answer is lost: what is found there then is
// this very file, or the name is somebody else's after all.
func (l *Lake) put(ctx context.Context, location string, body []byte) error {
	for try := 1; ; try++ {
		err := storage.Put(ctx, l.Store, location, body, true)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, storage.ErrExist) && try > 1:
			there, rerr := storage.ReadAll(ctx, l.Store, location)
			if rerr != nil {
				return rerr
			}
			if !bytes.Equal(there, body) {
				return err
			}
			return nil
		case errors.Is(err, storage.ErrExist), try == putTries, !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.Retry):
			return err
		}
		wait := 100 * time.Millisecond << (2 * (try - 1))
		l.Events.OnRetry("write "+location, try, err, wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}
