import { describe, expect, it } from 'vitest';
import { hostile, jons } from '../../gallery/people';
import { complete, dialable, findDigits, findWord } from '../../src/state/complete';

const cut = (text: string, at: [number, number] | null) => at && text.slice(...at);

describe('a name', () => {
  it('is found at the beginning of any word, without case and accents', () => {
    expect(cut('Mika Jónsson', findWord('Mika Jónsson', 'JON'))).toBe('Jón');
    expect(cut('Jonas Okafor', findWord('Jonas Okafor', 'jonas o'))).toBe('Jonas O');
    expect(findWord('Jonas', 'nas')).toBeNull();
    expect(cut('周永安', findWord('周永安', '永'))).toBe('永');
  });
  it('marks whole letters when one letter folds to several', () => expect(cut('İstanbul Straße', findWord('İstanbul Straße', 'stra'))).toBe('Stra'));
  it('of nothing is found nowhere', () => expect(findWord('Jonas', '\u0301')).toBeNull());
});

describe('a number', () => {
  it('is found without its spaces', () => expect(cut('+44 20 7946 0121', findDigits('+44 20 7946 0121', '2079'))).toBe('20 79'));
  it('is not found in letters', () => expect(findDigits('+44 20', 'x')).toBeNull());
});

describe('matches', () => {
  it('are people, the latest first, each once', () => {
    expect(complete(jons, 'jon').map(({ party }) => [party.name, party.number])).toEqual([
      ['Jonas Okafor', '214'], ['Jonas Okafor', '+47 55 50 12 34'], ['Mika Jónsson', '+354 555 0164'],
    ]);
  });
  it('are marked in the cleaned name, not in the one that was sent', () => expect(complete(hostile, 'gnp')[0]?.name).toEqual([0, 3]));
  it('are none for nothing', () => expect(complete(jons, '  ')).toEqual([]));
});

it('knows a number or an address, which is meant as it stands', () => {
  expect(['600', '+44 (20) 79-1', '*99#', 'a@b', 'sip:x', 'tel:1'].every(dialable)).toBe(true);
  expect(['jon', 'room 5', ''].some(dialable)).toBe(false);
});
