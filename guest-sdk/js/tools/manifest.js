// Writes a hook's manifest into its component: TOML, in the custom section `boathook`.

const SECTION = 'boathook';

/** The component with this manifest as its last section. */
export function withManifest(component, manifest) {
  const name = Buffer.from(SECTION);
  const payload = Buffer.concat([leb128(name.length), name, Buffer.from(manifest)]);
  return Buffer.concat([component, Buffer.from([0]), leb128(payload.length), payload]);
}

/** A number as WebAssembly writes it: seven bits a byte, the lowest first. */
function leb128(number) {
  const bytes = [];
  for (; number >= 0x80; number >>>= 7) bytes.push((number & 0x7f) | 0x80);
  return Buffer.from([...bytes, number]);
}
