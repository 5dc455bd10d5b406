// The form of an account: from an account to its fields and back to what the phone is asked.
import type { Account, AccountWish, Keepalive } from '../ipc';
import { bare } from './remote';

export interface Form {
  address: string;
  password: string;
  server: string;
  authUser: string;
  name: string;
  displayName: string;
  stun: string;
  turn: string;
  turnUser: string;
  turnPassword: string;
  ca: string;
  proxy: string;
  proxyPassword: string;
  httpUser: string;
  httpPassword: string;
  headers: string;
  clientCert: string;
  keepalive: Keepalive;
  codecs: string;
  /** As typed: the phone says what is no bit-rate. */
  bitrate: string;
  /** What is kept and shall be no longer: neither comes back to be emptied. */
  forget: ('headers' | 'clientCert')[];
  enabled: boolean;
}

export function formOf(account: Account | null): Form {
  return {
    address: account ? bare(account.address) : '',
    password: '',
    server: account?.server ?? '',
    authUser: account?.authUser ?? '',
    name: account?.name ?? '',
    displayName: account?.displayName ?? '',
    stun: account?.stun.join('\n') ?? '',
    turn: account?.turn[0]?.url ?? '',
    turnUser: account?.turn[0]?.user ?? '',
    turnPassword: '',
    ca: account?.ca ?? '',
    proxy: account?.proxy ?? '',
    proxyPassword: '',
    httpUser: account?.httpUser ?? '',
    httpPassword: '',
    headers: '',
    clientCert: '',
    keepalive: account?.keepalive ?? 'ping',
    codecs: account?.codecs.join(', ') ?? '',
    bitrate: account?.bitrate?.toString() ?? '',
    forget: [],
    enabled: account?.enabled ?? true,
  };
}

/** Has the address a user and a server? More is checked by the phone, which knows how. */
export const addressed = (address: string) => /^(sips?:)?[^\s@]+@[^\s@]+$/i.test(address.trim());

const texts = ['server', 'authUser', 'name', 'displayName', 'ca', 'proxy', 'httpUser'] as const;

/**
 * The fields to send. Of a new account only what was filled in; of a known one what differs, so that nothing is
 * overwritten that the form does not show.
 */
export function wishOf(form: Form, account: Account | null): AccountWish {
  const before = formOf(account);
  const wish: AccountWish = {};
  const text = (name: (typeof texts)[number]) => {
    const value = form[name].trim();
    if (account ? value !== before[name].trim() : value !== '') wish[name] = value;
  };
  const address = form.address.trim();
  if (!account || address !== before.address) wish.address = /^sips?:/i.test(address) ? address : `sip:${address}`;
  texts.forEach(text);
  const lines = (value: string) => value.split(/[\s,]+/).filter(Boolean);
  if (account ? form.stun.trim() !== before.stun : form.stun.trim() !== '') wish.stun = lines(form.stun);
  const turn = form.turn.trim();
  if (turn !== before.turn || form.turnUser.trim() !== before.turnUser) wish.turn = turn ? [{ url: turn, user: form.turnUser.trim() }] : [];
  if (form.codecs.trim() !== before.codecs) wish.codecs = lines(form.codecs.toLowerCase());
  const bitrate = form.bitrate.trim();
  // What is no whole number goes as one that the phone refuses, naming the field.
  if (bitrate !== before.bitrate) wish.bitrate = bitrate === '' ? 0 : /^\d{1,9}$/.test(bitrate) ? Number(bitrate) || 1 : 1;
  if (form.enabled !== before.enabled) wish.enabled = form.enabled;
  if (form.keepalive !== before.keepalive) wish.keepalive = form.keepalive;
  for (const name of form.forget) wish[name] = '';
  // What is kept of these never comes back to the form: only what was typed is sent.
  for (const name of ['password', 'turnPassword', 'httpPassword', 'proxyPassword', 'headers', 'clientCert'] as const) {
    if (form[name] !== '') wish[name] = form[name];
  }
  return wish;
}
