// What a hook's native tests import from `boathook-sdk/testing`.

import type { Hook, Json } from './index.d.ts';

/** What a test knows of the world around the hook. */
export interface LiftOptions {
  /** The hook's name, and so the key of its settings; `hook` by default. */
  name?: string;
  /** Names of other hooks. */
  hooks?: string[];
  /** What other hooks made public: hook to key to value. */
  published?: Record<string, Record<string, Json>>;
  /** Methods of other hooks, by `hook.method`. */
  methods?: Record<string, (args: any) => unknown>;
  /** Secrets that are granted. */
  secrets?: Record<string, string>;
  /** Answers for other servers; without it every fetch fails as one that is not granted. */
  fetch?: (request: { method: string; url: string; body: string; options: any }) => {
    status?: number;
    headers?: Record<string, string>;
    body?: string;
    json?: unknown;
  };
  /** What `kv` holds: namespace to key to value. */
  kv?: Record<string, Record<string, unknown>>;
}

/** A request besides method and path. */
export interface RequestOptions {
  headers?: Record<string, string | string[]>;
  body?: string | Uint8Array;
  /** The body as JSON, in place of `body`. */
  json?: unknown;
  /** Who asks; 127.0.0.1 by default. */
  ip?: string;
  protocol?: 'http' | 'https';
  locals?: Record<string, Json>;
  session?: Record<string, Json>;
  /** What the app answers where the hook lets the request pass. */
  target?: { status?: number; headers?: Record<string, string | string[]>; body?: string };
}

/** What became of a request. */
export interface Reply {
  /** How the hook's last step ended; `next` where it let the request pass, `error` where it threw. */
  outcome: 'next' | 'next-route' | 'respond' | 'error';
  error?: Error;
  status: number;
  headers: Record<string, string>;
  header(name: string): string | undefined;
  body: Buffer;
  text: string;
  json(): any;
  locals: Record<string, any>;
  session: Record<string, any>;
}

/** A lifted hook: one instance, as in mode `single`. */
export interface Lifted {
  readonly log: { level: string; message: string; fields: any }[];
  readonly fired: { event: string; payload: any }[];
  readonly published: Record<string, any>;
  readonly sent: { method: string; url: string; body: string; options: any }[];
  /** The tasks that the hook handed itself. */
  readonly deferred: { name: string; payload: any; options: { durable?: boolean; delay?: number } }[];
  /** Runs the tasks that were deferred so far, and takes them from the list. */
  runTasks(attempt?: number): void;
  /** Has a tick come. */
  tick(name: string): void;
  /**
   * Puts another hook, or this one once more, in its place, as a deploy does: lifts it, with the same settings and
   * options or others, gives it what this one hands over, and returns it.
   */
  swap(hook?: Hook, config?: Record<string, any>, options?: LiftOptions): Lifted;
  config(path?: string): any;
  kept(namespace: string, key: string): string | undefined;
  request(method: string, path: string, options?: RequestOptions): Reply;
  action(name: string, method: string, path: string, options?: RequestOptions): Reply;
  call(name: string, args?: unknown): any;
  deliver(event: string, payload?: unknown): boolean;
  lower(): void;
}

/** Lifts a hook as the server would: `defaults`, `configure`, `initialize`, `routes`. */
export function lift(hook: Hook, config?: Record<string, any>, options?: LiftOptions): Lifted;
