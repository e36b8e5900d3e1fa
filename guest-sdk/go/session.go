package boathook

import "boathook/internal/host"

// A Session keeps values from one request of a client to the next, by the grant `session = true`.
type Session struct{}

// Get reads the value of a key, and says whether there is one.
func (Session) Get(key string, into any) (bool, error) {
	return readIf(into)(host.At.Session.Get(key))
}

// All reads all keys with their values.
func (Session) All(into any) error {
	found, err := host.At.Session.All()
	if err != nil {
		return err
	}
	return read(found, into)
}

// Set sets the value of a key. Where there was no session, one begins.
func (Session) Set(key string, value any) error {
	return given(value, func(made string) error { return host.At.Session.Set(key, made) })
}

// Delete removes a key.
func (Session) Delete(key string) error { return host.At.Session.Delete(key) }

// Destroy ends the session, and takes the cookie away from the client.
func (Session) Destroy() error { return host.At.Session.Destroy() }

// Regenerate gives the session a new id. Call it where a user logs in.
func (Session) Regenerate() error { return host.At.Session.Regenerate() }

// Flash leaves a value that is there until ReadFlash takes it, most often at the next request.
func (Session) Flash(key string, value any) error {
	return given(value, func(made string) error { return host.At.Session.Flash(key, made) })
}

// ReadFlash takes a flash out, and says whether there was one.
func (Session) ReadFlash(key string, into any) (bool, error) {
	return readIf(into)(host.At.Session.ReadFlash(key))
}

// readIf reads what is there into a value.
func readIf(into any) func(string, bool, error) (bool, error) {
	return func(found string, isThere bool, err error) (bool, error) {
		if err != nil || !isThere {
			return false, err
		}
		return true, read(found, into)
	}
}
