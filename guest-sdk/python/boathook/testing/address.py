"""Matches addresses for tests: verbs, `:param`, `:param?` and `*`, no regular expressions."""

from urllib.parse import unquote

from ..routes import Route

_FIVE = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def matches(address: str, method: str, path: str) -> "list[tuple[str, str]] | None":
    """The parameters if the address matches; none if it does not."""
    verb, _, pattern = address.rpartition(" ")
    if pattern.startswith("r|"):
        raise ValueError(f"testing does not match `{address}`: a regex")
    if not _verb_fits(verb.upper(), method):
        return None
    rest = _segments(path)
    params: "list[tuple[str, str]]" = []
    stars = 0
    for part in _segments(pattern):
        if part == "*":
            params.append((str(stars), "/".join(rest)))
            stars, rest = stars + 1, []
        elif part.startswith(":") and rest:
            params.append((part.strip(":?"), unquote(rest.pop(0))))
        elif part.startswith(":"):
            if not part.endswith("?"):
                return None
        elif not rest or rest.pop(0).lower() != part.lower():
            return None
    return None if rest else params


def passes_assets(route: Route) -> bool:
    """Whether a route passes over paths that look like a file: by flag, or as Sails does by default."""
    ends_in_param = route.address.rsplit("/", 1)[-1].startswith(":")
    by_default = ends_in_param and not route.keep_assets and not route.address.upper().startswith("ALL ")
    return route.skip_assets or by_default


def _verb_fits(verb: str, method: str) -> bool:
    if not verb:
        return method in _FIVE
    return verb in ("ALL", method) or (verb == "GET" and method == "HEAD")


def _segments(path: str) -> "list[str]":
    return [segment for segment in path.split("/") if segment]
