import { FluentBundle, FluentResource } from '@fluent/bundle';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { choose, LANGUAGES, setLanguage, t, type Tag } from '../../src/text/words.svelte';

const SOURCE = join(import.meta.dirname, '../../src');
const tags = Object.keys(LANGUAGES) as Tag[];
const files = (tag: string) => readdirSync(join(SOURCE, 'text', tag)).filter((name) => name.endsWith('.ftl') && name !== 'shell.ftl');
const read = (tag: string, file: string) => readFileSync(join(SOURCE, 'text', tag, file), 'utf8');
const keysOf = (text: string) => [...text.matchAll(/^([a-z][a-z0-9-]*) =/gm)].map(([, key]) => key ?? '');
const keys = (tag: string) => files(tag).flatMap((file) => keysOf(read(tag, file))).sort();
/** The names a message wants to be given. */
const wants = (tag: string, key: string) => {
  const text = files(tag).map((file) => read(tag, file)).join('\n');
  const body = text.match(new RegExp(`^${key} =([^]*?)(?=^[a-z#]|$(?![^]))`, 'm'))?.[1] ?? '';
  return [...new Set([...body.matchAll(/\$(\w+)/g)].map(([, name]) => name))].sort();
};
const sources = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.(svelte|ts)$/.test(path) && !path.endsWith('contract.ts'))
  .map((path) => readFileSync(join(SOURCE, path), 'utf8'));

describe.each(tags)('the words in %s', (tag) => {
  it('are well formed', () => {
    for (const file of files(tag)) {
      const resource = new FluentResource(read(tag, file));
      expect(resource.body.map(({ id }) => id), file).toEqual(keysOf(read(tag, file)));
      expect(new FluentBundle(tag).addResource(resource)).toEqual([]);
    }
  });
  it('name nothing twice', () => expect(keys(tag)).toEqual([...new Set(keys(tag))]));
  it('are the same keys as in English, none missing and none over', () => expect(keys(tag)).toEqual(keys('en')));
  it('want the same values as in English, or fewer where the language has no plural', () => {
    for (const key of keys(tag)) for (const name of wants(tag, key)) expect(wants('en', key), key).toContain(name);
  });
  it('are all used', () => {
    const unused = keys(tag).filter((key) => !sources.some((source) => source.includes(`'${key}'`)));
    expect(unused).toEqual([]);
  });
  it('hold every key that is asked for', () => {
    const asked = sources.flatMap((source) => [...source.matchAll(/\bt\(\s*'([^']+)'/g)].map(([, key]) => key ?? ''));
    expect(asked.length).toBeGreaterThan(80);
    expect(asked.filter((key) => !keys(tag).includes(key))).toEqual([]);
  });
});

it('speaks the language that is set', () => {
  setLanguage('zh-CN');
  expect(t('hang-up')).toBe('挂断');
  setLanguage('en');
  expect(t('hang-up')).toBe('Hang up');
});
it('isolates an inserted name from the direction of the text around it', () => {
  expect(t('call-via', { account: 'שלום' })).toBe('via \u2068שלום\u2069');
});
it('has plurals', () => {
  expect(t('missed-count', { count: 1 })).toBe('one missed call');
  expect(t('missed-count', { count: 2 }).replace(/[\u2068\u2069]/g, '')).toBe('2 missed calls');
});

describe('the language', () => {
  it('is the one that is set', () => expect(choose('zh-CN', ['en'])).toBe('zh-CN'));
  it('is the first of the computer that there are words for', () => expect(choose('system', ['fr', 'zh-Hans-SG', 'en'])).toBe('zh-CN'));
  it('passes over the C of the C locale', () => expect(choose('system', ['C', 'zh'])).toBe('zh-CN'));
  it('is English where nothing fits', () => expect(choose('system', ['C'])).toBe('en'));
});
