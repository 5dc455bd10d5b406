import { describe, expect, it } from 'vitest';
import { CALM_MS, Guard } from '../../src/state/guard';

describe('the guard against presses meant for what stood before', () => {
  let now = 1000;
  const pressed = (guard: Guard) => guard.press(() => true) === true;

  it('closes for 400 ms at every change of phase', () => {
    const guard = new Guard(() => now);
    guard.see('c1 incoming');
    expect(pressed(guard)).toBe(true);
    guard.see('c1 connecting');
    expect(pressed(guard)).toBe(false);
    now += CALM_MS - 1;
    expect(pressed(guard)).toBe(false);
    now += 1;
    expect(pressed(guard)).toBe(true);
  });
  it('stays open while nothing changes', () => {
    const guard = new Guard(() => now);
    guard.see('c1 connected');
    guard.see('c1 connected');
    expect(pressed(guard)).toBe(true);
  });
  it('closes when another call takes the place', () => {
    const guard = new Guard(() => now);
    guard.see('c1 connected');
    guard.see('c2 incoming');
    expect(pressed(guard)).toBe(false);
  });
});
