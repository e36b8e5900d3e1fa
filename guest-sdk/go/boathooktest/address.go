package boathooktest

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"boathook/internal/host"
)

// matched matches an address: verbs, `:param`, `:param?` and `*`, no regular expressions.
func matched(t testing.TB, route host.Route, method, path string) ([]host.Pair, bool) {
	verb, pattern, hasVerb := strings.Cut(route.Address, " ")
	if !hasVerb {
		verb, pattern = "", route.Address
	}
	if strings.HasPrefix(pattern, "r|") {
		t.Fatalf("boathooktest does not match `%s`: a regular expression", route.Address)
	}
	if !fits(strings.ToUpper(verb), method) || (passesAssets(route, verb, pattern) && looksLikeAsset(path)) {
		return nil, false
	}
	var params []host.Pair
	rest, stars := segments(path), 0
	for _, part := range segments(pattern) {
		name, isParam := strings.CutPrefix(part, ":")
		switch {
		case part == "*":
			params = append(params, host.Pair{Name: strconv.Itoa(stars), Value: strings.Join(rest, "/")})
			rest, stars = nil, stars+1
		case isParam && len(rest) > 0:
			value, err := url.PathUnescape(rest[0])
			if err != nil {
				value = rest[0]
			}
			params = append(params, host.Pair{Name: strings.TrimSuffix(name, "?"), Value: value})
			rest = rest[1:]
		case isParam && strings.HasSuffix(part, "?"):
		case len(rest) > 0 && !isParam && strings.EqualFold(rest[0], part):
			rest = rest[1:]
		default:
			return nil, false
		}
	}
	return params, len(rest) == 0
}

func fits(verb, method string) bool {
	switch verb {
	case "":
		return slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}, method)
	case "ALL":
		return true
	default:
		return verb == method || (verb == "GET" && method == "HEAD")
	}
}

// passesAssets says whether a route passes over paths that look like a file: by flag, or as Sails does by default.
func passesAssets(route host.Route, verb, pattern string) bool {
	last := pattern[strings.LastIndex(pattern, "/")+1:]
	byDefault := strings.HasPrefix(last, ":") && !strings.EqualFold(verb, "ALL")
	return route.Flags&host.SkipAssets != 0 || (byDefault && route.Flags&host.KeepAssets == 0)
}

func segments(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(part string) bool { return part == "" })
}
