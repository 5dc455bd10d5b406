// Sentences that are put together from a snapshot: of a line, of a call's outcome.
import type { Account, HistoryRow, LineState } from '../ipc';
import { t } from '../text/words.svelte';
import { secondsBetween } from './format';
import { isMissed } from './history.svelte';
import { bare, clean } from './remote';

export function accountName(account: Account): string {
  if (account.practice) return t('practice-line');
  return clean(account.displayName ?? '') || clean(account.name) || bare(account.address);
}

/** One sentence of truth about a line. */
export function lineSays(account: Account, now: number): string {
  const line: LineState = account.line;
  switch (line.is) {
    case 'registered':
      return account.practice ? t('line-ready-practice') : t('line-ready', { address: bare(account.address) });
    case 'connecting':
      return t('line-connecting', { why: line.why, step: line.step });
    case 'suspect':
      return t('line-suspect');
    case 'retrying':
      return t('line-retrying', { seconds: Math.max(0, Math.ceil((Date.parse(line.at) - now) / 1000)) });
    case 'failed':
      return t('line-failed', { code: line.error.code });
    default:
      return t('line-off');
  }
}

/** A length as people say it: seconds, whole minutes, hours and minutes. */
export function lengthSays(seconds: number): string {
  if (seconds < 60) return t('length-seconds', { n: seconds });
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return t('length-minutes', { n: minutes });
  return t('length-hours', { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

/** How the sound of a call of the history was: what spoiled it, and how long, or that it was good; with the figures. */
export function soundSays(row: HistoryRow): { title: string; words: string } | null {
  const quality = row.quality;
  if (!quality) return null;
  const round = (value: number) => Math.round(value * 10) / 10;
  const figures = t('sound-figures', { mos: round(quality.mos), loss: round(quality.lossPct), jitter: Math.round(quality.jitterMs), rtt: quality.rttMs === null ? 'none' : String(Math.round(quality.rttMs)) });
  if (quality.trouble === null) return { title: '', words: `${t('sound-was', { grade: quality.grade })} ${figures}` };
  return { title: quality.trouble.message, words: `${t('sound-poor-for', { length: lengthSays(quality.poorS) })} ${figures}` };
}

/** How a call of the history went. */
export function outcomeSays(row: HistoryRow, count: number): string {
  if (isMissed(row)) return t('outcome-missed', { count });
  if (row.answeredAt === null) return t('outcome-ended', { is: row.cause.is });
  const length = lengthSays(secondsBetween(row.answeredAt, row.endedAt));
  return row.direction === 'in' ? t('outcome-answered', { length }) : t('outcome-spoke', { length });
}
