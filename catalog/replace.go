package catalog

import "context"

// Replacement is what a run's rows replace on one head of the table: whole data files, and, where some rows of such a file
// stay, the new files that hold those.
type Replacement struct {
	All    bool       // every file, delete files included
	Remove []*File    // of the head that it was planned on
	Files  []DataFile // this attempt's own: removed when the head is given up
}

// plan asks what is replaced on t.
func (c Commit) plan(ctx context.Context, t *Table) (*Replacement, error) {
	if c.Replace == nil || t == nil {
		return &Replacement{}, nil
	}
	return c.Replace(ctx, t)
}

// gone are the locations of the files that go, and of the manifests that name them: data files, and delete files that speak of
// nothing else. A delete file that also speaks of others stays, and does no harm: the position deletes of a removed file find
// nothing, and the files that hold its other rows are newer than any equality delete.
func (r *Replacement) gone() (files, manifests map[string]bool) {
	files, manifests = map[string]bool{}, map[string]bool{}
	for _, f := range r.Remove {
		files[f.Location], manifests[f.manifest] = true, true
		for _, d := range f.deletes {
			if d.path != "" {
				files[d.data.FilePath()], manifests[d.manifest] = true, true
			}
		}
	}
	return files, manifests
}
