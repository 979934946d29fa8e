// Package catalog is the contract of Iceberg catalogs, and the commit on top of it: a list of data files becomes one
// snapshot of one table, exactly once. Kinds of catalogs live in catalog/<kind> and only move a pointer; state, conflicts
// and unknown outcomes are settled here, once for all of them.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/firn-data/firn/internal/check"
	"github.com/firn-data/firn/internal/event"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
)

// ErrNoTable says that a catalog has no table of a name. ErrTableExists says that a create came too late.
var (
	ErrNoTable     = errors.New("no such table")
	ErrTableExists = errors.New("the table exists already")
)

// Ident names a table. Both parts are lower case.
type Ident struct{ Namespace, Table string }

// String is namespace.table.
func (i Ident) String() string { return i.Namespace + "." + i.Table }

var identPart = regexp.MustCompile(`^[a-z][a-z0-9_]{0,127}$`)

// ParseIdent reads namespace.table and puts it into lower case, once, at the edge.
func ParseIdent(text string) (Ident, error) {
	ns, tab, ok := strings.Cut(strings.ToLower(strings.TrimSpace(text)), ".")
	if !ok {
		return Ident{}, fault.New(fault.Config, "%q is not a table: write namespace.table", text)
	}
	for _, p := range []string{ns, tab} {
		if !identPart.MatchString(p) {
			return Ident{}, fault.New(fault.Config, "%q is not a table's name: %q must start with a letter and hold up to 128 letters, digits and underscores", text, p)
		}
	}
	return Ident{ns, tab}, nil
}

// Pointer is where a catalog says that a table's current metadata are. Opaque is the kind's own.
type Pointer struct {
	Location string
	Opaque   any
}

// Outcome is what is known of a swap (I2).
type Outcome uint8

const (
	// NotApplied: the server refused; the pointer did not move by this call, and will not.
	NotApplied Outcome = iota
	// Applied: the pointer moved.
	Applied
	// Unknown: the call may or may not have been applied, or may be applied later.
	Unknown
	// NotSent: the call ended before the pointer could move. What proves it needs no look at the table.
	NotSent
)

func (o Outcome) String() string {
	return [...]string{"not applied", "applied", "unknown", "not sent"}[o]
}

// Swap moves a table's pointer from Expected to New.
type Swap struct {
	Ident    Ident
	Expected Pointer
	New      string         // metadata location
	Metadata table.Metadata // the metadata at New, for kinds that copy some of it
	Attempt  string
	Wait     time.Duration // how long a kind that cannot send the swap again may look for its outcome by itself
	Hold     Hold          // what Exclude gave, or nil
	// Put writes the metadata file at New. A kind calls it once, after it holds its lock, if it has one, and before the swap.
	Put func(ctx context.Context) error
}

// ErrUnsettled says that a swap's outcome is not known and that sending it again is not safe, since the server does not compare
// before it swaps. The kind has looked for the outcome for Swap.Wait, and still protects the table as far as it can.
var ErrUnsettled = errors.New("the outcome is unknown, and the swap cannot be sent again")

// Catalog moves pointers to table metadata. Methods are safe for concurrent use. Errors carry a fault class.
type Catalog interface {
	// Load reads a table's pointer. ErrNoTable when there is none; a view or a table that is not Iceberg's is a fault.Config error.
	Load(ctx context.Context, id Ident) (Pointer, error)
	// Create adds a table, making its namespace when that is missing. s.Expected is empty. ErrTableExists (NotApplied)
	// when the name is taken.
	Create(ctx context.Context, s Swap) (Outcome, error)
	// Swap moves the pointer if it still is at s.Expected, as one atomic step. NotApplied and NotSent come with the reason.
	Swap(ctx context.Context, s Swap) (Outcome, error)
	// Tables lists the tables of a namespace, or of all namespaces when it is empty, sorted.
	Tables(ctx context.Context, namespace string) ([]Ident, error)
}

