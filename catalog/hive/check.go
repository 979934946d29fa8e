package hive

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/check"
	"github.com/firn-data/firn/internal/fault"
)

// Check implements catalog.Checker. What it needs to try is tried on a scratch table in a scratch namespace, which are dropped at the end.
func (c *Catalog) Check(ctx context.Context) []check.Step {
	var salt [4]byte
	rand.Read(salt[:])
	p := &probe{Catalog: c, id: catalog.Ident{Namespace: "firn_check_" + hex.EncodeToString(salt[:]), Table: "scratch"}}
	if !p.try(ctx, "the metastore answers", p.version) {
		return p.steps
	}
	p.try(ctx, "column types may change", p.evolves)
	p.try(ctx, "the warehouse is outside the managed directory", p.managed)
	if p.try(ctx, "a namespace can be made under the warehouse", p.namespace) {
		if p.try(ctx, "a table can be made", p.table) {
			p.try(ctx, "compares before it swaps", p.compares)
		}
		p.try(ctx, "the scratch namespace is dropped again", p.drop)
	}
	p.try(ctx, "a lock is given, kept and taken back", p.locks)
	return p.steps
}

// probe is one Check.
type probe struct {
	*Catalog
	id    catalog.Ident // scratch
	srv   *server
	place string // of the scratch table
	steps []check.Step
}

// finding is what a step found.
type finding struct {
	note, fix string
	err       error
}

func (p *probe) try(ctx context.Context, name string, step func(context.Context) finding) bool {
	f := step(ctx)
	if f.err != nil {
		f.err = p.client.classify(ctx, f.err, "check that %s", name)
		if f.fix == "" {
			f.fix = fault.HintOf(f.err)
		}
	}
	p.steps = append(p.steps, check.Step{Name: name, Err: f.err, Note: f.note, Fix: f.fix})
	return f.err == nil
}

func (p *probe) version(ctx context.Context) finding {
	srv, err := p.about(ctx)
	if err != nil {
		return finding{err: err}
	}
	p.srv = srv
	f := finding{note: fmt.Sprintf("it says it is %s; a lock lives %s without a heartbeat", srv.version, srv.lockTimeout)}
	for _, a := range p.client.addresses {
		k, err := p.client.dialOne(ctx, a)
		if err == nil {
			k.net.Close()
			continue
		}
		f.note, f.fix = f.note+"; "+err.Error(), "the other metastores of catalog.uris do its work; start it, or take it off the list"
	}
	return f
}

func (p *probe) evolves(ctx context.Context) finding {
	v, err := p.client.ask(ctx, "getMetaConf", newRecord(str(1, incompatibleChanges)), "MetaException")
	switch value, _ := v.(string); {
	case refused(err):
		return finding{note: "the server has no such setting, and no such check"}
	case err != nil:
		return finding{err: err}
	case value != "false":
		return finding{err: fault.New(fault.Config, "%s stays %q for this connection", incompatibleChanges, value), fix: "set it to false for the server: else it refuses columns that change their order or type"}
	}
	return finding{note: incompatibleChanges + "=false for each of firn's connections"}
}

func (p *probe) managed(ctx context.Context) finding {
	dir, err := p.client.configValue(ctx, "metastore.warehouse.dir", "")
	if err != nil || dir == "" {
		return finding{err: err, note: "the server does not say where its managed directory is"}
	}
	note := "warehouse " + p.cfg.Warehouse + ", managed directory " + dir
	root := pathOf(dir)
	if under := pathOf(p.cfg.Warehouse); under == root || strings.HasPrefix(under, strings.TrimSuffix(root, "/")+"/") {
		return finding{note: note, fix: "move the lake's warehouse: metastores from 4.0 on refuse external tables there, whatever the bucket"}
	}
	return finding{note: note}
}

// pathOf is a location without scheme and bucket, which is what the server compares.
func pathOf(location string) string {
	if _, rest, ok := strings.Cut(location, "://"); ok {
		_, path, _ := strings.Cut(rest, "/")
		return "/" + strings.TrimSuffix(path, "/")
	}
	return strings.TrimSuffix(location, "/")
}

