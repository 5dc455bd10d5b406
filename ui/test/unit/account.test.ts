import { describe, expect, it } from 'vitest';
import { mara } from '../../gallery/people';
import { addressed, formOf, wishOf } from '../../src/state/account';

describe('a new account', () => {
  it('sends only what was filled in', () => {
    const form = { ...formOf(null), address: ' 2001@example.com ', password: 'secret-100' };
    expect(wishOf(form, null)).toEqual({ address: 'sip:2001@example.com', password: 'secret-100' });
  });
  it('sends lists as lists', () => {
    const form = { ...formOf(null), address: 'sip:a@b', stun: 'one:3478\n two', turn: 'turn:x', turnUser: 'u', turnPassword: 'p' };
    expect(wishOf(form, null)).toEqual({ address: 'sip:a@b', stun: ['one:3478', 'two'], turn: [{ url: 'turn:x', user: 'u' }], turnPassword: 'p' });
  });
});

describe('a known account', () => {
  it('sends nothing when nothing was changed', () => expect(wishOf(formOf(mara), mara)).toEqual({}));
  it('sends what differs, and an emptied field as empty', () => {
    expect(wishOf({ ...formOf(mara), server: '', displayName: 'Mara', enabled: false }, mara)).toEqual({ server: '', displayName: 'Mara', enabled: false });
  });
  it('never gets back what is kept, and forgets it when told to', () => {
    const kept = { ...mara, httpUser: 'front', headers: ['X-Token'], keepalive: 'both' as const };
    expect(wishOf(formOf(kept), kept)).toEqual({});
    expect(wishOf({ ...formOf(kept), httpUser: '', forget: ['headers'], keepalive: 'ping' }, kept)).toEqual({ httpUser: '', headers: '', keepalive: 'ping' });
    expect(wishOf({ ...formOf(kept), forget: ['headers'], headers: 'X-Token: new' }, kept)).toEqual({ headers: 'X-Token: new' });
  });
  it('has codecs in an order and a bit-rate, and gives up both', () => {
    const own = { ...mara, codecs: ['g722', 'opus'], bitrate: 24_000 };
    expect(wishOf(formOf(own), own)).toEqual({});
    expect(wishOf({ ...formOf(mara), codecs: ' Opus, pcma', bitrate: '64000' }, mara)).toEqual({ codecs: ['opus', 'pcma'], bitrate: 64_000 });
    expect(wishOf({ ...formOf(own), codecs: '', bitrate: '' }, own)).toEqual({ codecs: [], bitrate: 0 });
    // What is no number is refused by the phone, which names the field, and is never the end of one that was there.
    for (const typed of ['fast', '0', '64k']) expect(wishOf({ ...formOf(own), bitrate: typed }, own)).toEqual({ bitrate: 1 });
  });
  it('keeps its password when none is typed', () => expect(wishOf({ ...formOf(mara), name: 'x' }, mara)).not.toHaveProperty('password'));
});

it('knows an address by its user and its server', () => {
  expect(['2001@example.com', 'sip:a@b', 'SIPS:a@b'].every(addressed)).toBe(true);
  expect(['2001', 'a@', '@b', 'a b@c', 'a@b@c', ''].some(addressed)).toBe(false);
});
