import { describe, expect, it } from 'vitest';
import { rows } from '../../gallery/people';
import { Fake } from '../../src/ipc/fake';
import { folded, History, isMissed } from '../../src/state/history.svelte';
import { Phone } from '../../src/state/phone.svelte';
import { outcomeSays } from '../../src/state/says';
import * as people from '../../gallery/people';

const plain = (text: string) => text.replace(/[\u2066-\u2069]/g, '');

it('counts missed calls of one caller that follow each other on one day', () => {
  const entries = folded(rows, () => 0);
  expect(entries.map(({ row, count }) => [row.id, count])).toEqual([['h7', 1], ['h6', 2], ['h4', 1], ['h3', 1], ['h2', 1]]);
  expect(folded(rows, (row) => (row.id === 'h5' ? 1 : 0)).map(({ count }) => count)).toEqual([1, 1, 1, 1, 1, 1]);
});
it('says how each call went', () => {
  expect(folded(rows, () => 0).map(({ row, count }) => plain(outcomeSays(row, count)))).toEqual([
    'Answered, 4 min', 'Missed, 2 times', 'Busy', '38 min', 'Answered on another phone',
  ]);
});
it('calls no call missed that was taken or turned away', () => {
  const [answered] = rows;
  expect(answered && isMissed(answered)).toBe(false);
  expect(rows.filter((row) => row.cause.is === 'answered-elsewhere').some(isMissed)).toBe(false);
});

describe('reading', () => {
  const many = Array.from({ length: 450 }, (_, k) => ({ ...people.rows[0]!, id: `h${1000 - k}` }));
  async function reader() {
    const phone = new Phone(
      new Fake(people.state(), (command) => {
        if (command.do !== 'history') return {};
        const from = command.before ? many.findIndex(({ id }) => id === command.before) + 1 : 0;
        return { rows: many.slice(from, from + (command.limit ?? 50)) };
      }),
    );
    await phone.open();
    return new History(phone);
  }
  it('goes page by page to the end, each row once', async () => {
    const history = await reader();
    await history.refresh();
    expect(history.rows).toHaveLength(200);
    for (let k = 0; k < 5; k++) await history.more();
    expect(history.rows.map(({ id }) => id)).toEqual(many.map(({ id }) => id));
  });
  it('reads as many again after a change', async () => {
    const history = await reader();
    await history.refresh();
    await history.more();
    await history.refresh();
    expect(history.rows).toHaveLength(400);
  });
});
