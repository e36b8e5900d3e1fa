package boathook

import (
	"encoding/json"
	"iter"
	"time"

	"boathook/internal/host"
)

// How many keys are asked for at once.
const page = 100

// KV is a namespace of keys and values, by the grant `kv = ["name"]`. Each call is one atomic step. A time of 0 is
// none; others are in whole milliseconds.
type KV string

// Get reads the value of a key, and says whether there is one.
func (k KV) Get(key string, into any) (bool, error) {
	found, err := k.Bytes(key)
	if err != nil || found == nil {
		return false, err
	}
	if err := json.Unmarshal(found, into); err != nil {
		return true, Errorf(0, "kv `%s`: `%s`: %v", k, key, err)
	}
	return true, nil
}

// Set sets a value.
func (k KV) Set(key string, value any, expiresIn time.Duration) error {
	return given(value, func(made string) error { return k.SetBytes(key, []byte(made), expiresIn) })
}

// Bytes are those of a value; nil where there is none.
func (k KV) Bytes(key string) ([]byte, error) { return host.At.KV.Get(string(k), key) }

// SetBytes sets a value to bytes.
func (k KV) SetBytes(key string, value []byte, expiresIn time.Duration) error {
	return host.At.KV.Set(string(k), key, value, milliseconds(expiresIn))
}

// Delete removes a value, and says whether there was one.
func (k KV) Delete(key string) (bool, error) { return host.At.KV.Delete(string(k), key) }

// CompareAndSet sets the bytes to others if they are `old`, and says whether they were. Nil is none.
func (k KV) CompareAndSet(key string, old, new []byte, expiresIn time.Duration) (bool, error) {
	return host.At.KV.CompareAndSet(string(k), key, old, new, milliseconds(expiresIn))
}

// Increment adds to a number that begins at zero, and again so whenever `window` is over. It returns the number, and
// how long it lasts; 0 is for ever.
func (k KV) Increment(key string, by int64, window time.Duration) (int64, time.Duration, error) {
	value, left, err := host.At.KV.Increment(string(k), key, by, milliseconds(window))
	return value, time.Duration(left) * time.Millisecond, err
}

// Keys are those that begin with a prefix, in no promised order. An error ends them.
func (k KV) Keys(prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		cursor := ""
		for {
			keys, next, err := host.At.KV.Keys(string(k), prefix, cursor, page)
			if err != nil {
				yield("", err)
				return
			}
			for _, key := range keys {
				if !yield(key, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			cursor = next
		}
	}
}
