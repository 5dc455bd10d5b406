// Matches for what is typed in the one field, from the history. Case and accents do not count.
import type { HistoryRow, Party } from '../ipc';
import { clean, numberOf } from './remote';

export interface Match {
  party: Party;
  /** The letters that matched, as places in the cleaned name or number. */
  name: [number, number] | null;
  number: [number, number] | null;
}

/** Letters without case and accents, each with its place in `text`. */
function fold(text: string): { letters: string; places: number[] } {
  let letters = '';
  const places: number[] = [];
  let place = 0;
  for (const letter of text) {
    const folded = letter.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
    for (let k = 0; k < folded.length; k++) places.push(place);
    letters += folded;
    place += letter.length;
  }
  places.push(place);
  return { letters, places };
}

/** Where `query` begins a word of `text`. */
export function findWord(text: string, query: string): [number, number] | null {
  const { letters, places } = fold(text);
  const wanted = fold(query).letters;
  if (!wanted) return null;
  for (let at = letters.indexOf(wanted); at !== -1; at = letters.indexOf(wanted, at + 1)) {
    const before = letters[at - 1];
    // Chinese has no spaces: there any letter begins a word.
    if (before === undefined || !/[\p{L}\p{N}]/u.test(before) || /\p{Script=Han}/u.test(before))
      return [places[at] ?? 0, places[at + wanted.length] ?? text.length];
  }
  return null;
}

/** Where the figures of `query` stand in `number`; spaces and dashes of either do not count. */
export function findDigits(number: string, query: string): [number, number] | null {
  const skip = /[\s().\-/]/;
  const wanted = [...query].filter((letter) => !skip.test(letter)).join('').toLowerCase();
  if (!wanted) return null;
  const places: number[] = [];
  let digits = '';
  [...number].forEach((letter, place) => {
    if (skip.test(letter)) return;
    digits += letter.toLowerCase();
    places.push(place);
  });
  const at = digits.indexOf(wanted);
  const last = places[at + wanted.length - 1];
  return at === -1 || last === undefined ? null : [places[at] ?? 0, last + 1];
}

/** Is this a number or an address, so that it is meant as it stands? */
export const dialable = (text: string) => /^[\d\s().\-/+*#]+$/.test(text.trim()) || text.includes('@') || /^sips?:|^tel:/i.test(text.trim());

/** The people of the history that `query` means, the latest first, each once. */
export function complete(rows: HistoryRow[], query: string, most = 5): Match[] {
  const text = query.trim();
  const found: Match[] = [];
  const seen = new Set<string>();
  if (!text) return found;
  for (const { with: party } of rows) {
    if (seen.has(party.uri)) continue;
    const name = findWord(clean(party.name), text);
    const number = findDigits(numberOf(party), text);
    if (!name && !number) continue;
    seen.add(party.uri);
    found.push({ party, name, number });
    if (found.length === most) break;
  }
  return found;
}
