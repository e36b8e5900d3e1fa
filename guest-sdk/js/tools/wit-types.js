// Writes types/wit.d.ts: the world's interfaces as TypeScript, from `wit/`, with their documentation.
//
// `npm run types` writes the file; `npm test` fails where it is not what this makes today. It reads the
// subset of WIT that this package uses (no resources, no streams), and says so where it meets more.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SDK = dirname(dirname(fileURLToPath(import.meta.url)));
const FILE = join(SDK, 'types/wit.d.ts');
const HEAD = `// Generated from wit/ by tools/wit-types.js: \`npm run types\`. Not to be edited.
//
// As componentize-qjs hands values over: records are objects with keys in camelCase, an option is the value
// or null, an error of a result is thrown, flags are an object of booleans, an enum is a string.
`;

const PRIMITIVES = {
  bool: 'boolean', string: 'string', char: 'string', u8: 'number', u16: 'number', u32: 'number',
  u64: 'number', s8: 'number', s16: 'number', s32: 'number', s64: 'number', f32: 'number', f64: 'number',
};

/** The whole file. */
export function generate(folder = join(SDK, '../../wit')) {
  const files = readdirSync(folder).filter((name) => name.endsWith('.wit')).sort();
  const texts = files.map((name) => readFileSync(join(folder, name), 'utf8'));
  const [, pkg, version] = /package ([a-z:-]+)@([\d.]+);/.exec(texts[0]);
  const modules = texts.flatMap((text) => new Reader(text).file()).map(({ name, docs, items }) =>
    `${docs}declare module '${pkg}/${name}@${version}' {\n${items.join('\n')}\n}\n`);
  const from = (text) => text.replaceAll("from 'types'", `from '${pkg}/types@${version}'`);
  return [HEAD, ...modules.map(from)].join('\n');
}

/** Reads one file, token by token. */
class Reader {
  #tokens;
  #at = 0;

  constructor(text) {
    this.#tokens = text.match(/\/\/\/[^\n]*|\/\/[^\n]*|->|[A-Za-z%][\w-]*|\d[\w.]*|[@(){}<>:;,=._*/]/g)
      .filter((token) => !/^\/\/(?!\/)/.test(token));
  }

  /** The interfaces of the file; worlds are passed over, as they only name them. */
  file() {
    const found = [];
    while (this.#peek() !== undefined) {
      const docs = this.#docs('');
      const word = this.#next();
      if (word === 'interface') found.push(this.#interface(docs));
      else if (word === 'world') this.#block();
      else if (word === 'package') this.#until(';');
      else throw new Error(`wit: \`${word}\` where an interface is expected`);
    }
    return found;
  }

  #interface(docs) {
    const name = this.#next();
    this.#expect('{');
    const items = [];
    while (this.#peek() !== '}') items.push(this.#item());
    this.#expect('}');
    return { name, docs, items };
  }

  #item() {
    const docs = this.#docs('  ');
    const word = this.#next();
    switch (word) {
      case 'use': return this.#use();
      case 'type': return this.#alias(docs);
      case 'record': return this.#record(docs);
      case 'flags': return this.#flags(docs);
      case 'enum': return this.#enum(docs);
      case 'variant': return this.#variant(docs);
      default: return this.#function(docs, word);
    }
  }