// Excluder is an optional ability of a Catalog that works with locks. A commit that lost a race asks it to keep other writers out while
// it is staged anew: else each of n writers would lose to all the others in turn.
type Excluder interface {
	// Exclude waits until no other writer holds the table. The caller passes the Hold on with its Swap, and releases it.
	Exclude(ctx context.Context, id Ident, attempt string) (Hold, error)
}

// Hold is a table that is kept for one commit.
type Hold interface {
	// Release lets others in, but for a hold whose swap has an unknown outcome. It may be called more than once.
	Release(ctx context.Context)
}

// LockLister is an optional ability of a Catalog that works with locks, for those who look after it.
type LockLister interface {
	// Locks lists who holds a table or waits for it, oldest first. A table that does not exist has none.
	Locks(ctx context.Context, id Ident) ([]Lock, error)
	// Break takes a lock from its holder, whose swap is then not protected any more: only for holders that are surely dead.
	// A lock that the table does not have is a fault.NoInput error.
	Break(ctx context.Context, id Ident, lockID string) error
}

// Lock is a lock on a table, as its catalog shows it.
type Lock struct {
	ID        string
	State     string    // acquired, waiting
	Agent     string    // what holds it: firn-<attempt>-<salt> for firn's own
	User      string    // as the holder named it
	Host      string    // as the holder named it
	Acquired  time.Time // by the catalog's clock; zero while it waits
	Heartbeat time.Time // the last sign of life, by the catalog's clock
	Expires   time.Time // when it is void if its holder gives no further sign of life
}

// Checker is an optional ability of a Catalog for `firn doctor`: it tries, step by step, what a run will need, and leaves nothing behind.
type Checker interface {
	Check(ctx context.Context) []check.Step
}

// Closer is an optional ability of a Catalog.
type Closer interface{ Close() error }

// Policy is a lake's `commit:` block.
type Policy struct {
	Attempts    int           `yaml:"attempts" default:"20" doc:"how often a commit that lost a race is tried again"`
	Timeout     time.Duration `yaml:"timeout" default:"5m" doc:"how long committing may take in all"`
	UnknownWait time.Duration `yaml:"unknown_wait" default:"10m" doc:"how long to look for the outcome of a commit whose answer was lost"`
}

// Lake is a catalog plus a warehouse location.
type Lake struct {
	Name      string
	Catalog   Catalog
	Store     storage.Store
	Warehouse string // location without a slash at the end
	Policy    Policy
	Defaults  map[string]string // properties of created tables
	Events    *event.Events     // may be nil
	Now       func() time.Time
	// Point is called with the name of each step of a commit; tests crash in it. nil in production.
	Point func(name string)
}

func (l *Lake) point(name string) {
	if l.Point != nil {
		l.Point(name)
	}
}

// Load reads a table. It fails with ErrNoTable when there is none.
func (l *Lake) Load(ctx context.Context, id Ident) (*Table, error) {
	p, err := l.Catalog.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	return l.open(ctx, id, p)
}

func (l *Lake) open(ctx context.Context, id Ident, p Pointer) (*Table, error) {
	body, err := storage.ReadAll(ctx, l.Store, p.Location)
	if err != nil {
		return nil, fmt.Errorf("read the metadata of %s: %w", id, err)
	}
	if strings.HasSuffix(p.Location, ".gz.metadata.json") || strings.HasSuffix(p.Location, ".metadata.json.gz") {
		if body, err = gunzip(body); err != nil {
			return nil, fault.Wrap(fault.Config, err, "read the metadata of %s at %s", id, p.Location)
		}
	}
	md, err := table.ParseMetadataBytes(body)
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "read the metadata of %s at %s", id, p.Location)
	}
	if v := md.Version(); v != 1 && v != 2 {
		return nil, fault.New(fault.Config, "%s has Iceberg format version %d; firn reads and writes 1 and 2", id, v)
	}
	return newTable(l, id, p, md)
}
