//! Sound devices: the only crate that links cpal.
