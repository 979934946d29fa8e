package job

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/firn-data/firn/internal/fault"
)

// override puts the values of --set into the document. Each is path=value with a YAML value: target.mode=overwrite,
// source.path[0]=b.csv, source.columns=[id, total].
func (d *decoder) override(root *yaml.Node, sets []string) error {
	for _, text := range sets {
		path, value, ok := strings.Cut(text, "=")
		bad := func(format string, args ...any) error {
			return fault.New(fault.Usage, "--set %s: %s", path, fmt.Sprintf(format, args...)).Hint("write --set path=value, as in target.mode=overwrite or source.path[0]=b.csv")
		}
		keys, err := parsePath(path)
		if !ok || err != nil {
			return bad("%q is not path=value", text)
		}
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(value), &doc); err != nil {
			return bad("the value is not YAML")
		}
		v := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str"}
		if len(doc.Content) > 0 {
			v = doc.Content[0]
		}
		d.mark(v)
		if err := d.put(root, keys, v); err != nil {
			return bad("%s", err)
		}
	}
	return nil
}

// mark remembers that a node came from the command line, so that errors do not point into the file.
func (d *decoder) mark(n *yaml.Node) {
	if d.given == nil {
		d.given = map[*yaml.Node]bool{}
	}
	d.given[n] = true
	for _, c := range n.Content {
		d.mark(c)
	}
}

// parsePath parts a.b[0].c into a, b, 0, c.
func parsePath(path string) (keys []any, err error) {
	for _, part := range strings.Split(path, ".") {
		name, rest, indexed := strings.Cut(part, "[")
		if name == "" {
			return nil, fmt.Errorf("an empty name")
		}
		keys = append(keys, name)
		for indexed {
			var text string
			if text, rest, indexed = strings.Cut(rest, "]"); !indexed {
				return nil, fmt.Errorf("an index without ]")
			}
			i, err := strconv.Atoi(text)
			if err != nil || i < 0 {
				return nil, fmt.Errorf("%q is not an index", text)
			}
			keys = append(keys, i)
			if rest == "" {
				break
			}
			if rest[0] != '[' {
				return nil, fmt.Errorf("%q after an index", rest)
			}
			rest = rest[1:]
		}
	}
	return keys, nil
}

// put sets the value at keys under n, and makes the mappings and the list element that are missing on the way.
func (d *decoder) put(n *yaml.Node, keys []any, v *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	slot, err := d.slot(n, keys[0])
	if err != nil {
		return err
	}
	if len(keys) == 1 {
		*slot = v
		return nil
	}
	if *slot == nil {
		*slot = &yaml.Node{Kind: yaml.MappingNode}
		if _, list := keys[1].(int); list {
			(*slot).Kind = yaml.SequenceNode
		}
		d.mark(*slot)
	}
	return d.put(*slot, keys[1:], v)
}

// slot is the place of one key in a mapping or list; what it points to is nil when the key is new.
func (d *decoder) slot(n *yaml.Node, key any) (**yaml.Node, error) {
	if i, ok := key.(int); ok {
		if n.Kind != yaml.SequenceNode {
			return nil, fmt.Errorf("[%d]: the value is not a list", i)
		}
		if i > len(n.Content) {
			return nil, fmt.Errorf("[%d]: the list has %d elements", i, len(n.Content))
		}
		if i == len(n.Content) {
			n.Content = append(n.Content, nil)
		}
		return &n.Content[i], nil
	}
	name := key.(string)
	if n.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: the value above it is not a mapping", name)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return &n.Content[i+1], nil
		}
	}
	k := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}
	d.mark(k)
	n.Content = append(n.Content, k, nil)
	return &n.Content[len(n.Content)-1], nil
}
