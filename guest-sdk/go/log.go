package boathook

import (
	"fmt"

	"boathook/internal/host"
)

// A Level is one of Sails' levels of the log.
type Level int

// The levels, as the world counts them.
const (
	LevelSilly Level = iota
	LevelVerbose
	LevelInfo
	LevelDebug
	LevelWarn
	LevelError
)

// Log writes a line to the server's log. Fields, if any, are pairs of a name and a value, for those who search it.
func Log(level Level, message string, fields ...any) {
	if !LogEnabled(level) {
		return
	}
	table := make(map[string]any, len(fields)/2)
	for at := 0; at+1 < len(fields); at += 2 {
		table[fmt.Sprint(fields[at])] = fields[at+1]
	}
	made, err := text(table)
	if err != nil {
		// A line without its fields is better than none.
		made = "{}"
	}
	host.At.Log.Log(int(level), message, made)
}

// LogEnabled says whether lines of this level are written at all.
func LogEnabled(level Level) bool { return host.At.Log.Enabled(int(level)) }

// Info writes a line that an operator likes to know.
func Info(message string, fields ...any) { Log(LevelInfo, message, fields...) }

// Debug writes a line for whoever looks for a mistake.
func Debug(message string, fields ...any) { Log(LevelDebug, message, fields...) }

// Warn writes a line about what is odd.
func Warn(message string, fields ...any) { Log(LevelWarn, message, fields...) }
