#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wss::testing::fuzz::handshake(bytes));
