//go:build !amd64

package csv

var masks = masksGo
