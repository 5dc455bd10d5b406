#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sip::testing::fuzz::agent(bytes));
