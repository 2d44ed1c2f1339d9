//! Any request has an event in each form, with its body.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| samd_tests::properties::event(data));
