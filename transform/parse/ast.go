package parse

import "github.com/firn-data/firn/internal/schema"

// Expr is an expression. Every node knows where it starts.
type Expr interface{ Start() Pos }

// Node is embedded by all expressions.
type Node struct{ At Pos }

// Start is the node's position.
func (n Node) Start() Pos { return n.At }

type (
	// Column is a column, with the relation's name where it was written: a, t.a, or a field of a struct: a.b.
	Column struct {
		Node
		Parts []string
	}
	// Literal is a constant. Text is as written, without quotes and suffix.
	Literal struct {
		Node
		Kind LiteralKind
		Text string
	}
	// Param is :name.
	Param struct {
		Node
		Name string
	}
	// Unary is -x, +x, NOT x.
	Unary struct {
		Node
		Op string
		X  Expr
	}
	// Binary is x op y; op is upper case: + - * / % DIV = <> < <= > >= <=> AND OR ||
	Binary struct {
		Node
		Op   string
		X, Y Expr
	}
	// Call is a function call, an aggregate or a window function.
	Call struct {
		Node
		Name     string // lower case
		Args     []Expr
		Star     bool // count(*)
		Distinct bool
		Filter   Expr    // FILTER (WHERE …); nil: none
		Over     *Window // nil: no window function
	}
	// Cast is CAST, TRY_CAST or ::.
	Cast struct {
		Node
		X    Expr
		Type schema.Type
		SQL  string // the type as written, in upper case: TINYINT and SMALLINT have no type of their own in a table
		Try  bool
	}
	// Case is CASE with or without an operand.
	Case struct {
		Node
		Operand Expr // may be nil
		When    []When
		Else    Expr // may be nil
	}
	// In is x [NOT] IN (list).
	In struct {
		Node
		X    Expr
		List []Expr
		Not  bool
	}
	// Between is x [NOT] BETWEEN lo AND hi.
	Between struct {
		Node
		X, Lo, Hi Expr
		Not       bool
	}
	// Like is x [NOT] LIKE, ILIKE or RLIKE pattern.
	Like struct {
		Node
		Op         string // LIKE, ILIKE, RLIKE
		X, Pattern Expr
		Escape     Expr // may be nil
		Not        bool
	}
	// Is is x IS [NOT] NULL, TRUE or FALSE, or IS [NOT] DISTINCT FROM y.
	Is struct {
		Node
		X    Expr
		What string // NULL, TRUE, FALSE, DISTINCT
		Y    Expr   // of DISTINCT FROM
		Not  bool
	}
	// Index is x[i].
	Index struct {
		Node
		X, I Expr
	}
	// When is one branch of a CASE.
	When struct{ If, Then Expr }
)

// LiteralKind is the kind of a constant.
type LiteralKind uint8

const (
	Null LiteralKind = iota
	Boolean
	Number // an integer, decimal or double by its form, with its suffix kept in Text
	String
	Date         // DATE '…'
	Timestamp    // TIMESTAMP '…'
	TimestampNTZ // TIMESTAMP_NTZ '…'
	Hex          // X'…'
)

// Window is OVER (PARTITION BY … ORDER BY …).
type Window struct {
	Partition []Expr
	Order     []Order
}

// Order is one item of an ORDER BY.
type Order struct {
	X          Expr
	Descending bool
	NullsLast  bool
}

// Item is one item of a SELECT list.
type Item struct {
	At     Pos
	X      Expr     // nil for a star
	Alias  string   // "" for none
	Star   bool     // * or t.*
	Of     string   // t of t.*
	Except []string // * EXCEPT (…)
}

// Query is a SELECT, or a UNION ALL of several, with what goes around them.
type Query struct {
	At    Pos
	With  []CTE
	Parts []*Select // more than one: UNION ALL
	Order []Order
	Limit Expr // may be nil
}

// CTE is one named query of a WITH.
type CTE struct {
	Name  string
	Query *Query
}

// Select is one SELECT.
type Select struct {
	At       Pos
	Distinct bool
	Items    []Item
	From     *Relation // nil: one row without columns
	Where    Expr
	// WhereFrom and WhereTo bound the condition's text.
	WhereFrom, WhereTo Pos
	Group              []Expr
	Having             Expr
}

// Relation is what a FROM names: an input, a CTE or a sub-query, and its joins.
type Relation struct {
	At    Pos
	Name  string // "" for a sub-query
	Query *Query
	Alias string
	Joins []Join
}

// Join is INNER or LEFT JOIN … ON or USING.
type Join struct {
	At    Pos
	Left  bool
	Right *Relation
	On    Expr
	Using []string
}
