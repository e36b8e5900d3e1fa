package boathook

import (
	"strings"

	"boathook/internal/host"
)

// Config is the value at a dotted path of the configuration: the operator's, with the hooks' defaults under it. It
// is the zero value where there is nothing; a pointer tells that from a zero. Without a path it is all of it.
func Config[T any](path string) (T, error) {
	var value T
	found, isThere := host.At.Config.Get(path)
	if !isThere {
		return value, nil
	}
	if err := read(found, &value); err != nil {
		return value, Errorf(0, "setting `%s`: %v", path, err)
	}
	return value, nil
}

// Own is the same below this hook's own key.
func Own[T any](path string) (T, error) { return Config[T](ownPath(path)) }

// SetConfig sets a value under this hook's own key or under `custom`, in Configure alone.
func SetConfig(path string, value any) error {
	return given(value, func(made string) error { return host.At.Config.Set(path, made) })
}

// SetOwn sets one of this hook's own settings, in Configure alone.
func SetOwn(path string, value any) error { return SetConfig(ownPath(path), value) }

// ConfigKey is where this hook's own settings live: the key in place of `__configKey__`.
func ConfigKey() string { return host.At.Config.Key() }

// ownPath is a path below the own key, which stands in quotes where it has a dot itself.
func ownPath(path string) string {
	key := ConfigKey()
	if strings.Contains(key, ".") {
		key = `"` + key + `"`
	}
	if path == "" {
		return key
	}
	return key + "." + path
}
