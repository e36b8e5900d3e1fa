"""The interface `kv` in memory. In a test every namespace is granted."""

import json
import time
from types import SimpleNamespace
from typing import Any, Mapping

from .refused import Refused


class KvInterface:
    def __init__(self, seeds: "Mapping[str, Mapping[str, Any]]") -> None:
        self._kept: "dict[tuple[str, str], tuple[bytes, float | None]]" = {}
        for namespace, values in seeds.items():
            for key, value in values.items():
                self._kept[namespace, key] = (json.dumps(value).encode(), None)

    def get(self, namespace: str, key: str) -> "bytes | None":
        data, until = self._kept.get((namespace, key), (None, None))
        return None if until is not None and until <= time.time() else data

    def set(self, namespace: str, key: str, value: bytes, ms: "int | None") -> None:
        self._kept[namespace, key] = (value, _until(ms))

    def delete(self, namespace: str, key: str) -> bool:
        was_there = self.get(namespace, key) is not None
        self._kept.pop((namespace, key), None)
        return was_there

    def compare_and_set(
        self, namespace: str, key: str, old: "bytes | None", new: "bytes | None", ms: "int | None"
    ) -> bool:
        if self.get(namespace, key) != old:
            return False
        if new is None:
            self._kept.pop((namespace, key), None)
        else:
            self.set(namespace, key, new, ms)
        return True

    def increment(self, namespace: str, key: str, by: int, ms: "int | None") -> SimpleNamespace:
        there = self.get(namespace, key)
        until = _until(ms) if there is None else self._kept[namespace, key][1]
        try:
            value = int(there or b"0") + by
        except ValueError:
            raise Refused("E_KV_INVALID", f"`{key}` is no number") from None
        self._kept[namespace, key] = (str(value).encode(), until)
        return SimpleNamespace(
            value=value, left_ms=None if until is None else round((until - time.time()) * 1000)
        )

    def keys(self, namespace: str, prefix: str, cursor: "str | None", limit: int) -> SimpleNamespace:
        here = [key for own, key in self._kept if own == namespace and key.startswith(prefix)]
        found = sorted(key for key in here if self.get(namespace, key) is not None)
        return SimpleNamespace(keys=found, cursor=None)


def _until(ms: "int | None") -> "float | None":
    return None if ms is None else time.time() + ms / 1000
