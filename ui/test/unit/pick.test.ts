import { describe, expect, it } from 'vitest';
import * as people from '../../gallery/people';
import { headAccount, shapeOf, shownCall, waitingCalls, worstOfOthers } from '../../src/state/pick';

const { mara, practice, sales } = people;
const talking = people.talking('c1', people.priya, 10);
const held = people.talking('c2', people.jonas, 10, { hold: 'local', active: false });
const rings = people.call('c3', people.support, { is: 'incoming', mayAutoAnswerAt: null }, { direction: 'in', active: false });
const over = people.call('c4', people.support, { is: 'ended', cause: { is: 'busy', error: null, elsewhere: null } }, { active: false });

describe('the call that fills the window', () => {
  const shown = (...calls: typeof talking[]) => shownCall(calls)?.id;
  it('is the one that rings, then the active one, then one on hold, then one that ended', () => {
    expect(shown(talking, held, rings, over)).toBe('c3');
    expect(shown(held, talking, over)).toBe('c1');
    expect(shown(over, held)).toBe('c2');
    expect(shown(over)).toBe('c4');
    expect(shown()).toBeUndefined();
  });
  it('is not one that was silenced while one speaks', () => expect(shown(talking, { ...rings, silenced: true })).toBe('c1'));
  it('is the silenced one when there is no other', () => expect(shown({ ...rings, silenced: true })).toBe('c3'));
});
it('leaves the other live calls as cards', () => {
  expect(waitingCalls([talking, held, over], talking).map(({ id }) => id)).toEqual(['c2']);
});

describe('the account of the header', () => {
  const head = (accounts: typeof mara[], defaultAccount: string | null) =>
    headAccount(people.state({ accounts, settings: { ...people.state().settings, defaultAccount } }))?.id;
  it('is the chosen one, else the only own one, else the practice line', () => {
    expect(head([mara, sales, practice], 'a2')).toBe('a2');
    expect(head([practice, mara], null)).toBe('a1');
    expect(head([practice, { ...mara, enabled: false }], null)).toBe('a0');
    expect(head([], null)).toBeUndefined();
  });
});
describe('the second mark', () => {
  const failed = { ...sales, line: { is: 'failed', error: people.error('wrong-password', '') } } as const;
  const other = (...accounts: typeof mara[]) => worstOfOthers(people.state({ accounts }))?.id;
  it('is the worst of the lines that the header does not name', () => {
    expect(other(mara, failed, practice)).toBe('a2');
    expect(other(mara, { ...practice, line: { is: 'suspect', since: '', provenAt: '' } })).toBe('a0');
    expect(other(mara, sales, practice)).toBeUndefined();
    expect(other({ ...failed, id: 'a1' }, practice)).toBeUndefined();
  });
});
it('has a shape for every line', () => {
  expect(shapeOf({ is: 'off' })).toBe('off');
  expect(shapeOf(mara.line)).toBe('ready');
  expect(shapeOf({ is: 'connecting', step: 'tls', since: '', why: 'start' })).toBe('working');
});
