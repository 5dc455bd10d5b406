// Strings that somebody else chose. They become text nodes and nothing else; here they lose what would let them move
// or hide the text around them (CONFORMANCE S5).
const LONGEST = 64;
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;
// Marks of direction, embeddings, overrides, isolates; zero-width and invisible ones; tags and variation fillers.
const HIDDEN = /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]/gu;
const PILED = /(\p{M}{4})\p{M}+/gu;
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** `text` without controls, without marks of direction, on one line, of at most 64 graphemes. */
export function clean(text: string): string {
  // More than this never reaches the limit, and a name may be a megabyte long.
  const plain = text.slice(0, 4096).replace(CONTROLS, ' ').replace(HIDDEN, '').replace(PILED, '$1').replace(/\s+/g, ' ').trim();
  const kept: string[] = [];
  for (const { segment } of graphemes.segment(plain)) {
    if (kept.length === LONGEST) return `${kept.slice(0, LONGEST - 1).join('')}…`;
    kept.push(segment);
  }
  return kept.join('');
}

/** An address as people write it: without the scheme. */
export const bare = (address: string) => clean(address.replace(/^sips?:/i, ''));

/** The name to show, or the number when there is no name. */
export function title(party: { name: string; number: string; uri: string }): string {
  return clean(party.name) || numberOf(party);
}

/** The number, which stands beside every name; an address where there is no number. */
export function numberOf(party: { number: string; uri: string }): string {
  return clean(party.number) || bare(party.uri);
}

/** Up to two letters for the round mark beside a name. */
export function initials(name: string): string {
  const words = clean(name).split(/[\s,._-]+/).filter((word) => /^\p{L}/u.test(word));
  const first = words[0] ?? '';
  if (/^\p{Script=Han}|^\p{Script=Hiragana}|^\p{Script=Katakana}|^\p{Script=Hangul}/u.test(first)) return [...first][0] ?? '';
  return words.slice(0, 2).map((word) => [...word][0]?.toUpperCase() ?? '').join('');
}

/** The name of the file at the end of a path of this computer. */
export const fileOf = (path: string) => clean(path.split(/[\\/]/).at(-1) ?? path);
