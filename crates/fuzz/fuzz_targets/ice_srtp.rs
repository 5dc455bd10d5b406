#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ice::testing::fuzz::srtp(bytes));
