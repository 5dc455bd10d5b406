import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const css = readFileSync(join(import.meta.dirname, '../../tokens.css'), 'utf8');
function theme(name: string): Record<string, string> {
  const block = css.match(new RegExp(`\\[data-theme="${name}"\\] \\{([^}]*)\\}`))?.[1] ?? '';
  return Object.fromEntries([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map(([, token, colour]) => [token ?? '', colour ?? '']));
}
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
/** WCAG 2.2, 1.4.3 */
function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

const GROUNDS = ['bg', 'surface', 'sunken'];
const TEXT: [string, string][] = [
  ...GROUNDS.flatMap((ground): [string, string][] => ['ink', 'ink-2', 'ink-3'].map((ink) => [ink, ground])),
  ...['go', 'stop', 'accent'].flatMap((tone): [string, string][] => [[`on-${tone}`, tone], [tone, `${tone}-soft`], [tone, 'bg'], [tone, 'surface'], ['ink', `${tone}-soft`]]),
  ['warn', 'warn-soft'], ['ink', 'warn-soft'], ['ink-2', 'warn-soft'], ['ink-2', 'stop-soft'], ['bg', 'ink'],
  ...[0, 1, 2, 3, 4].map((hue): [string, string] => [`on-hue-${hue}`, `hue-${hue}`]),
];

describe.each(['light', 'dark'])('the %s theme', (name) => {
  const tokens = theme(name);
  it.each(TEXT)('%s on %s can be read', (ink, ground) => {
    expect(contrast(tokens[ink] ?? '', tokens[ground] ?? '')).toBeGreaterThanOrEqual(4.5);
  });
  it.each(['bg', 'surface'])('the edge of an input can be seen on %s', (ground) => {
    expect(contrast(tokens['line-strong'] ?? '', tokens[ground] ?? '')).toBeGreaterThanOrEqual(3);
  });
});
