//! Only the token that was signed passes.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| samd_tests::properties::token(data));
