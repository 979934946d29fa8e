package hive

import (
	"bytes"
	"context"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
)

// FuzzRecord reads bytes as a server might send them: an error or a record, never a panic and never more memory than they justify. A
// record that is read is written back as it was.
func FuzzRecord(f *testing.F) {
	ctx := context.Background()
	conf := &thrift.TConfiguration{MaxMessageSize: 1 << 20}
	write := func(r *record) ([]byte, error) {
		buf := thrift.NewTMemoryBuffer()
		p := thrift.NewTBinaryProtocolConf(buf, conf)
		if err := writeRecord(ctx, p, r); err != nil {
			return nil, err
		}
		return buf.Bytes(), p.Flush(ctx)
	}
	seed, err := write(newRecord(str(1, "t"), i64(2, 7), boolean(3, true), pairs(9, mapOf(map[string]string{"a": "b"})), elements(4, recordsOf(newRecord(str(1, "x"))))))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte{byte(thrift.LIST), 0, 1, byte(thrift.STRUCT), 0x7f, 0xff, 0xff, 0xff})
	f.Add(bytes.Repeat([]byte{byte(thrift.STRUCT), 0, 1}, 200))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := thrift.NewTMemoryBuffer()
		in.Write(b)
		r, err := readRecord(ctx, thrift.NewTBinaryProtocolConf(in, conf), 0)
		if err != nil {
			return
		}
		once, err := write(r)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again := thrift.NewTMemoryBuffer()
		again.Write(once)
		r2, err := readRecord(ctx, thrift.NewTBinaryProtocolConf(again, conf), 0)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if twice, err := write(r2); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("a record changed on its way: %x, then %x, %v", once, twice, err)
		}
	})
}
