"""The host's services but for `kv` and `fetch`: configuration, events, other hooks, log, secrets, tasks."""

from typing import Any

from .host import ask, host, text, value

_LEVELS = ("silly", "verbose", "info", "debug", "warn", "error")


class _Config:
    """The configuration: the operator's, with the hooks' defaults under it."""

    def get(self, path: str = "", default: Any = None) -> Any:
        """The value at a dotted path; `default` where there is nothing. Without a path: all of it."""
        found = host.config.get(path)
        return default if found is None else value(found)

    def set(self, path: str, data: Any) -> None:
        """Sets a value under this hook's own key or under `custom`, in `configure` alone."""
        ask(host.config.set, path, text(data))

    def own(self, path: "str | None" = None, default: Any = None) -> Any:
        """This hook's own settings, an empty object where there are none; with a path, one of them."""
        return self.get(self._own(path), {} if path is None else default)

    def set_own(self, path: str, data: Any) -> None:
        """Sets one of this hook's own settings, in `configure` alone."""
        self.set(self._own(path), data)

    def key(self) -> str:
        """Where this hook's own settings live: the key in place of `__configKey__`."""
        return host.config.config_key()

    def _own(self, path: "str | None") -> str:
        key = self.key()
        quoted = f'"{key}"' if "." in key else key
        return quoted if path is None else f"{quoted}.{path}"


class _Events:
    """Events between hooks and the server."""

    def emit(self, event: str, payload: Any = None) -> None:
        """Fires an event."""
        ask(host.events.emit, event, text(payload))

    def wait(self, *events: str) -> None:
        """Returns when each of these events has fired. For `initialize` alone."""
        ask(host.events.wait, list(events))

    def subscribe(self, event: str) -> None:
        """Has the event delivered to `handle_event`. For `configure` and `initialize`."""
        ask(host.events.subscribe, event)


class _Hooks:
    """The other hooks."""

    def names(self) -> "list[str]":
        """The names of all hooks that run, in hook order."""
        return host.hooks.names()

    def publish(self, key: str, data: Any) -> None:
        """Makes data public under this hook's name. For `initialize` alone."""
        ask(host.hooks.publish, key, text(data))

    def data(self, hook: str, key: str) -> Any:
        """What another hook made public; none where it did not."""
        return value(host.hooks.data(hook, key))

    def call(self, hook: str, method: str, args: Any = None) -> Any:
        """Calls a method of a hook that is named in this one's `after`, and returns what that returned."""
        return value(ask(host.hooks.call, hook, method, text(args)))


class _Tasks:
    """Work for when no client waits for it any more."""

    def defer(
        self, name: str, payload: Any = None, *, durable: bool = False, delay: "float | None" = None
    ) -> None:
        """Has `handle_task` called with this after the response, or once the call is over: once at most. One that is
        durable takes the grant `tasks = true`, outlives the server, and is tried again until it succeeds. `delay` is in
        seconds."""
        options: "dict[str, Any]" = {}
        if durable:
            options["durable"] = True
        if delay is not None:
            options["delay"] = round(delay * 1000)
        ask(host.tasks.defer, name, text(payload), text(options))


class _Secrets:
    """Secrets, by grant."""

    def get(self, name: str) -> str:
        """The text of a secret."""
        return ask(host.secrets.get, name)


class _Log:
    """The server's log, by Sails' levels. Fields are for those who search the log."""

    def silly(self, message: str, **fields: Any) -> None:
        self.write("silly", message, **fields)

    def verbose(self, message: str, **fields: Any) -> None:
        self.write("verbose", message, **fields)

    def info(self, message: str, **fields: Any) -> None:
        self.write("info", message, **fields)

    def debug(self, message: str, **fields: Any) -> None:
        self.write("debug", message, **fields)

    def warn(self, message: str, **fields: Any) -> None:
        self.write("warn", message, **fields)

    def error(self, message: str, **fields: Any) -> None:
        self.write("error", message, **fields)

    def write(self, level: str, message: str, **fields: Any) -> None:
        """Writes a line of any level."""
        if self.enabled(level):
            host.log.log(_LEVELS.index(level), str(message), text(fields))

    def enabled(self, level: str) -> bool:
        """Whether lines of this level are written at all."""
        return host.log.enabled(_LEVELS.index(level))


config = _Config()
events = _Events()
hooks = _Hooks()
secrets = _Secrets()
tasks = _Tasks()
log = _Log()
