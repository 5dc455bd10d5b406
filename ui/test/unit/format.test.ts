import { describe, expect, it } from 'vitest';
import * as format from '../../src/state/format';

const NOON = Date.parse('2026-03-05T12:00:00Z');

describe('times', () => {
  it('have 24 hours and two figures in every language', () => {
    expect(format.clock('2026-03-05T00:05:00Z', 'en')).toBe('00:05');
    expect(format.clock('2026-03-05T14:02:00Z', 'zh-CN')).toBe('14:02');
    expect(format.exactClock('2026-03-05T14:06:31Z', 'en')).toBe('14:06:31');
  });
  it('put the day before the month in English', () => {
    expect(format.dayOf('2026-02-03T00:00:00Z', 'en')).toBe('3 Feb 2026');
    expect(format.dayOf('2026-02-03T00:00:00Z', 'zh-CN')).toBe('2026年2月3日');
  });
  it('are a dash where a certificate has none that can be read', () => {
    for (const unreadable of ['', 'soon', '2026-13-45T00:00:00Z']) expect(format.dayOf(unreadable, 'en')).toBe('–');
  });
  it('count days by the calendar, not by 24 hours', () => {
    expect(format.daysAgo('2026-03-05T00:01:00Z', NOON)).toBe(0);
    expect(format.daysAgo('2026-03-04T23:59:00Z', NOON)).toBe(1);
    expect(format.daysAgo('2026-03-06T00:01:00Z', NOON)).toBe(-1);
  });
  it('name days of the last week and date older ones', () => {
    expect(format.dayHeading('2026-03-02T12:00:00Z', NOON, 'en')).toBe('Monday');
    expect(format.dayHeading('2026-02-02T12:00:00Z', NOON, 'en')).toBe('2 February');
    expect(format.dayHeading('2025-02-02T12:00:00Z', NOON, 'en')).toBe('2 February 2025');
  });
});

describe('durations', () => {
  it('keep their places while they run', () => {
    expect([0, 51, 767, 3723].map(format.running)).toEqual(['00:00', '00:51', '12:47', '1:02:03']);
  });
  it('are short when they are over', () => {
    expect([7, 95, 767].map(format.took)).toEqual(['0:07', '1:35', '12:47']);
  });
  it('are never negative when clocks differ', () => {
    expect(format.secondsBetween('2026-03-05T12:00:05Z', NOON)).toBe(0);
    expect(format.secondsBetween('2026-03-05T11:59:00Z', NOON)).toBe(60);
  });
});

describe('levels', () => {
  it('fill the bar from −60 dB to 0 dB', () => {
    expect([-100, -60, -30, 0, 6].map(format.share)).toEqual([0, 0, 0.5, 1, 1]);
    expect([null, undefined, NaN, -Infinity].map(format.share)).toEqual([0, 0, 0, 0]);
  });
  it('are written with a true minus', () => expect(format.decibels(-18.2)).toBe('−18 dB'));
});

it('writes a fingerprint as people read it out', () => expect(format.fingerprint('4f1a90')).toBe('4F:1A:90'));
it('gives one person one hue', () => {
  expect(['Jonas Okafor', 'Support, west desk', 'Priya Nair', 'Tomás Berger', 'Mika Jónsson'].map(format.hue)).toEqual([1, 2, 4, 3, 0]);
});
