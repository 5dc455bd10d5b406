export type * from './contract.draft';
export { Door, Refused, type Host } from './door';
export type { Command, ContractError, Line, ReplyOk } from './lines';
