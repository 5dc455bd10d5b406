// Times, days, durations and levels in words and figures. Every one takes the language; none reads the clock.
const cache = new Map<string, Intl.DateTimeFormat>();

// English dates put the day first, so that nobody reads 3/2 the wrong way round: 3 Feb 2026.
const region = (tag: string) => (tag === 'en' ? 'en-GB' : tag);

function dates(tag: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = tag + JSON.stringify(options);
  let format = cache.get(key);
  if (!format) cache.set(key, (format = new Intl.DateTimeFormat(region(tag), options)));
  return format;
}

// All times have 24 hours in every language: they stand under one another in columns of equal width.
const HOURS = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;

export const clock = (iso: string, tag: string) => dates(tag, HOURS).format(new Date(iso));
export const exactClock = (iso: string, tag: string) => dates(tag, { ...HOURS, second: '2-digit' }).format(new Date(iso));

/** A day; a dash for one that a certificate tells in no way that can be read. */
export function dayOf(iso: string, tag: string): string {
  const day = new Date(iso);
  return Number.isNaN(day.getTime()) ? '–' : dates(tag, { day: 'numeric', month: 'short', year: 'numeric' }).format(day);
}

/** Whole days from the day of `iso` to the day of `now`, both on this computer's calendar. */
export function daysAgo(iso: string, now: number): number {
  const midnight = (time: Date) => Date.UTC(time.getFullYear(), time.getMonth(), time.getDate());
  return Math.round((midnight(new Date(now)) - midnight(new Date(iso))) / 86_400_000);
}

/** The heading of a day before yesterday. */
export function dayHeading(iso: string, now: number, tag: string): string {
  const ago = daysAgo(iso, now);
  if (ago > 1 && ago < 7) return dates(tag, { weekday: 'long' }).format(new Date(iso));
  const sameYear = new Date(iso).getFullYear() === new Date(now).getFullYear();
  return dates(tag, sameYear ? { day: 'numeric', month: 'long' } : { day: 'numeric', month: 'long', year: 'numeric' }).format(new Date(iso));
}

/** Whole seconds from `from` to `to`, never less than none: clocks differ. */
export function secondsBetween(from: string, to: number | string): number {
  return Math.max(0, Math.floor((new Date(to).getTime() - new Date(from).getTime()) / 1000));
}

/** `00:51`, `12:47`, `1:02:03`: a running time, whose figures keep their places. */
export function running(seconds: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

/** `0:07`: how long something took. */
export const took = (seconds: number) => running(seconds).replace(/^0(?=\d)/, '');

/** The share of a bar that a level of sound fills: nothing below −60 dB, all of it at 0 dB. */
export const share = (dbfs: number | null | undefined) =>
  dbfs === null || dbfs === undefined || !Number.isFinite(dbfs) ? 0 : Math.min(1, Math.max(0, (dbfs + 60) / 60));

/** `−18 dB`, with a true minus. */
export const decibels = (dbfs: number) => `${dbfs < 0 ? '−' : ''}${Math.abs(Math.round(dbfs))} dB`;

/** `4F:1A:…`, as people read a fingerprint to each other. */
export const fingerprint = (hex: string) => (hex.toUpperCase().match(/.{1,2}/g) ?? []).join(':');

/** One of the five hues of the round marks, the same for the same person every time. */
export function hue(name: string): number {
  let sum = 0;
  for (const letter of name) sum = (Math.imul(sum, HUE_STEP) + (letter.codePointAt(0) ?? 0)) >>> 0;
  return sum % 5;
}
// Chosen so that neighbours in a usual list differ.
const HUE_STEP = 82003;