  #use() {
    const from = this.#next();
    this.#expect('.');
    const names = this.#list('{', '}', () => {
      const name = pascal(this.#next());
      return this.#skip('as') ? `${name} as ${pascal(this.#next())}` : name;
    });
    this.#expect(';');
    return `  import type { ${names.join(', ')} } from '${from}';`;
  }

  #alias(docs) {
    const name = pascal(this.#next());
    this.#expect('=');
    const type = this.#type();
    this.#expect(';');
    return `${docs}  export type ${name} = ${type};`;
  }

  #record(docs) {
    const name = pascal(this.#next());
    const fields = this.#list('{', '}', () => {
      const field = this.#docs('    ') + `    ${camel(this.#next())}: `;
      this.#expect(':');
      return `${field}${this.#type()};`;
    });
    return `${docs}  export interface ${name} {\n${fields.join('\n')}\n  }`;
  }

  #flags(docs) {
    const name = pascal(this.#next());
    const flags = this.#list('{', '}', () => `${this.#docs('    ')}    ${camel(this.#next())}?: boolean;`);
    return `${docs}  export interface ${name} {\n${flags.join('\n')}\n  }`;
  }

  #enum(docs) {
    const name = pascal(this.#next());
    const cases = this.#list('{', '}', () => `${this.#docs('    ')}    | '${this.#next()}'`);
    return `${docs}  export type ${name} =\n${cases.join('\n')};`;
  }

  #variant(docs) {
    const name = pascal(this.#next());
    const cases = this.#list('{', '}', () => {
      const head = `${this.#docs('    ')}    | { tag: '${this.#next()}'`;
      const payload = this.#peek() === '(' ? this.#list('(', ')', () => this.#type()) : [];
      return `${head}${payload.map((type) => `; val: ${type}`).join('')} }`;
    });
    return `${docs}  export type ${name} =\n${cases.join('\n')};`;
  }

  #function(docs, name) {
    this.#expect(':');
    if (this.#next() !== 'func') throw new Error(`wit: \`${name}\` is no function`);
    const params = this.#list('(', ')', () => {
      const param = camel(this.#next());
      this.#expect(':');
      return `${RESERVED.includes(param) ? `${param}_` : param}: ${this.#type()}`;
    });
    const returns = this.#skip('->') ? this.#type() : 'void';
    this.#expect(';');
    // A name that JavaScript keeps for itself is exported as what it is all the same.
    const own = camel(name);
    if (!RESERVED.includes(own)) return `${docs}  export function ${own}(${params.join(', ')}): ${returns};`;
    return `${docs}  function _${own}(${params.join(', ')}): ${returns};\n  export { _${own} as ${own} };`;
  }

  #type() {
    const word = this.#next();
    const inner = () => this.#list('<', '>', () => (this.#skip('_') ? 'void' : this.#type()));
    if (word === 'list') {
      const isBytes = this.#tokens[this.#at + 1] === 'u8';
      const [element] = inner();
      if (isBytes) return 'Uint8Array';
      return element.includes('|') ? `(${element})[]` : `${element}[]`;
    }
    if (word === 'option') return `${inner()[0]} | null`;
    if (word === 'tuple') return `[${inner().join(', ')}]`;
    // What a result's error is, its documentation says: it is thrown.
    if (word === 'result') return inner()[0] ?? 'void';
    return PRIMITIVES[word] ?? pascal(word);
  }

  #list(open, close, element) {
    const found = [];
    this.#expect(open);
    while (!this.#skip(close)) {
      found.push(element());
      this.#skip(',');
    }
    return found;
  }

  #docs(indent) {
    const lines = [];
    for (;;) {
      if (this.#peek()?.startsWith('///')) lines.push(this.#next().slice(3).trim());
      else if (this.#skip('@')) this.#until(')');
      else break;
    }
    if (lines.length === 0) return '';
    const text = lines.map((line) => `${indent} * ${line}`.trimEnd().replaceAll('*/', '*\\/'));
    return `${indent}/**\n${text.join('\n')}\n${indent} */\n`;
  }

  #block() {
    this.#until('{');
    this.#until('}');
  }

  #until(token) {
    while (this.#next() !== token);
  }

  #skip(token) {
    if (this.#peek() !== token) return false;
    this.#at++;
    return true;
  }

  #expect(token) {
    const found = this.#next();
    if (found !== token) throw new Error(`wit: \`${found}\` where \`${token}\` is expected`);
  }

  #peek() {
    return this.#tokens[this.#at];
  }

  #next() {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new Error('wit: the file ends too early');
    return token;
  }
}

const RESERVED = ['delete', 'default', 'new', 'class', 'function', 'import', 'export'];

function camel(name) {
  return name.replace('%', '').replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
}

function pascal(name) {
  const text = camel(name);
  return text[0].toUpperCase() + text.slice(1);
}

if (process.argv.includes('--write')) writeFileSync(FILE, generate());
