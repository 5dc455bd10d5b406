#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::testing::fuzz::xr(bytes));