func (p *probe) namespace(ctx context.Context) finding {
	location := p.cfg.Warehouse + "/" + p.id.Namespace + ".db"
	p.place = location + "/" + p.id.Table
	return finding{err: p.client.createDatabase(ctx, p.id.Namespace, location), fix: "the server makes folders itself: give it the store's endpoint and keys, and check that the bucket is there"}.whenErr()
}

// whenErr leaves the advice out when nothing is wrong.
func (f finding) whenErr() finding {
	if f.err == nil {
		f.fix = ""
	}
	return f
}

// scratch is a Hive table that no Iceberg client takes for its own.
func (p *probe) scratch(pointer string) *record {
	t := newTable(p.id, int32(time.Now().Unix()))
	sd := newRecord(elements(storageColumns, recordsOf(newRecord(str(1, "id"), str(2, "bigint")))), str(storageLocation, p.place))
	setFormats(sd)
	t.set(nested(tableStorage, sd))
	t.set(pairs(tableParameters, mapOf(map[string]string{"EXTERNAL": "TRUE", metadataLocation: pointer})))
	return t
}

func (p *probe) table(ctx context.Context) finding {
	k, err := p.client.get(ctx)
	if err == nil {
		err = k.createTable(ctx, p.scratch("1"))
		p.client.put(k)
	}
	if err != nil && strings.Contains(err.Error(), "managed warehouse") {
		return finding{err: err, fix: "move the lake's warehouse out of the metastore's managed directory"}
	}
	return finding{err: err}
}

// compares tries a swap that expects what is there, and one that does not.
func (p *probe) compares(ctx context.Context) finding {
	k, _, err := p.client.session(ctx, p.id)
	if k == nil {
		return finding{err: err}
	}
	defer p.client.put(k)
	if err := k.alterTable(ctx, p.id.Namespace, p.id.Table, p.scratch("2"), "1"); err != nil {
		return finding{err: err, fix: "a swap that expects the right value must go through; on Derby, TABLE_PARAMS.PARAM_VALUE must be VARCHAR(32672), not CLOB"}
	}
	err = k.alterTable(ctx, p.id.Namespace, p.id.Table, p.scratch("3"), "1")
	switch {
	case modified(err):
		return finding{note: "compare-and-set protects commits, and so does a lock"}
	case err != nil:
		return finding{err: err}
	case p.srv.compares:
		return finding{err: fault.New(fault.Config, "a metastore that says it is %s accepted a swap that expected another value", p.srv.version), fix: "use Apache Hive 4.0.0 or later: without the comparison a lost lock can lose commits"}
	}
	return finding{note: "the server ignores what a swap expects: locks and heartbeats alone protect commits", fix: "let every writer of these tables take Hive locks (engine.hive.lock-enabled), or use a metastore from 4.0 on"}
}

// locks tries a lock on a table that need not exist, and reads the server's clock off it.
func (p *probe) locks(ctx context.Context) finding {
	before := time.Now()
	l, err := p.client.acquire(ctx, p.id, "check", p.srv.lockTimeout, time.Second)
	if err != nil {
		return finding{err: err}
	}
	after := time.Now()
	shown, err := p.Locks(ctx, p.id)
	if err == nil {
		err = l.refresh(ctx)
	}
	if uerr := l.unlock(ctx); err == nil {
		err = uerr
	}
	if err == nil && (len(shown) != 1 || shown[0].State != "acquired") {
		err = fault.New(fault.Unavailable, "the server shows %d locks where one was taken", len(shown))
	}
	if err != nil {
		return finding{err: err}
	}
	skew := time.Duration(0)
	switch at := shown[0].Acquired; {
	case at.Before(before.Add(-time.Second)):
		skew = before.Sub(at)
	case at.After(after.Add(time.Second)):
		skew = after.Sub(at)
	}
	if skew.Abs() > 10*time.Second {
		return finding{note: fmt.Sprintf("this machine's clock is %s ahead of the metastore's", skew.Round(time.Second)), fix: "set both clocks by NTP: snapshots carry this machine's time"}
	}
	return finding{note: "its clock agrees with this machine's"}
}

func (p *probe) drop(ctx context.Context) finding {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return finding{err: p.client.dropDatabase(ctx, p.id.Namespace), fix: "drop the database " + p.id.Namespace + " in Hive"}.whenErr()
}

var _ catalog.Checker = (*Catalog)(nil)
