//! Whatever a function returns has a reply that can be sent.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| samd_tests::properties::reply(data));
