package boathooktest

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// keys is `kv` in memory. In a test every namespace is granted.
type keys struct{ kept map[string]map[string]entry }

type entry struct {
	value []byte
	until time.Time
}

func seeded(t testing.TB, seeds map[string]map[string]any) *keys {
	t.Helper()
	k := &keys{map[string]map[string]entry{}}
	for space, values := range seeds {
		for key, value := range values {
			k.put(space, key, []byte(encoded(t, value)), time.Time{})
		}
	}
	return k
}

func (k *keys) put(space, key string, value []byte, until time.Time) {
	if k.kept[space] == nil {
		k.kept[space] = map[string]entry{}
	}
	k.kept[space][key] = entry{append([]byte{}, value...), until}
}

// get is what is there, if its time is not over.
func (k *keys) get(space, key string) (entry, bool) {
	found, isThere := k.kept[space][key]
	if isThere && !found.until.IsZero() && !time.Now().Before(found.until) {
		return entry{}, false
	}
	return found, isThere
}

func (k *keys) Get(space, key string) ([]byte, error) {
	found, _ := k.get(space, key)
	return found.value, nil
}

func (k *keys) Set(space, key string, value []byte, expiresIn uint64) error {
	k.put(space, key, value, end(expiresIn))
	return nil
}

func (k *keys) Delete(space, key string) (bool, error) {
	_, isThere := k.get(space, key)
	delete(k.kept[space], key)
	return isThere, nil
}

func (k *keys) CompareAndSet(space, key string, old, new []byte, expiresIn uint64) (bool, error) {
	found, isThere := k.get(space, key)
	if isThere != (old != nil) || !bytes.Equal(found.value, old) {
		return false, nil
	}
	if new == nil {
		delete(k.kept[space], key)
	} else {
		k.put(space, key, new, end(expiresIn))
	}
	return true, nil
}

func (k *keys) Increment(space, key string, by int64, window uint64) (int64, uint64, error) {
	found, isThere := k.get(space, key)
	value := int64(0)
	if isThere {
		var err error
		if value, err = strconv.ParseInt(string(found.value), 10, 64); err != nil {
			return 0, 0, refused("E_KV_INVALID", "`%s` is no number", key)
		}
	} else {
		found.until = end(window)
	}
	value += by
	k.put(space, key, strconv.AppendInt(nil, value, 10), found.until)
	if found.until.IsZero() {
		return value, 0, nil
	}
	return value, uint64(time.Until(found.until).Milliseconds()), nil
}

func (k *keys) Keys(space, prefix, _ string, _ uint32) ([]string, string, error) {
	var found []string
	for key := range k.kept[space] {
		if _, isThere := k.get(space, key); isThere && strings.HasPrefix(key, prefix) {
			found = append(found, key)
		}
	}
	slices.Sort(found)
	return found, "", nil
}

func end(ms uint64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(ms) * time.Millisecond)
}
