"""Defines the class that a hook is a subclass of: one method a verb, each with a default that does nothing."""

from typing import Any, TypeVar

from .errors import HookError
from .routes import Method, Route

T = TypeVar("T")


class Hook:
    """A hook. Every method is optional.

    The order is a promise: `defaults` of all hooks, then `configure` of all, then `initialize` of all. A hook that
    runs in several instances goes through them in each; only a hook in mode `single` may count on seeing every
    request in one `self`.

    Nothing here is async: what has to wait (`fetch`, `kv`, `events.wait`) waits by itself, and suspends the hook.
    """

    def defaults(self, overrides: "dict[str, Any]") -> "dict[str, Any]":
        """The settings that the operator need not write; the root key `__configKey__` stands for the hook's own.
        `overrides` is the operator's whole configuration."""
        return {}

    def configure(self) -> None:
        """The time to derive settings from settings, with `config.set`, which works here alone."""

    def initialize(self) -> None:
        """The time to prepare: read settings into `self`, publish data, wait for other hooks."""

    def lower(self) -> None:
        """The opposite of `initialize`. Called once when the server stops."""

    def handle_event(self, event: str, payload: Any) -> None:
        """An event fired that `events.subscribe` asked for."""

    def handle_task(self, name: str, payload: Any, attempt: int) -> None:
        """A task that `tasks.defer` handed over. Of a durable one that has failed again; `attempt` is 1 the first time.
        A hook that defers tasks must have it."""
        raise HookError(f"the hook has no `handle_task`, and was given the task `{name}`")

    def handle_tick(self, name: str) -> None:
        """One of the times of a schedule that the manifest names: `ticks = [{ name = "clean-up", every = "5m" }]`."""
        raise HookError(f"the hook has no `handle_tick`, and it is time for `{name}`")

    def before_swap(self) -> Any:
        """What the hook that comes in this one's place, while the server runs, is to know: up to 1 MiB of JSON, or
        `None` for nothing. In mode `single` the one instance is asked, in mode `pooled` any."""
        return None

    def after_swap(self, value: Any) -> None:
        """What the generation before handed out, if it did: after `initialize`, before the first request. It may be of
        an older or a newer version: pass over what cannot be read. An error refuses this version."""

    def routes(self) -> "list[Route]":
        """The hook's routes, in the order in which they are to match: those of the decorators, as they were written.
        Called after `initialize`; every instance must give the same."""
        return list(self._decorated(Route).values())

    def methods(self) -> "dict[str, Method]":
        """What other hooks may call: what `@method` decorates."""
        return self._decorated(Method)

    def _decorated(self, kind: "type[T]") -> "dict[str, T]":
        """The attributes of this kind, those of base classes first; a subclass's own wins."""
        found: "dict[str, T]" = {}
        for owner in reversed(type(self).__mro__):
            found.update({name: made for name, made in vars(owner).items() if isinstance(made, kind)})
        return found
