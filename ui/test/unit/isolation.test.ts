// The isolation page (CONFORMANCE H5): it lets the door's own messages through unchanged, and nothing else.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';

interface Call {
  cmd: unknown;
  callback: number;
  error: number;
  options?: unknown;
  payload?: unknown;
}
const file = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8');
const source = file('../../isolation/index.js');

function frame() {
  const window: { __TAURI_ISOLATION_HOOK__?: (call: Call) => Call } = {};
  runInNewContext(source, { window });
  const hook = window.__TAURI_ISOLATION_HOOK__;
  if (!hook) throw new Error('the page sets no hook');
  return { window, hook };
}
const { hook } = frame();
const call = (cmd: unknown, payload?: unknown): Call => ({ cmd, callback: 1, error: 2, payload });
const refused = (one: Call) => {
  const passed = hook(one);
  return passed !== one && passed.cmd === 'refused' && passed.callback === 1 && passed.error === 2 && JSON.stringify(passed.payload) === '{}' && passed.options === undefined;
};

describe('the isolation page', () => {
  it('lets the two commands of the door through as they are', () => {
    for (const one of [
      call('attach', { channel: '__CHANNEL__:3' }),
      call('send', { id: 0, command: { do: 'state' } }),
      call('send', { id: 7, command: { do: 'call', to: '600', account: 'a1' } }),
      call('plugin:__TAURI_CHANNEL__|fetch', null),
    ])
      expect(hook(one)).toBe(one);
  });
  it('refuses every other command, whatever its name looks like', () => {
    for (const cmd of ['', 'Send', 'send ', 'attach\0', 'refused', 'plugin:shell|execute', 'plugin:event|listen', 'plugin:window|close', '__proto__', 'toString', 7, null, undefined, ['send'], { toString: () => 'send' }])
      expect(refused(call(cmd, { id: 1, command: { do: 'state' } })), String(cmd)).toBe(true);
  });
  it('refuses a door opened with anything but a channel', () => {
    for (const payload of [undefined, null, {}, [], 'x', { channel: 3 }, { channel: '__CHANNEL__:' }, { channel: '__CHANNEL__:1;x' }, { channel: ['__CHANNEL__:x'] }, { channel: '__CHANNEL__:1', more: 1 }, { id: 1, command: { do: 'state' } }])
      expect(refused(call('attach', payload)), JSON.stringify(payload)).toBe(true);
  });
  it('refuses a command that is none', () => {
    const odd = [null, [], 'state', 7, {}, { do: null }, { do: '' }, { do: 'State' }, { do: 'toString' }, { do: ['state'] }, { do: 'run' }, { is: 'state' }, Object.create({ do: 'state' })];
    for (const command of odd) expect(refused(call('send', { id: 1, command })), JSON.stringify(command)).toBe(true);
    for (const id of [undefined, null, '1', 1.5, -1, NaN, Infinity, 2 ** 60, [1], {}]) expect(refused(call('send', { id, command: { do: 'state' } })), String(id)).toBe(true);
    for (const payload of [undefined, null, [], 'x', { command: { do: 'state' } }, { id: 1 }, { id: 1, command: { do: 'state' }, path: '/etc/passwd' }])
      expect(refused(call('send', payload)), JSON.stringify(payload)).toBe(true);
  });
  it('knows the commands of the contract, no more and no less', () => {
    const known = [...(source.match(/WORDS = \[([^\]]*)\]/)?.[1] ?? '').matchAll(/"([a-z-]+)"/g)].map(([, word]) => word);
    const contract = [...file('../../src/ipc/contract.ts').matchAll(/["']?\bdo["']?: ["']([a-z-]+)["']/g)].map(([, word]) => word);
    expect(contract.length).toBeGreaterThan(20);
    expect(known.toSorted()).toEqual([...new Set(contract)].toSorted());
  });
  it('lets nothing ride along when Tauri fetches a long message', () => {
    for (const payload of [{ id: 1 }, [1], 'x']) expect(refused(call('plugin:__TAURI_CHANNEL__|fetch', payload))).toBe(true);
  });
  it('cannot be replaced by a later script', () => {
    const { window, hook: first } = frame();
    expect(() => Object.defineProperty(window, '__TAURI_ISOLATION_HOOK__', { value: null })).toThrow();
    expect(Reflect.set(window, '__TAURI_ISOLATION_HOOK__', null)).toBe(false);
    expect(window.__TAURI_ISOLATION_HOOK__).toBe(first);
  });
  it('is tiny and loads nothing', () => {
    expect(source.split('\n').length).toBeLessThan(60);
    expect(source).not.toMatch(/\bimport\b|require\(|fetch\(|https?:/);
    expect(file('../../isolation/index.html').match(/<script[^>]*>/g)).toEqual(['<script src="index.js">']);
  });
});
