// The rows of the history that the window has read so far, newest first.
import type { HistoryRow } from '../ipc';
import type { Phone } from './phone.svelte';

const PAGE = 200;

export class History {
  rows = $state.raw<HistoryRow[]>([]);
  #whole = false;
  #reading = false;
  #again = false;

  constructor(private readonly phone: Phone) {}

  /** Reads as many rows again as are known, after a change. */
  async refresh(): Promise<void> {
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    try {
      const limit = Math.max(PAGE, this.rows.length);
      const rows = (await this.phone.ask({ do: 'history', limit })).rows ?? [];
      this.#whole = rows.length < limit;
      this.rows = rows;
    } catch {
      // The history stays as it was; the next change asks again.
    } finally {
      this.#reading = false;
    }
    if (this.#again) {
      this.#again = false;
      await this.refresh();
    }
  }

  /** Reads the rows before the oldest known one. */
  async more(): Promise<void> {
    const last = this.rows.at(-1);
    if (this.#whole || this.#reading || !last) return;
    this.#reading = true;
    try {
      const rows = (await this.phone.ask({ do: 'history', limit: PAGE, before: last.id })).rows ?? [];
      this.#whole = rows.length < PAGE;
      this.rows = [...this.rows, ...rows];
    } catch {
      this.#whole = true;
    } finally {
      this.#reading = false;
    }
  }
}

/** A call that nobody took: it rang here and was neither answered nor turned away. */
export function isMissed(row: HistoryRow): boolean {
  return row.direction === 'in' && row.answeredAt === null && ['cancelled', 'no-answer', 'hung-up-there', 'missed'].includes(row.cause.is);
}

export interface Entry {
  row: HistoryRow;
  /** How many calls of the same kind in a row it stands for. */
  count: number;
}

/** Missed calls of one caller that follow each other on one day become one entry with their count. */
export function folded(rows: HistoryRow[], day: (row: HistoryRow) => number): Entry[] {
  const entries: Entry[] = [];
  for (const row of rows) {
    const last = entries.at(-1);
    if (last && isMissed(row) && isMissed(last.row) && last.row.with.uri === row.with.uri && day(last.row) === day(row)) last.count++;
    else entries.push({ row, count: 1 });
  }
  return entries;
}
