#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pbx::testing::fuzz::exchange(bytes));
