import { describe, expect, it } from 'vitest';
import { bare, clean, initials, numberOf, title } from '../../src/state/remote';

const size = (text: string) => [...new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text)].length;

describe('a name that somebody else chose', () => {
  it('loses controls and line breaks', () => expect(clean('A\u0000\r\n\tB\u0085C\u2028D')).toBe('A B C D'));
  it('loses every mark of direction and every invisible letter', () => {
    const marks = ['\u061c', '\u200b', '\u200e', '\u200f', ...'\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\u00ad\u3164', '\u{e0041}'];
    for (const mark of marks) expect(clean(`a${mark}b`), mark.codePointAt(0)?.toString(16)).toBe('ab');
  });
  it('keeps what real names need', () => {
    for (const name of ['Tomás Berger', '周永安', 'مريم الحسن', 'नेहा', '👩‍👩‍👧 family', 'می‌خواهم']) expect(clean(name)).toBe(name);
  });
  it('has at most 64 letters and says that there were more', () => {
    expect(clean('x'.repeat(64))).toBe('x'.repeat(64));
    expect(clean('x'.repeat(65))).toBe(`${'x'.repeat(63)}…`);
    expect(size(clean('é👩‍👩‍👧'.repeat(500)))).toBe(64);
  });
  it('piles no more than four marks on a letter', () => expect(clean(`Z${'\u0301'.repeat(400)}`).normalize('NFD')).toHaveLength(5));
  it('of a megabyte takes no time', () => {
    const begun = performance.now();
    clean('\u202e\u0301a'.repeat(350_000));
    expect(performance.now() - begun).toBeLessThan(200);
  });
});

it('shows the number where there is no name, and an address where there is no number', () => {
  const none = { name: '\u200b ', number: '+46 8', uri: 'sip:x@y' };
  expect(title(none)).toBe('+46 8');
  expect(numberOf({ ...none, number: '' })).toBe('x@y');
  expect(bare('SIPS:a@b')).toBe('a@b');
});
it('draws two letters of a name, one of a Chinese one, none of a number', () => {
  expect(['Jonas Okafor', 'Support, west desk', 'madonna', '周永安', '+46 8 555', ''].map(initials)).toEqual(['JO', 'SW', 'M', '周', '', '']);
});
