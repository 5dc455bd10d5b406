import { describe, expect, it } from 'vitest';
import { actionOf, type Where } from '../../src/state/keys';

const nowhere: Where = { typing: false, pressing: false, call: false, ringing: false, onRinging: false, above: false, field: false };
const home: Where = { ...nowhere, field: true };
const inCall: Where = { ...nowhere, call: true };
const ringing: Where = { ...nowhere, call: true, ringing: true };
function does(key: string, where: Where) {
  const ctrl = key.startsWith('Ctrl+');
  return actionOf({ key: ctrl ? key.slice(5) : key, ctrl, alt: false, shift: '*#+'.includes(key) }, where);
}

describe('a figure', () => {
  it('typed anywhere lands in the field', () => {
    for (const digit of '0123456789*#+') expect(does(digit, home)).toEqual({ is: 'digit', digit });
  });
  it('is left to the field that has the focus', () => expect(does('5', { ...home, typing: true })).toBeNull());
  it('goes out as a tone in a call, but not while it rings here', () => {
    expect(does('5', inCall)).toEqual({ is: 'tone', digit: '5' });
    expect(does('+', inCall)).toBeNull();
    expect(does('5', ringing)).toBeNull();
  });
  it('does nothing on a page of settings', () => expect(does('5', nowhere)).toBeNull());
});

describe('a ringing call', () => {
  const onIt = { ...ringing, onRinging: true };
  it('is answered by Enter only with the focus on it', () => {
    expect(does('Enter', ringing)).toBeNull();
    expect(does('Enter', onIt)).toEqual({ is: 'answer' });
  });
  it('is left to the focused button', () => expect(does('Enter', { ...onIt, pressing: true })).toBeNull());
  it('is never answered by Space', () => {
    for (const where of [ringing, onIt, { ...onIt, pressing: true }]) expect(does(' ', where)).toBeNull();
  });
  it('is declined by Escape only with the focus on it and nothing to go back from', () => {
    expect(does('Escape', ringing)).toBeNull();
    expect(does('Escape', onIt)).toEqual({ is: 'decline' });
    expect(does('Escape', { ...onIt, above: true })).toEqual({ is: 'back' });
  });
  it('is not hung up, muted or held', () => {
    for (const key of ['Ctrl+d', 'm', 'h', 'k']) expect(does(key, ringing)).toBeNull();
  });
});

it('mutes, holds, opens the keypad and hangs up in a call', () => {
  expect(does('m', inCall)).toEqual({ is: 'mute' });
  expect(does('h', inCall)).toEqual({ is: 'hold' });
  expect(does('k', inCall)).toEqual({ is: 'keypad' });
  expect(does('Ctrl+D', inCall)).toEqual({ is: 'hangup' });
});
it('keeps letters for the field that is typed into', () => {
  for (const key of ['m', 'h', 'k', 'r', '/', '1']) expect(does(key, { ...home, typing: true })).toBeNull();
});
it('leads to the field, the tabs and the sheet from anywhere', () => {
  expect(does('/', home)).toEqual({ is: 'field' });
  expect(does('Ctrl+f', { ...home, typing: true })).toEqual({ is: 'field' });
  expect(does('Ctrl+2', nowhere)).toEqual({ is: 'tab', tab: 2 });
  expect(does('F1', { ...home, typing: true })).toEqual({ is: 'sheet' });
});
it('hangs nothing up and mutes nothing without a call', () => {
  for (const key of ['m', 'h', 'Ctrl+d']) expect(does(key, home)).toBeNull();
});
it('leaves Alt to the desktop', () => expect(actionOf({ key: '1', ctrl: false, alt: true, shift: false }, home)).toBeNull());
