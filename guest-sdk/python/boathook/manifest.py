"""Writes a hook's manifest into its component: TOML, in the custom section `boathook`."""

_SECTION = b"boathook"


def with_manifest(component: bytes, manifest: str) -> bytes:
    """The component with this manifest as its last section."""
    payload = _leb128(len(_SECTION)) + _SECTION + manifest.encode()
    return component + b"\0" + _leb128(len(payload)) + payload


def _leb128(number: int) -> bytes:
    """A number as WebAssembly writes it: seven bits a byte, the lowest first."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
