//! No policy lets anybody in without an Allow or past a Deny.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| samd_tests::properties::policy(data));
