//! For the tests of this crate and of those that use it.

pub mod fuzz;
