//! The whole phone against the practice line, over real sockets, through the contract alone: commands go in as lines of
//! JSON, and what is known of the phone is what its lines say. Each line is looked through for the passwords.
//!
//! Nothing waits for a time: a test waits for what a line says, and a minute at most.

mod account;
mod busy;
mod conference;
mod domain;
mod ear;
mod echo;
mod listeners;
mod lost;
mod person;
mod place;
mod practice;
mod stranger;
mod talk;
